// SPDX-License-Identifier: MIT
// A flow: the traffic of one socket in one window, the owner of the socket, and how sure the owner is.
#pragma once

#include "model/address.hpp"
#include "model/identity.hpp"
#include "model/ids.hpp"
#include "model/socket_facts.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace socktally {

/// `raw`: a raw IP socket, but not one of ICMP. `packet`: what a process sends below IP (AF_PACKET).
enum class Protocol : std::uint8_t { tcp, udp, udplite, icmp, raw, sctp, dccp, mptcp, packet };
std::span<const std::string_view> protocol_names(); // in the order of the enum
std::string_view to_string(Protocol protocol);      // "tcp"
std::optional<Protocol> parse_protocol(std::string_view text);
bool has_ports(Protocol protocol); // whether its sockets have ports

/// Protocol and two endpoints. An unconnected UDP socket has a remote endpoint of Family::none and port 0.
struct Tuple {
    Protocol protocol = Protocol::tcp;
    Endpoint local;
    Endpoint remote;
    auto operator<=>(const Tuple&) const = default;
};

/// The state of a socket when it was last seen; coarser than TCP's, because attribution needs no more.
enum class SocketState : std::uint8_t {
    open,      // connecting, established, half-closed by the peer, or not TCP
    orphaned,  // its process has closed it, the kernel still sends (FIN_WAIT, CLOSING, LAST_ACK without inode)
    time_wait, // TIME_WAIT
    closed,    // destroyed within the window
};

/// Why a flow has no owner. Printed in brackets instead of a process name (see cause_name).
enum class Cause : std::uint8_t { none, exited, kernel, unaccepted, time_wait, other_user, other_netns, unknown };
std::string_view cause_name(Cause cause); // "[time-wait]"; empty for Cause::none
/// Returns the cause with this name; null if there is none.
std::optional<Cause> parse_cause(std::string_view name);
/// Returns whether an unknown process moved, or may have moved, the bytes of a flow with this cause.
bool hides_process(Cause cause);

/// How sure it is that a process is the owner, best first.
enum class Quality : std::uint8_t {
    exact,     // the kernel saw this process move the bytes
    owner,     // this process alone held the socket
    shared,    // this process is one of several that held the socket
    inherited, // this process held the unconnected UDP socket that receives at the port
    socket,    // no process is known, but the cgroup of the socket is (Flow::cgroup_id)
    unknown,   // no owner
};
std::string_view to_string(Quality quality); // "exact"

struct Attribution {
    std::optional<std::uint32_t> process; // index into Sample::processes
    Cause cause = Cause::none;            // Cause::none if there is a process, and before attribute()
    Quality quality = Quality::unknown;
    /// A process without a pid in our namespace moved the bytes, so it does not descend from a process that has one.
    bool is_foreign = false;
};

/// Traffic of a flow at layer `ip`: packets as the stack passed them on (a superpacket counts as one), and their bytes,
/// IP header included. Null if the backend cannot know.
struct PacketCounts {
    std::optional<std::uint64_t> rx_packets;
    std::optional<std::uint64_t> tx_packets;
    std::optional<std::uint64_t> rx_ip_bytes;
    std::optional<std::uint64_t> tx_ip_bytes;
    auto operator<=>(const PacketCounts&) const = default;
};
/// Adds each count; a total becomes null as soon as one part is null.
void add_or_lose(PacketCounts& total, const PacketCounts& part);

struct Flow {
    Tuple tuple;
    Cookie cookie;
    Inode inode;
    Inode netns;                 // inode of the socket's network namespace (`net:[NNN]`); 0: not known
    std::optional<Uid> uid;      // the socket's (its creator's fsuid); null if the kernel did not say
    std::uint64_t cgroup_id = 0; // cgroup of the socket (version 2), from its creator or listener; 0: not known
    std::optional<std::uint64_t> rx_bytes; // payload in the window, from the process's side; null: unknown
    std::optional<std::uint64_t> tx_bytes;
    PacketCounts packets;
    std::uint32_t sockets = 1;   // greater than 1 if a backend sums the sockets of a process
    std::uint32_t interface = 0; // index of the device that the socket is bound to or its packets pass; 0: unknown
    SocketState state = SocketState::open;
    bool has_tuple = true;          // false if the backend summed sockets, or had no room for their tuples
    bool accepted = false;          // the peer opened the connection, so the local port is the service's
    Quality match = Quality::owner; // how sure it is that the traffic belongs to this socket: owner or inherited
    Attribution attribution;        // set by attribute() unless the backend knows the process for sure
    std::shared_ptr<const SocketFacts> facts = nullptr; // of `ports`, and of TCP if BackendOptions::facts; else null

    /// Returns true if the flow moved bytes or packets, or if its bytes are not known.
    bool may_have_traffic() const
    {
        return rx_bytes.value_or(1) != 0 || tx_bytes.value_or(1) != 0 || packets.rx_packets.value_or(0) != 0 ||
               packets.tx_packets.value_or(0) != 0 || (facts != nullptr && facts->retransmitted_bytes.value_or(0) != 0);
    }
};

/// A process as it was when it was looked up. It may have ended since.
struct Process {
    Pid pid;
    StartTime start_time;
    std::string name;                                      // the group leader's comm: any bytes but NUL, at most 15
    std::optional<Uid> uid;                                // effective
    std::optional<std::uint64_t> cgroup_id = std::nullopt; // of version 2, if the backend knows it
    Inode netns = {};                                      // of its first socket, else the process's own; 0: not known
    /// One bit for each process of --tree that this process is, or descends from; null: not known.
    std::optional<std::uint64_t> trees = std::nullopt;
    std::uint64_t stack_start = 0; // address of the stack, which changes at each exec; 0: not known
    std::shared_ptr<const Identity> identity = nullptr; // null until it is read
};

/// Returns whether a process that was seen twice ran the same program both times. A program may rename itself, so the
/// name decides only if the stack is not known.
bool is_same_program(const Process& before, const Process& now);
/// Takes over the name, program and user of the same process from a later sighting. Returns false if nothing has
/// changed.
bool update(Process& process, const Process& now);

/// One process that holds one socket.
struct Holder {
    Inode inode;
    std::uint32_t process = 0; // index into Sample::processes
    bool current = true;       // the process held the socket at the last scan
    bool idle = false;         // another holder of the socket ran in the window, and this one did not
};

} // namespace socktally
