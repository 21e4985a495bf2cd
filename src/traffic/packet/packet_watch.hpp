// SPDX-License-Identifier: MIT
// The packets of one network namespace in one window after another: its ring, the choice of interfaces that counts each
// packet once, its addresses, and the flows. It knows nothing of sockets and of other namespaces.
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
    std::vector<std::uint32_t> skipped; // sorted indices of interfaces whose packets are also seen at another one
    std::vector<std::uint32_t> shared;  // sorted indices of interfaces that show the packets of skipped ones
    bool other_hosts = false;           // an interface shows the packets of one that is stacked on it
};

/// Whether `links` are all interfaces, or only those that the user has chosen.
enum class Links : std::uint8_t { all, wanted };

/// Chooses the interfaces to watch: all but those that only repeat others. These are ports of a bridge or a bond, whose
/// local traffic the bridge or bond shows; MACVLANs and similar ones, whose packets the interface below shows, unless
/// that is such a port; and a VRF, whose members show its packets. If `links` are all interfaces, VLANs are watched
/// too, and their packets do not count at the interface below, because that may be a port of a bridge, which shows them
/// again. If the user has chosen some, the interface below counts the packets of its VLANs, because no other may show
/// them. Traffic between ports of a bridge belongs to no socket here, and only the ports show it.
InterfaceChoice choose_interfaces(const std::vector<Interface>& links, Links which = Links::all);

/// Returns the UDP ports at which the kernel receives packets of tunnels.
std::vector<std::uint16_t> tunnel_ports_of(const std::vector<Interface>& links);

class PacketWatch {
public:
    /// Opens the sockets that it needs in the calling thread's network namespace. It can then be used from any
    /// namespace. Throws std::system_error if the kernel refuses. `wanted` are sorted indices of interfaces; empty:
    /// all.
    PacketWatch(Captured kept, std::size_t buffer_bytes, std::vector<std::uint32_t> wanted);

    /// Keeps packets from now on.
    void begin();
    /// Takes the packets that have arrived, from before `limit`.
    void drain(std::chrono::nanoseconds limit = PacketRing::no_end);
    /// Sets the end of the window (since the epoch). Later packets only show how connections of this window end.
    void end(std::chrono::nanoseconds instant);
    /// Takes packets from before `limit`, including those of the next window. Returns false if some may not have
    /// arrived yet.
    bool drain_until(std::chrono::nanoseconds limit);
    /// Closes the window: all later packets belong to the next one. `complete`: all packets of this one had arrived.
    void close(bool complete);
    void next_window();
    /// Returns whether packets wait to be taken, or for the next window.
    bool has_more() const { return !of_next_.empty() || ring_.has_more(); }
    int fd() const { return ring_.fd(); }
    /// Reads the number of drops. Call it now and then, because the kernel counts with 32 bits.
    void count_drops() { faults_[Fault::packets_dropped] += ring_.new_drops(); }
    bool saw_packets() const { return packets_ != 0; }

    FlowTable& flows() { return flows_; }
    /// Returns whether packets of the last window were dropped.
    bool dropped_packets() const { return faults_[Fault::packets_dropped] != 0 || faults_[Fault::packets_late] != 0; }
    /// Adds the current addresses of this machine to the known ones.
    void learn_addresses();
    const std::vector<std::uint16_t>& tunnel_ports() const { return tunnel_ports_; }
    /// Returns whether this is, or was, an address of this machine.
    bool is_local(const Address& address) const { return address.is_loopback() || addresses_.contains(address); }

    /// Returns what could not be seen in the last window.
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
    std::uint64_t packets_ = 0;      // number of packets in the window that count
    std::uint64_t holes_before_ = 0; // forgotten holes before the window
    Faults faults_;
    std::chrono::nanoseconds end_ = PacketRing::no_end; // of the window
    bool is_closed_ = false;
    std::vector<Seen> of_next_; // packets of the next window that were taken already
    Faults next_faults_;        // faults of the next window that are known already
    InterfaceChoice choice_;
    std::vector<std::uint16_t> tunnel_ports_; // also of interfaces that are not captured
    std::set<std::uint32_t> interfaces_;      // the interfaces that choice_ was made from
    std::set<Address> addresses_;             // addresses of this machine at any time of the window
};

} // namespace socktally
