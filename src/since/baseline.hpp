// SPDX-License-Identifier: MIT
// What one run of --since leaves to the next: how far each socket's counters had come, and when. Plain data.
#pragma once

#include "model/flow.hpp"
#include "model/sample.hpp"
#include "table/row.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace socktally {

/// A socket for good, within one boot.
struct SocketKey {
    Inode netns;
    Cookie cookie;
    auto operator<=>(const SocketKey&) const = default;
};

struct SocketKeyHash {
    std::size_t operator()(const SocketKey& key) const
    {
        return std::hash<std::uint64_t>()(key.cookie.value * 0x9e3779b97f4a7c15U + key.netns.value);
    }
};

/// How far the counters of a socket had come.
struct Mark {
    Endpoint remote;
    std::uint64_t rx_bytes = 0;
    std::uint64_t tx_bytes = 0;
    bool is_orphan = false;   // its process had closed it: no more is to come
    std::uint32_t absent = 0; // runs that have not shown it since
    bool operator==(const Mark&) const = default;
};

/// What the kernel had counted for one network namespace.
struct Opens {
    std::uint64_t opened = 0; // Tcp: ActiveOpens + PassiveOpens
    std::uint64_t failed = 0; // Tcp: AttemptFails
    std::uint64_t ahead = 0;  // connections that were shown before they were counted
    bool is_old = false;      // of a run further back: the last one could not list the namespace
    bool operator==(const Opens&) const = default;
};

/// How far the counters of the network interfaces had come.
struct InterfaceMarks {
    std::vector<InterfaceTraffic> counters;
    std::uint32_t latest = 0; // the highest index that was ever seen: one that is made later has a higher one
};

struct Baseline {
    std::string boot_id;
    Inode netns;                                    // that the run was in
    std::string purpose;                            // what the series are by; empty where there are none
    std::chrono::system_clock::time_point taken_at; // to the microsecond
    std::chrono::nanoseconds uptime{0};             // at that time, suspended time included
    bool saw_all = true;                            // no network namespace was refused
    std::map<Inode, Opens> opens;                   // of the namespaces that were listed
    std::unordered_map<SocketKey, Mark, SocketKeyHash> sockets;
    InterfaceMarks interfaces;
    std::vector<GrowingSeries> series;
};

} // namespace socktally
