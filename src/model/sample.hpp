// SPDX-License-Identifier: MIT
// The result of one window: a backend returns it, and all later steps work on it.
#pragma once

#include "model/flow.hpp"
#include "model/interfaces.hpp"
#include "model/note.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

/// What the window showed of the processes below those that --tree names.
struct TreeSightings {
    std::set<Uid> users;       // their owners
    bool leaves_netns = false; // a descendant was in another network namespace than this process, or may have been
};

struct Sample {
    std::chrono::system_clock::time_point started_at;
    std::chrono::nanoseconds duration{0}; // 0: totals since each socket was opened
    std::string backend;                  // "netlink"
    std::vector<Flow> flows;
    std::vector<Process> processes;
    std::vector<Holder> holders;
    /// The other owners of a flow's socket, as indices of processes, by the index of the flow; see find_sharers().
    std::map<std::size_t, std::vector<std::uint32_t>> sharers;
    /// The facts that the cgroup of a socket tells if no process of the socket is known, by Flow::cgroup_id.
    std::map<std::uint64_t, std::shared_ptr<const Identity>> groups;
    TreeSightings tree;
    std::vector<Note> notes;
    std::vector<InterfaceTraffic> interfaces; // deltas, without lo
};

} // namespace socktally
