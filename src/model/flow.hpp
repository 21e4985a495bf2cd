// SPDX-License-Identifier: MIT
// A flow: the traffic of one socket in one window, the process that owns the socket, and how certain it is that this
// process is the owner.
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
#include <utility>

namespace socktally {

/// `raw`: a raw IP socket for any protocol but ICMP. `packet`: a socket below IP (AF_PACKET).
enum class Protocol : std::uint8_t { tcp, udp, udplite, icmp, raw, sctp, dccp, mptcp, packet };
std::span<const std::string_view> protocol_names(); // names of all protocols, in the order of the enum
std::string_view to_string(Protocol protocol);      // "tcp"
std::optional<Protocol> parse_protocol(std::string_view text);
bool has_ports(Protocol protocol); // returns whether sockets of the protocol have ports

/// A port, and its protocol; null: any protocol.
using Service = std::pair<std::uint16_t, std::optional<Protocol>>;

/// Protocol and two endpoints. An unconnected UDP socket has a remote endpoint of Family::none and port 0.
struct Tuple {
    Protocol protocol = Protocol::tcp;
    Endpoint local;
    Endpoint remote;
    auto operator<=>(const Tuple&) const = default;
};

/// The state of a socket when it was last seen. Attribution needs no finer states than these.
enum class SocketState : std::uint8_t {
    open,      // TCP: connecting, established or half-closed by the peer; other protocols: any open socket
    orphaned,  // in FIN_WAIT, CLOSING or LAST_ACK without an inode: closed by the process, but the kernel still sends
    time_wait, // TIME_WAIT
    closed,    // destroyed by the kernel within the window
};

/// Why a flow has no owner. Rows show the cause in brackets in place of a process name (see cause_name).
enum class Cause : std::uint8_t { none, exited, kernel, unaccepted, time_wait, other_user, other_netns, unknown };
std::string_view cause_name(Cause cause); // such as "[time-wait]"; empty for Cause::none
/// Returns the cause that cause_name() turns into `name`; null if no cause has this name.
std::optional<Cause> parse_cause(std::string_view name);
/// Returns whether the bytes of a flow with this cause were moved, or may have been moved, by a process that we do not
/// know.
bool hides_process(Cause cause);

/// How certain it is that a process is the owner, best first.
enum class Quality : std::uint8_t {
    exact,     // the kernel saw this process move the bytes
    owner,     // this process alone held the socket
    shared,    // this process is one of several that held the socket
    inherited, // this process held the unconnected UDP socket that receives at the flow's local port
    socket,    // no process is known, only the cgroup of the socket (Flow::cgroup_id)
    unknown,   // no owner
};
std::string_view to_string(Quality quality); // "exact"

struct Attribution {
    std::optional<std::uint32_t> process; // index of the process in Sample::processes
    Cause cause = Cause::none;            // why there is no owner; Cause::none also until attribute() has run
    Quality quality = Quality::unknown;
    /// True if the bytes were moved by a process outside our pid namespace. Such a process has no pid in our namespace,
    /// and none of its ancestors has one.
    bool is_foreign = false;
};

/// Traffic of a flow at layer `ip`. Packets are counted as the network stack passed them on, so a GSO or GRO
/// superpacket counts as one packet. Bytes include IP headers. A count is null if the backend cannot count it.
struct PacketCounts {
    std::optional<std::uint64_t> rx_packets;
    std::optional<std::uint64_t> tx_packets;
    std::optional<std::uint64_t> rx_ip_bytes;
    std::optional<std::uint64_t> tx_ip_bytes;
    auto operator<=>(const PacketCounts&) const = default;
};
/// Adds each count of `part` to `total`. If a count of `part` is null, the count in `total` becomes null.
void add_or_lose(PacketCounts& total, const PacketCounts& part);

struct Flow {
    Tuple tuple;
    Cookie cookie;
    Inode inode;
    Inode netns;                 // inode of the socket's network namespace (`net:[NNN]`); 0: not known
    std::optional<Uid> uid;      // user of the socket (the fsuid of its creator); null: not known
    std::uint64_t cgroup_id = 0; // id of the cgroup (v2) that the socket got from its creator or listener; 0: not known
    std::optional<std::uint64_t> rx_bytes; // payload in the window; rx is what the process received; null: not known
    std::optional<std::uint64_t> tx_bytes;
    PacketCounts packets;
    std::uint32_t sockets = 1;   // number of sockets in the flow, more than 1 if a backend adds up those of a process
    std::uint32_t interface = 0; // index of the device that its socket is bound to or its packets pass; 0: not known
    SocketState state = SocketState::open;
    bool has_tuple = true;          // false: the flow adds up several sockets, or the backend had no room for the tuple
    bool accepted = false;          // true: the peer opened the connection, so the local port is the service's
    Quality match = Quality::owner; // how certain it is that this socket moved the bytes: owner, inherited or unknown
    Attribution attribution;        // set by attribute(), or by a backend that saw the process move the bytes
    std::shared_ptr<const SocketFacts> facts = nullptr; // set by `ports`; for TCP also if BackendOptions::facts is true

    /// Returns true if the flow moved bytes or packets, or if its bytes are not known.
    bool may_have_traffic() const
    {
        return rx_bytes.value_or(1) != 0 || tx_bytes.value_or(1) != 0 || packets.rx_packets.value_or(0) != 0 ||
               packets.tx_packets.value_or(0) != 0 || (facts != nullptr && facts->retransmitted_bytes.value_or(0) != 0);
    }
};

/// A process as it was when it was last seen. It may have ended since.
struct Process {
    Pid pid;
    StartTime start_time;
    std::string name;       // comm of the thread group leader: at most 15 bytes, any but NUL
    std::optional<Uid> uid; // effective
    std::optional<std::uint64_t> cgroup_id = std::nullopt; // cgroup id (v2) of the process; null: the backend lacks it
    Inode netns = {}; // network namespace of its first known socket; if it has none, its own; 0: not known
    /// One bit for each process that --tree names. A bit is set if this process is the named one or descends from it.
    /// Null: not known.
    std::optional<std::uint64_t> trees = std::nullopt;
    std::uint64_t stack_start = 0; // address of the stack, which changes at each exec(3); 0: not known
    std::shared_ptr<const Identity> identity = nullptr; // null until the process is identified
};

/// Returns whether a process ran the same program at two readings, `before` and `now`. Compares Process::stack_start.
/// If one of the two is not known, compares the names, which a program may change.
bool is_same_program(const Process& before, const Process& now);
/// Updates `name`, `stack_start` and `uid` of `process` from `now`, a later reading of the same process. Returns
/// whether the name, the user or the program (is_same_program()) has changed.
bool update(Process& process, const Process& now);

/// One process that holds one socket.
struct Holder {
    Inode inode;
    std::uint32_t process = 0; // index of the process in Sample::processes
    bool current = true;       // true: the process still held the socket when its descriptors were last read
    bool idle = false;         // true: the process did not run in the window, but another holder of the socket did
};

} // namespace socktally
