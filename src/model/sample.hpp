// SPDX-License-Identifier: MIT
// The result of one window: a backend returns it, and all later steps work on it.
#pragma once

#include "model/flow.hpp"
#include "model/interfaces.hpp"
#include "model/lookup.hpp"
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
#include <utility>
#include <vector>

namespace socktally {

/// Facts about the descendants of the processes that --tree names, collected in the window.
struct TreeSightings {
    std::set<Uid> users;       // effective users of the descendants
    bool leaves_netns = false; // true: a descendant was, or may have been, in another network namespace than socktally
};

/// A TCP socket that listened in the window.
struct Listener {
    Address address; // unspecified: it accepts at any
    Inode inode;
};
/// By network namespace and port.
using Listeners = std::map<std::pair<Inode, std::uint16_t>, std::vector<Listener>>;

struct Sample {
    std::chrono::system_clock::time_point started_at;
    std::chrono::nanoseconds duration{0}; // 0: the sample has totals since each socket was opened
    std::string backend;                  // "netlink"
    std::vector<Flow> flows;
    std::vector<SampleLookup> lookups; // of `dns`
    std::vector<Process> processes;
    std::vector<Holder> holders;
    /// If a socket has several owners, all but the one in Flow::attribution. Maps the index of the flow to indices into
    /// `processes`. Set by find_sharers().
    std::map<std::size_t, std::vector<std::uint32_t>> sharers;
    /// Facts that follow from the cgroups of sockets without a known process. The key is Flow::cgroup_id.
    std::map<std::uint64_t, std::shared_ptr<const Identity>> groups;
    std::map<Address, std::shared_ptr<const RemoteName>> names; // of remote addresses; set by name_remotes()
    TreeSightings tree;
    Listeners listeners; // empty if no tree was asked for, or if the backend knows all processes
    std::vector<Note> notes;
    std::vector<InterfaceTraffic> interfaces; // deltas of all interfaces in the window
};

} // namespace socktally
