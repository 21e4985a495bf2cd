// SPDX-License-Identifier: MIT
// What happens between two dumps: destroy events are read, new connections noticed and their holders looked up while
// they live, at a bounded cost.
#pragma once

#include "owners/holder_map.hpp"
#include "owners/owner_searches.hpp"
#include "traffic/backend.hpp"
#include "traffic/netlink/closed_flows.hpp"
#include "traffic/netlink/namespace_watch.hpp"
#include "traffic/packet/capture.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace socktally {

using NamespaceWatches = std::vector<std::unique_ptr<NamespaceWatch>>;

class Window {
public:
    using Clock = std::chrono::steady_clock;
    enum class Closed : std::uint8_t { summed, kept };

    Window(Capture& datagrams, HolderMap& holders, ClosedFlows& closed, Closed what)
        : datagrams_(datagrams), holders_(holders), closed_(closed), what_(what)
    {
    }

    /// The namespaces of the next window; those that were there before are known.
    void set_places(const NamespaceWatches& watches);
    /// Those of the sockets that nobody was seen to hold, but for those for which that was found out often enough.
    std::vector<Inode> worth_searching(std::vector<Inode> sockets) const;
    /// Returns when the window is over or was interrupted. Calls `now_and_then` about four times a second.
    void watch(Clock::time_point end, const SampleRequest& request, const std::function<void()>& now_and_then);
    /// Traces the owners of the sockets, if that was asked for.
    void trace_owners() const;

private:
    struct Place {
        NamespaceWatch* watch = nullptr;
        bool unresolved = false;              // there may be sockets that nobody was seen to hold
        std::chrono::nanoseconds interval{0}; // between looks; longer while they find nothing
        Clock::time_point last_look{};
        Clock::time_point busy_until{}; // a connection was opened not long ago
    };

    void drain(Place& place);
    void drain_all();
    void take_datagrams(Clock::time_point now);
    void check_for_connections(Clock::time_point now);
    void tick(Clock::time_point now);
    bool is_due(const Place& place, Clock::time_point now) const;
    void look(Clock::time_point now);
    void forget_searches();
    bool is_unresolved(const Place& place) const;
    void look_again(const std::vector<Inode>& missed);
    void show_accepted(const std::vector<Inode>& inodes);

    std::vector<Place> places_;
    Capture& datagrams_; // empty where packets cannot be captured
    HolderMap& holders_;
    ClosedFlows& closed_;
    Closed what_;
    Clock::time_point next_tick_{};
    std::size_t next_idle_ = 0;  // of places_, to be checked
    Clock::time_point rested_{}; // until then the last look's cost asks for rest
    OwnerSearches searches_;     // for sockets that are not closed
};

} // namespace socktally
