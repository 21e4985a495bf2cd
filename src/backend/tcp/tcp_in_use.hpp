// SPDX-License-Identifier: MIT
// How many TCP sockets there are, for those who make room for them. Not which.
#pragma once

#include <cstddef>
#include <string_view>

namespace socktally {

/// The number of TCP sockets in use, of /proc/net/sockstat (`TCP: inuse 5 orphan 0 …`) or sockstat6 (`TCP6: inuse 2`);
/// 0 where it is not said.
std::size_t parse_tcp_in_use(std::string_view text);
/// Both families, in the network namespace of this thread; a hint, for the sockets come and go.
std::size_t read_tcp_in_use();

} // namespace socktally
