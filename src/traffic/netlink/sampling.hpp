// SPDX-License-Identifier: MIT
// The steps of netlink's samples, one window after another. A window ends with a dump, and the next one begins with the
// same. The order of the steps is what makes the figures right; what each does is in the files of this room.
#pragma once

#include "owners/holder_map.hpp"
#include "traffic/backend.hpp"
#include "traffic/netlink/closed_flows.hpp"
#include "traffic/netlink/watched_namespaces.hpp"
#include "traffic/netlink/window.hpp"
#include "traffic/packet/capture.hpp"
#include "traffic/window_clock.hpp"

#include <chrono>
#include <vector>

namespace socktally {

class Sampling {
public:
    explicit Sampling(const BackendOptions& options);

    /// Totals of the open sockets.
    BackendResult totals(const SampleRequest& request);
    BackendResult next(const SampleRequest& request);

private:
    using Clock = std::chrono::steady_clock;
    enum class Follows : std::uint8_t { nothing, another_window };

    /// Both tell when the window is to end.
    Clock::time_point open_window(std::chrono::nanoseconds window);
    Dumper::Dumped open_namespaces();
    Clock::time_point resume(std::chrono::nanoseconds window);
    void watch(Clock::time_point end, const SampleRequest& request);
    void take_in_new(std::chrono::nanoseconds interval);
    Dumper::Dumped close_window(Follows follows);
    void find_holders(Follows follows, std::chrono::nanoseconds window);
    BackendResult result_of(Sample sample, const SampleRequest& request, Follows follows);
    void collect(Sample& sample, Follows follows);

    BackendOptions options_;
    HolderMap holders_;
    Capture datagrams_; // of the namespaces in which packets can be captured
    WatchedNamespaces namespaces_;
    ClosedFlows closed_;
    Window window_;
    WindowClock clock_;
    Clock::duration dump_time_{0}; // of the dump with which the window began
    std::vector<InterfaceTraffic> interfaces_;
};

} // namespace socktally
