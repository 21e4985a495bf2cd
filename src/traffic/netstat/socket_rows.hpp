// SPDX-License-Identifier: MIT
// Parses the sockets that netstat(1) of macOS prints: `netstat -anb -l -v -p tcp`, the same for udp, and a plain
// `netstat -anb`, which lacks pids and cuts addresses. A row looks like this, in one line:
//
//   tcp4  0  0  10.0.0.5.52001  17.57.146.52.5223  ESTABLISHED  9021  1120  131072  131072
//     Codex (Service):19111  00102 00000008 00000000002ffc8e 00000080 04000900  2  0 000000
//
// The columns have other widths and other names in each version of macOS, and the header may be wider than the rows.
// So columns are found by the names in the header and by the number of words, never by their position. All words but
// the name of the process are without blanks. The words before the name are counted from the left, and those after it
// from the right. A row of UDP has no state.
#pragma once

#include "sockets/socket.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

struct NetstatRow {
    Socket socket;                         // as listed: without cookie, inode and uid
    std::optional<std::uint64_t> rx_bytes; // null: netstat has no such column
    std::optional<std::uint64_t> tx_bytes;
    std::optional<Pid> pid;       // process that last used the socket; 0: the kernel; null: netstat has no such column
    std::string process;          // name of that process, at most 16 bytes; empty before macOS 26
    std::uint64_t generation = 0; // number of the socket in the kernel (`gencnt`); 0: netstat has no such column
    bool is_cut = false;          // an address was printed in part, and is unknown here
};

struct NetstatRows {
    std::vector<NetstatRow> rows;
    std::size_t garbled = 0;  // lines about a socket that could not be understood
    bool has_header = false;  // false: this is not the output of netstat, or it is cut off
    bool counts_bytes = true; // false: a header lacks the columns of bytes
};

/// How netstat prints long IPv6 addresses: whole with -l, else only the first 16 characters.
enum class LongAddresses : std::uint8_t { whole, cut };

NetstatRows parse_netstat(std::string_view text, LongAddresses addresses);

/// Clears the number of the interface that BSD kernels keep in the second word of a link-local IPv6 address. lsof(8)
/// prints the number, but netstat prints the name of the interface instead.
Address without_scope(Address address);

} // namespace socktally
