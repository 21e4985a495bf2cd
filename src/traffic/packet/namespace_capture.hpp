// SPDX-License-Identifier: MIT
// Turns the packets of one network namespace into flows of its sockets, window after window. Lists the sockets at the
// start and at the end of the window. Their queues correct the bytes on the wire.
#pragma once

#include "owners/owner_scanner.hpp"
#include "traffic/listed_sockets.hpp"
#include "traffic/namespaces.hpp"
#include "traffic/packet/delivered.hpp"
#include "traffic/packet/dns_lookups.hpp"
#include "traffic/packet/flow_sockets.hpp"
#include "traffic/packet/flow_table.hpp"
#include "traffic/packet/packet_watch.hpp"
#include "traffic/protocol_counters.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace socktally {

/// The settings of a capture. They are the same in all namespaces.
struct CaptureWants {
    Captured kept = Captured::tcp_and_udp;
    FlowSums::Detail detail = FlowSums::Detail::sockets;
    std::vector<std::uint32_t> interfaces{}; // sorted indices of the interfaces to capture on; empty: all
    std::shared_ptr<DnsMemory> lookups{};    // not null: read DNS look-ups, and count nothing
};

class NamespaceCapture {
public:
    /// Opens a capture in the network namespace of the calling thread. Throws std::system_error if packets cannot be
    /// captured.
    NamespaceCapture(Inode netns, OwnerScanner& holders, const CaptureWants& wants, std::size_t buffer_bytes,
                     Arrival arrival);

    Inode netns() const { return netns_; }
    /// Returns a descriptor that is readable when packets wait.
    int fd() const { return watch_.fd(); }
    /// Returns whether the namespace has sockets, look-ups that have not ended, or packets that were not counted. Meant
    /// for a namespace that no longer exists.
    bool is_needed() const
    {
        return !sockets_.listed().empty() || watch_.has_more() || (lookups_ && lookups_->is_waiting());
    }
    FlowSockets& sockets() { return sockets_; }
    const FlowSockets& sockets() const { return sockets_; }

    bool has_begun() const { return has_begun_; }
    /// Lists the sockets, and then begins to capture. `later`: the current window is not the first one, so bytes may
    /// have moved in it before the capture began.
    enum class When : std::uint8_t { first_window, later };
    void begin(When when);
    /// Reads the packets that have arrived. `age` is the time since the first window began.
    void drain(std::chrono::seconds age);
    /// Returns the UDP ports at which the kernel receives tunnelled packets in this namespace.
    const std::vector<std::uint16_t>& tunnel_ports() const { return watch_.tunnel_ports(); }
    /// Drops the flows that have been idle for too long. `age` is the time since the first window began. `tunnel_ports`
    /// are the ports of all namespaces, because the socket of a tunnel may be in another namespace than its interface.
    void retire_idle(std::chrono::nanoseconds age, const std::vector<std::uint16_t>& tunnel_ports);

    /// Ends the window, and lists the sockets. Packets that arrive later belong to the next window.
    void end();
    /// Reads the remaining packets of the window. Returns false if some may not have arrived yet.
    bool drain_to_end();
    /// Closes the window. `complete` is the last result of drain_to_end().
    void close(bool complete) { watch_.close(complete); }
    bool saw_packets() const { return watch_.saw_packets(); }
    /// Matches the remaining flows to sockets. Adds the flows of the window to `flows`, and a flow without packets for
    /// each other listed socket.
    void finish(std::vector<Flow>& flows, const std::vector<std::uint16_t>& tunnel_ports);
    /// Adds the look-ups of the window with the sockets that asked; call it after finish(). See DnsLookups::Rest.
    void finish_lookups(Sample& sample, DnsLookups::Rest rest);
    Faults faults() const;
    UncountedTraffic uncounted() const { return uncounted_ ? uncounted_->traffic() : UncountedTraffic{}; }
    void next_window();

private:
    /// The values of PacketFlow::Counts::carried for a connection that had no packets in the window, and so has no
    /// flow. They are not 0 if bytes of the next window were already queued when the sockets were listed, a moment
    /// after the end of the window.
    struct Carried {
        std::int64_t rx = 0;
        std::int64_t tx = 0;
    };

    bool has_moved();
    bool adopt_connections();
    void add_new_flows();
    void find_redirected();
    void set_asker(const PacketFlow& flow);
    Faults faults_of_lookups() const;
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
    std::optional<UncountedSockets> uncounted_; // null if only UDP is captured
    FlowSums sums_;
    bool forwards_;
    std::optional<DnsLookups> lookups_; // null unless look-ups are read
    UdpDelivery delivery_;
    std::chrono::nanoseconds listed_at_{0}; // when the sockets were listed at the end of the window, since the epoch
    std::chrono::nanoseconds ended_at_{0};  // when the window ended, since the epoch
    std::vector<PacketFlow> cut_;           // UDP flows that ended because the sockets of their port changed
    std::vector<PacketFlow> unclaimed_;     // UDP flows whose datagrams came to no listed socket
    std::vector<PacketFlow> assumed_;       // flows with PacketFlow::assumed
    std::map<Tuple, Carried> carried_;      // carried bytes of connections without a flow
    std::vector<PacketFlow*> by_queues_;    // flows that count_from_queues() has set
    bool has_begun_ = false;
    bool begun_late_ = false;          // bytes may have moved in this window before the capture began
    std::uint64_t unanswered_ = 0;     // result of DnsLookups::finish()
    std::uint64_t encrypted_ = 0;      // number of flows to DnsLookups::encrypted_port
    std::uint64_t ended_unread_ = 0;   // number of connections with TcpMoved::ended_unread
    std::uint64_t unsent_unknown_ = 0; // number of connections with TcpMoved::unsent_unknown
    std::uint64_t forward_unsure_ = 0; // number of flows for which mark_nobodys() was unsure
};

} // namespace socktally
