// SPDX-License-Identifier: MIT
// How many TCP sockets there are, for those who make room for them, or need not ask for any. Not which.
#pragma once

#include "linux/fd.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace socktally {

/// The number of TCP sockets in use and in TIME_WAIT, of /proc/net/sockstat (`TCP: inuse 5 orphan 0 tw 3 …`) or
/// sockstat6
/// (`TCP6: inuse 2`); 0 where it is not said.
std::size_t parse_tcp_in_use(std::string_view text);

/// Of one network namespace, at the cost of two small files. The kernel has one hash of connections for all namespaces
/// together, so that to list those of one means to walk them all: not worth it where there are none.
class TcpInUse {
public:
    /// `directory` is where the calling thread, or another process, sees its network namespace; works from anywhere
    /// afterwards.
    explicit TcpInUse(const std::string& directory = "/proc/thread-self/net");
    /// Both families; a hint, for the sockets come and go. Null where it cannot be read.
    std::optional<std::size_t> read() const;

private:
    Fd v4_;
    Fd v6_; // absent where IPv6 is off
};

} // namespace socktally
