// SPDX-License-Identifier: MIT
// Captures the packets of one network namespace, window after window, and sums them by flow. Chooses the interfaces so
// that each packet counts once. The watch knows the addresses of the namespace, but no sockets and no other namespaces.
#pragma once

#include "linux/netlink_socket.hpp"
#include "model/interfaces.hpp"
#include "traffic/faults.hpp"
#include "traffic/packet/flow_table.hpp"
#include "traffic/packet/ring.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

namespace socktally {

struct InterfaceChoice {
    std::vector<std::uint32_t> skipped; // sorted indices of interfaces whose packets another interface also shows
    std::vector<std::uint32_t> shared;  // sorted indices of the interfaces that show the packets of skipped interfaces
    /// Whether to keep packets to the link address of another host. It may be the address of a stacked interface.
    bool other_hosts = false;
};

/// Whether a list of interfaces has all of them, or only those that the user has chosen.
enum class Links : std::uint8_t { all, wanted };

/// Chooses the interfaces to watch. Skips an interface if another one also shows its packets. Skipped are:
///   - a port of a bridge or bond: the bridge or bond shows those packets of the port that are for this machine.
///     (Packets between two ports are seen only at the ports, but belong to no socket here.)
///   - a MACVLAN or similar: the interface below shows its packets, unless the interface below is a port.
///   - a VRF: its members show its packets.
/// A VLAN is watched if `links` are all interfaces. Its packets then do not count at the interface below, because the
/// VLAN may be a port of a bridge, which shows the packets again. If the user has chosen interfaces, a VLAN is treated
/// like a MACVLAN, because the interface below may be chosen without the VLAN.
InterfaceChoice choose_interfaces(const std::vector<Interface>& links, Links which = Links::all);

/// Returns the UDP ports at which the kernel receives tunnelled packets (VXLAN and similar).
std::vector<std::uint16_t> tunnel_ports_of(const std::vector<Interface>& links);

class PacketWatch {
public:
    /// Opens its sockets in the network namespace of the calling thread. The object can then be used from any
    /// namespace. Throws std::system_error if the kernel refuses. `wanted` has the sorted indices of the interfaces to
    /// capture on; empty: all.
    PacketWatch(Captured kept, std::size_t buffer_bytes, std::vector<std::uint32_t> wanted);

    /// Keeps only packets of resolvers, and passes their payload to `read`. Call it before begin().
    using ReadPayload = std::function<void(const Packet&, std::span<const std::byte> payload, Direction)>;
    void read_payload(ReadPayload read) { read_payload_ = std::move(read); }
    /// Sets the ports of Docker's resolver, whose packets are also read.
    void set_redirected(const std::vector<std::uint16_t>& ports);

    /// Begins to capture packets.
    void begin();
    /// Reads the packets that have arrived, but none from `limit` (since the epoch) or later.
    void drain(std::chrono::nanoseconds limit = PacketRing::no_end);
    /// Sets the end of the window, since the epoch. Later packets count in the next window; in this window only their
    /// FIN and RST are used.
    void end(std::chrono::nanoseconds instant);
    /// Reads all packets from before `limit`, even if they belong to the next window. Returns false if some of them may
    /// not have arrived yet.
    bool drain_until(std::chrono::nanoseconds limit);
    /// Closes the window. All packets that are read later count in the next window. `complete`: all packets of this
    /// window were read.
    void close(bool complete);
    void next_window();
    /// Returns whether packets wait in the ring, or packets of the next window have been read.
    bool has_more() const { return !of_next_.empty() || ring_.has_more(); }
    int fd() const { return ring_.fd(); }
    /// Counts the packets that the kernel has dropped since the last call. Call it now and then, because the kernel's
    /// counter has only 32 bits.
    void count_drops() { faults_[Fault::packets_dropped] += ring_.new_drops(); }
    bool saw_packets() const { return packets_ != 0; }

    FlowTable& flows() { return flows_; }
    /// Returns whether packets of the window are missing: dropped, or delivered too late.
    bool dropped_packets() const { return faults_[Fault::packets_dropped] != 0 || faults_[Fault::packets_late] != 0; }
    /// Adds the current addresses of the namespace to the known addresses.
    void learn_addresses();
    const std::vector<std::uint16_t>& tunnel_ports() const { return tunnel_ports_; }
    /// Returns whether this is a loopback address, or was an address of the namespace at some time in the window.
    bool is_local(const Address& address) const { return address.is_loopback() || addresses_.contains(address); }

    /// Returns what the capture could not see in the last window.
    Faults faults() const;

private:
    struct Seen {
        Packet packet;
        Direction direction;
        std::uint32_t interface;
    };

    void take(const CapturedFrame& captured);
    void count(const Seen& seen);
    std::optional<Direction> direction_of(const CapturedFrame& captured);
    bool is_wanted(std::uint32_t interface) const;
    void choose_interfaces();
    void set_filter() const;

    Captured kept_;
    ReadPayload read_payload_; // null: payload is not captured
    std::vector<std::uint16_t> redirected_;
    std::vector<std::uint32_t> wanted_;
    PacketRing ring_;
    NetlinkSocket route_{NetlinkSocket::Mode::blocking, NETLINK_ROUTE};
    FlowTable flows_;
    std::uint64_t packets_ = 0;      // number of packets counted in the window
    std::uint64_t holes_before_ = 0; // number of holes forgotten before the window
    Faults faults_;
    std::chrono::nanoseconds end_ = PacketRing::no_end; // end of the window
    bool is_closed_ = false;
    std::vector<Seen> of_next_; // packets of the next window that were already read
    Faults next_faults_;        // faults that were seen already, but count in the next window
    InterfaceChoice choice_;
    std::vector<std::uint16_t> tunnel_ports_; // UDP ports of tunnels, also at interfaces that are not captured
    std::set<std::uint32_t> interfaces_;      // indices of the interfaces that were known when choice_ was made
    std::set<Address> addresses_;             // addresses that the namespace had at any time in the window
};

} // namespace socktally
