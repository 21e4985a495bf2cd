// SPDX-License-Identifier: MIT
// The packets of one network namespace: its ring, from which of its interfaces packets are taken so that each is
// counted once, its addresses, and the flows that the packets make, over one window after another. Knows nothing of
// sockets and of other namespaces.
#pragma once

#include "linux/netlink_socket.hpp"
#include "model/interfaces.hpp"
#include "traffic/faults.hpp"
#include "traffic/packet/flow_table.hpp"
#include "traffic/packet/ring.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

namespace socktally {

struct InterfaceChoice {
    std::vector<std::uint32_t> skipped; // indices: what they show is seen at another one as well. Sorted
    std::vector<std::uint32_t> shared;  // that show the packets of those. Sorted
    bool other_hosts = false;           // some interface shows the packets of one that is stacked on it
};

/// Whether `links` are all interfaces, or only the wanted ones.
enum class Links : std::uint8_t { all, wanted };

/// All are watched but those that only repeat others: ports of a bridge or a bond, whose local traffic the bridge or
/// bond shows; MACVLANs and their like, whose packets the interface below shows, unless that is such a port; a VRF,
/// whose members show them. Of all links VLANs are watched too, and their packets not counted below: one may be a port
/// of a bridge, which shows them again. Of those that are wanted the one below has the packets of its VLANs: what a
/// link left out would show is shown by no other. Traffic between ports of a bridge belongs to no socket here, and
/// only the ports show it.
InterfaceChoice choose_interfaces(const std::vector<Interface>& links, Links which = Links::all);

/// The UDP ports at which the kernel takes the packets of tunnels.
std::vector<std::uint16_t> tunnel_ports_of(const std::vector<Interface>& links);

class PacketWatch {
public:
    /// Opens what it needs in the network namespace that the calling thread is in; works from anywhere afterwards.
    /// Throws std::system_error if the kernel refuses. `wanted`: indices of interfaces, sorted; empty: all.
    PacketWatch(Captured kept, std::size_t buffer_bytes, std::vector<std::uint32_t> wanted);

    /// From here on packets are kept.
    void begin();
    /// Takes the packets that there are, of before `limit`.
    void drain(std::chrono::nanoseconds limit = PacketRing::no_end);
    /// Packets at `instant` (since the epoch) or later only tell this window how connections end.
    void end(std::chrono::nanoseconds instant);
    /// Takes packets from before `limit`, also those for the next window; false if some may still be on
    /// their way.
    bool drain_until(std::chrono::nanoseconds limit);
    /// After this all packets belong to the next window. `complete`: no packet of this one was still on its way.
    void close(bool complete);
    void next_window();
    /// Whether packets wait to be taken, or for the next window.
    bool has_more() const { return !of_next_.empty() || ring_.has_more(); }
    int fd() const { return ring_.fd(); }
    /// To be called now and then: the kernel counts with 32 bits.
    void count_drops() { faults_[Fault::packets_dropped] += ring_.new_drops(); }
    bool saw_packets() const { return packets_ != 0; }

    FlowTable& flows() { return flows_; }
    /// Whether packets were dropped in the window that is over.
    bool dropped_packets() const { return faults_[Fault::packets_dropped] != 0 || faults_[Fault::packets_late] != 0; }
    /// This machine's, which may have got more.
    void learn_addresses();
    const std::vector<std::uint16_t>& tunnel_ports() const { return tunnel_ports_; }
    /// Whether the address is, or was, of this machine.
    bool is_local(const Address& address) const { return address.is_loopback() || addresses_.contains(address); }

    /// Returns what could not be seen in the window that is over.
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

    Captured kept_;
    std::vector<std::uint32_t> wanted_;
    PacketRing ring_;
    NetlinkSocket route_{NetlinkSocket::Mode::blocking, NETLINK_ROUTE};
    FlowTable flows_;
    std::uint64_t packets_ = 0;      // in the window, that a flow may have
    std::uint64_t holes_before_ = 0; // the window
    Faults faults_;
    std::chrono::nanoseconds end_ = PacketRing::no_end; // of the window
    bool is_closed_ = false;
    std::vector<Seen> of_next_; // later packets that were taken already
    Faults next_faults_;        // those of the next window that are known already
    InterfaceChoice choice_;
    std::vector<std::uint16_t> tunnel_ports_; // also of interfaces that are not captured
    std::set<std::uint32_t> interfaces_;      // the interfaces that choice_ was chosen from
    std::set<Address> addresses_;             // of this machine, at any time of the window
};

} // namespace socktally
