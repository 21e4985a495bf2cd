// SPDX-License-Identifier: MIT
// The packets of one network namespace in one window after another, as flows of its sockets: the bytes on the wire,
// corrected by the queues that the lists of sockets at both ends of the window show.
#pragma once

#include "owners/owner_scanner.hpp"
#include "traffic/listed_sockets.hpp"
#include "traffic/namespaces.hpp"
#include "traffic/packet/delivered.hpp"
#include "traffic/packet/flow_sockets.hpp"
#include "traffic/packet/flow_table.hpp"
#include "traffic/packet/packet_watch.hpp"
#include "traffic/protocol_counters.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <vector>

namespace socktally {

/// The things to capture, which are the same in all namespaces.
struct CaptureWants {
    Captured kept = Captured::tcp_and_udp;
    FlowSums::Detail detail = FlowSums::Detail::sockets;
    std::vector<std::uint32_t> interfaces; // indices, sorted; empty: all
};

class NamespaceCapture {
public:
    /// Captures in the network namespace of the calling thread. Throws std::system_error if packets cannot be captured.
    NamespaceCapture(Inode netns, OwnerScanner& holders, const CaptureWants& wants, std::size_t buffer_bytes,
                     Arrival arrival);

    Inode netns() const { return netns_; }
    /// Returns a descriptor that is readable when packets wait.
    int fd() const { return watch_.fd(); }
    /// Returns whether something is still to be captured or counted if the namespace no longer exists.
    bool is_needed() const { return !sockets_.listed().empty() || watch_.has_more(); }
    FlowSockets& sockets() { return sockets_; }
    const FlowSockets& sockets() const { return sockets_; }

    bool has_begun() const { return has_begun_; }
    /// Lists the sockets, and keeps packets from then on. If this is not the first window, that is a moment after the
    /// window began.
    enum class When : std::uint8_t { first_window, later };
    void begin(When when);
    /// Takes the packets that have arrived. `age` is the time since the first window began.
    void drain(std::chrono::seconds age);
    /// Returns the UDP ports at which the kernel receives packets of tunnels here.
    const std::vector<std::uint16_t>& tunnel_ports() const { return watch_.tunnel_ports(); }
    /// Drops the flows that have been idle for too long, at `age`. `tunnel_ports` are those of all namespaces, because
    /// the socket of a tunnel may be in another namespace than its interface.
    void retire_idle(std::chrono::nanoseconds age, const std::vector<std::uint16_t>& tunnel_ports);

    /// Ends the window: packets from now on belong to the next one. Lists the sockets.
    void end();
    /// Takes the packets of the window. Returns false if some may not have arrived yet.
    bool drain_to_end();
    /// Closes the window after drain_to_end(). `complete`: all packets had arrived.
    void close(bool complete) { watch_.close(complete); }
    bool saw_packets() const { return watch_.saw_packets(); }
    /// Matches the remaining packets, and adds all flows to `flows`, including those of sockets that moved nothing.
    void finish(std::vector<Flow>& flows, const std::vector<std::uint16_t>& tunnel_ports);
    Faults faults() const;
    UncountedTraffic uncounted() const { return uncounted_ ? uncounted_->traffic() : UncountedTraffic{}; }
    void next_window();

private:
    /// PacketFlow::Counts::carried of a connection without packets in the window. The list at its end is made a moment
    /// later, and may include bytes that come in the next window.
    struct Carried {
        std::int64_t rx = 0;
        std::int64_t tx = 0;
    };

    bool has_moved();
    bool adopt_connections();
    void add_new_flows();
    bool is_ours(const PacketFlow& flow) const;
    void mark_nobodys(const std::vector<PacketFlow*>& flows, const std::function<std::vector<PacketFlow*>()>& all,
                      const std::vector<std::uint16_t>& tunnel_ports);
    std::vector<PacketFlow*> all_flows();
    void correct(PacketFlow& flow, const Socket* last);
    void finish(PacketFlow& flow, const Socket* last);
    void add_of_socket(const PacketFlow& flow);
    std::uint64_t finish_unclaimed();
    void finish_assumed(std::uint64_t unclaimed);
    void count_from_queues(PacketFlow& flow, const Socket& last);
    std::vector<Flow> silent_flows();

    Inode netns_;
    Arrival arrival_;
    OwnerScanner& owners_;
    bool all_interfaces_;
    PacketWatch watch_;
    FlowSockets sockets_;
    ProtocolCountersReader counters_;
    std::optional<UncountedSockets> uncounted_; // set only if this counts TCP too
    FlowSums sums_;
    bool forwards_;
    UdpDelivery delivery_;
    std::chrono::nanoseconds listed_at_{0}; // since the epoch: when the list at the end was made
    std::vector<PacketFlow> cut_;           // UDP flows that ended because sockets changed
    std::vector<PacketFlow> unclaimed_;     // UDP flows that came to no socket
    std::vector<PacketFlow> assumed_;       // flows that may have come back to a socket
    std::map<Tuple, Carried> carried_;      // of connections without a flow
    std::vector<PacketFlow*> by_queues_;    // flows that were counted by the queues of their socket
    bool has_begun_ = false;
    bool begun_late_ = false;          // this window began after bytes had moved unseen
    std::uint64_t ended_unread_ = 0;   // connections with TcpMoved::ended_unread
    std::uint64_t unsent_unknown_ = 0; // connections with TcpMoved::unsent_unknown
    std::uint64_t forward_unsure_ = 0; // result of mark_nobodys()
};

} // namespace socktally
