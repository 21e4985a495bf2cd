// SPDX-License-Identifier: MIT
// The packets of some network namespaces over one window after another, as flows of sockets: what the packet backend is
// made of, and the netlink backend's UDP. Whoever uses it says when things happen, and looks at the holders of sockets.
#pragma once

#include "backend/holders/holder_map.hpp"
#include "backend/namespaces.hpp"
#include "backend/netlink/protocol_counters.hpp"
#include "backend/packet/flow_sockets.hpp"
#include "backend/packet/flow_sums.hpp"
#include "backend/packet/packet_watch.hpp"
#include "backend/packet/tcp_window.hpp"
#include "backend/packet/udp_delivery.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace socktally {

class Capture {
public:
    using Clock = std::chrono::steady_clock;

    /// `interfaces`: indices of those whose packets are wanted; empty: all.
    Capture(HolderMap& holders, PacketWatch::Kept kept, FlowSums::Detail detail,
            std::vector<std::uint32_t> interfaces = {});

    /// What each of so many namespaces beside our own may have of a capture buffer like our own.
    static std::size_t share_of(std::size_t buffer_bytes, std::size_t namespaces);
    static constexpr std::size_t files_per_namespace = 10;

    /// The network namespace that the calling thread is in. Throws std::system_error where packets cannot be captured.
    void add_namespace(Inode netns, std::size_t buffer_bytes,
                       OtherNamespaces::Arrival arrival = OtherNamespaces::Arrival::was_there);
    bool is_empty() const { return places_.empty(); }
    /// One that is gone, with all that is in it.
    void drop_namespace(Inode netns);
    /// Whether sockets were listed in it.
    bool has_sockets(Inode netns) const;

    /// Packets are kept from here on, of the namespaces added since this was last called. Holders are to be scanned
    /// before, and between list_again() and finish().
    void begin();
    /// Takes the packets that there are.
    void drain();
    /// When look() has something to do; null: not before packets come.
    std::optional<Clock::time_point> next_look() const;
    /// Looks at the sockets of new flows while they live.
    void look(Clock::time_point now);
    /// Drops what has been idle for long. To be called a few times a second.
    void retire_idle(Clock::time_point now);
    /// The end of the window: packets of `instant` and later are of the next one.
    void end(std::chrono::system_clock::time_point instant);
    void list_again();
    /// Readable when packets wait.
    int fd() const { return ready_.get(); }

    bool saw_packets() const;
    /// Matches what is left, and hands over all flows, with those of sockets that moved nothing.
    void finish(std::vector<Flow>& flows);
    PacketFaults faults() const;
    /// The end of the window is the beginning of the next one.
    void next_window();

private:
    /// PacketFlow::Direction::carried of a connection without packets in the window: the lists at its end are made a
    /// moment later, and may show some that come in the next one.
    struct Carried {
        std::int64_t rx = 0;
        std::int64_t tx = 0;
    };
    struct Place {
        Place(Inode inode, HolderMap& holders, PacketWatch::Kept kept, FlowSums::Detail detail, std::size_t buffer,
              const std::vector<std::uint32_t>& interfaces);
        Inode netns;
        OtherNamespaces::Arrival arrival = OtherNamespaces::Arrival::was_there;
        PacketWatch watch;
        FlowSockets sockets;
        ProtocolCountersReader counters;
        FlowSums sums;
        UdpDelivery delivery;
        std::vector<PacketFlow> unclaimed; // of UDP: came to no socket
        std::map<Tuple, Carried> carried;  // of connections without a flow
        bool has_begun = false;
        bool begun_late = false;          // in this window, and something had moved before
        std::uint64_t ended_unread = 0;   // TcpWindow, in connections
        std::uint64_t unsent_unknown = 0; // likewise
    };

    void correct(Place& place, PacketFlow& flow, const ListedSocket* last);
    /// `last` is a connection's socket where it is still there.
    void finish(Place& place, PacketFlow& flow, const ListedSocket* last);
    bool has_moved(Place& place) const;
    void add_new_flows(Place& place);
    void carry(Place& place, const ListedSocket& last, const TcpWindow& window) const;
    std::vector<Flow> silent_flows(Place& place) const;
    void finish(Place& place, std::vector<Flow>& flows);
    void list(Place& place,
              void (UdpDelivery::*tell)(const std::vector<ListedSocket>&, const std::optional<ProtocolCounters>&));

    HolderMap& holders_;
    PacketWatch::Kept kept_;
    FlowSums::Detail detail_;
    std::vector<std::uint32_t> interfaces_; // sorted
    std::vector<std::unique_ptr<Place>> places_;
    Fd ready_; // epoll
    Clock::time_point begun_{};
    Clock::time_point rested_{}; // until then the last look's cost asks for rest
};

} // namespace socktally
