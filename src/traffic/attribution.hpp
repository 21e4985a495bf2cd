// SPDX-License-Identifier: MIT
// Finds the owner of each flow. Pure: the sample already has the flows, and the holders of all sockets.
#pragma once

#include "model/sample.hpp"

#include <optional>
#include <span>
#include <vector>

namespace socktally {

/// The user who runs socktally, and whether all descriptors could be listed. If a socket has no holder, these two facts
/// decide whether the socket belongs to another user or is unknown.
struct Viewer {
    Uid uid;
    bool denied = false; // descriptors of some processes could not be listed
};

/// Sets Flow::attribution of every flow that has no process and no cause yet. If exactly one holder of the socket is
/// not idle, it is the owner. If several are not idle, the owner is the youngest of those that still hold the socket,
/// and the attribution is marked as shared. If the socket has no holder, the flow gets a cause, never a guess. Adds a
/// note about shared sockets with traffic, and a note about traffic whose processes socktally could name if it had
/// privileges.
void attribute(Sample& sample, const Viewer& viewer);

/// Returns the holders of one socket that are not idle. Call it after attribute(), which sorts the holders.
std::span<const Holder> movers_of(Inode inode, const std::vector<Holder>& holders);

/// Sets Sample::sharers: the other owners of the socket of each flow that has an owner. These are the other holders,
/// and the other processes that moved bytes through the socket, if the kernel reported them. Call it after attribute().
void find_sharers(Sample& sample);

} // namespace socktally
