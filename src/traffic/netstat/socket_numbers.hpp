// SPDX-License-Identifier: MIT
// Recognises a socket in successive outputs of netstat. If netstat prints the kernel's number of the socket (`gencnt`),
// that number identifies it. Else the tuple does. Several sockets may have one tuple, for example all that receive
// multicast DNS. Without a number these cannot be told apart, so nobody knows which of them moved the bytes.
#pragma once

#include "traffic/netstat/socket_rows.hpp"

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace socktally {

class SocketNumbers {
public:
    /// The numbers of two protocols never meet, because the last bit tells them apart.
    explicit SocketNumbers(Protocol protocol) : last_bit_(protocol == Protocol::udp ? 1 : 0) {}

    /// Removes repeated rows. Then sets Socket::cookie and Socket::inode of each row to a number that the socket keeps
    /// as long as it is listed. The cookie of a socket that cannot be recognised later is 0.
    void number(std::vector<NetstatRow>& rows);

    /// The first number of our own. Those that come from the kernel's numbers are smaller, and stay until the next
    /// boot.
    static constexpr std::uint64_t own_numbers = std::uint64_t{1} << 63;

private:
    using Key = std::pair<std::uint64_t, Tuple>; // the kernel's number, or 0, and the tuple

    std::uint64_t next() { return (last_ += 2) | last_bit_; }

    std::map<Key, std::uint64_t> known_; // sockets of the last list that have no number of their own
    std::uint64_t last_bit_;
    std::uint64_t last_ = own_numbers;
};

} // namespace socktally
