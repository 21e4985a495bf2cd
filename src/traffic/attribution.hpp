// SPDX-License-Identifier: MIT
// Finds the owner of each flow. Pure: the sample has all that was seen of who holds what.
#pragma once

#include "model/sample.hpp"

#include <optional>
#include <span>
#include <vector>

namespace socktally {

/// The user who runs the program, and what it may see. Decides whether a socket without a holder is another user's or
/// unknown.
struct Viewer {
    Uid uid;
    bool denied = false; // descriptors of some processes could not be listed
};

/// Sets Flow::attribution of every flow without a process. Adds a note about shared sockets with traffic, and one about
/// traffic of other users whose processes socktally could name with privileges. A flow without a holder gets a cause,
/// never a guess. A flow with several holders that are not idle gets the youngest one that still has the socket, marked
/// as shared.
void attribute(Sample& sample, const Viewer& viewer);

/// Returns the holders of one socket that are not idle. Call it after attribute(), which sorts them.
std::span<const Holder> movers_of(Inode inode, const std::vector<Holder>& holders);

/// Sets Sample::sharers: for each flow the other owners of its socket. These are all other holders if holders are
/// known, else the other processes that moved bytes through the socket. Call it after attribute().
void find_sharers(Sample& sample);

} // namespace socktally
