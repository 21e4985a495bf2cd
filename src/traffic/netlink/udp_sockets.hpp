// SPDX-License-Identifier: MIT
// The UDP sockets of a window, keyed by cookie: those of both dumps, so one that was closed in between is still
// listed. The last dump of a window is the first one of the next. Pure.
#pragma once

#include "model/flow.hpp"
#include "sockets/diag.hpp"

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace socktally {

class UdpSockets {
public:
    /// Call before each dump.
    void begin_dump() { ++dump_; }
    void add(const DiagSocket& socket);
    const std::vector<Flow>& flows() const { return flows_; }
    /// Bytes are unknown unless the namespace was `silent`: no datagram moved in all of it.
    void add_to(std::vector<Flow>& flows, bool silent) const;
    /// Forgets those that the last dump did not show.
    void next_window();

private:
    std::vector<Flow> flows_;
    std::unordered_map<std::uint64_t, std::uint32_t> shown_; // by cookie: the last dump that showed it
    std::uint32_t dump_ = 0;
};

} // namespace socktally
