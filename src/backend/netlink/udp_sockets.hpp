// SPDX-License-Identifier: MIT
// The UDP sockets of one window, keyed by cookie: those of both dumps, so one that was closed in between is still
// listed. Pure.
#pragma once

#include "backend/netlink/diag.hpp"
#include "model/flow.hpp"

#include <cstdint>
#include <unordered_set>
#include <vector>

namespace socktally {

class UdpSockets {
public:
    void add(const DiagSocket& socket);
    const std::vector<Flow>& flows() const { return flows_; }
    /// Bytes are unknown unless the namespace was `silent`: no datagram moved in all of it.
    void move_to(std::vector<Flow>& flows, bool silent);

private:
    std::vector<Flow> flows_;
    std::unordered_set<std::uint64_t> known_;
};

} // namespace socktally
