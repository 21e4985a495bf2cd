// SPDX-License-Identifier: MIT
// The flows of one window from lists of sockets, their bytes unknown. Pure.
#pragma once

#include "model/flow.hpp"
#include "sockets/listed_socket.hpp"

#include <vector>

namespace socktally {

/// Of the list at the beginning those that a process can hold, of the one at the end all; a socket of both is one flow,
/// as the end shows it, and one that only the first has is SocketState::closed. Left out is what moves no bytes:
/// listening sockets, and TCP that is in TIME_WAIT or not connected.
std::vector<Flow> flows_of(const std::vector<ListedSocket>& first, const std::vector<ListedSocket>& last);

} // namespace socktally
