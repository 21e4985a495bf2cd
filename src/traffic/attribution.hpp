// SPDX-License-Identifier: MIT
// Flow to owner. Pure: all that was seen of who holds what comes in with the sample.
#pragma once

#include "model/sample.hpp"

#include <optional>
#include <span>
#include <vector>

namespace socktally {

/// The user that searched, and what it may see: decides whether an unheld socket is another user's or unknown.
struct Viewer {
    Uid uid;
    bool denied = false; // some process's descriptors could not be listed
};

/// Fills Flow::attribution of every flow that does not have a process yet, and adds a note for shared sockets with
/// traffic, and one for traffic of other users whose processes socktally could name with privileges.
/// A flow without a holder gets a cause, never a guess. A flow with several holders that are not idle gets the youngest
/// holder that still has the socket, marked shared.
void attribute(Sample& sample, const Viewer& viewer);

/// Returns the holders of one socket that are not idle. Call it after attribute(), which sorts them.
std::span<const Holder> movers_of(Inode inode, const std::vector<Holder>& holders);

/// Notes for each flow which other processes own its socket (Sample::sharers): all others that hold it, if holders
/// are known, else the others that moved bytes through it. After attribute().
void find_sharers(Sample& sample);

} // namespace socktally
