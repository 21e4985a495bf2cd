// SPDX-License-Identifier: MIT
// Sockets that netstat of macOS prints, and the numbers by which they are recognised in a second list.
#include "fuzz.hpp"
#include "traffic/netstat/socket_numbers.hpp"
#include "traffic/netstat/socket_rows.hpp"

#include <set>

using namespace socktally;

FUZZ_DRIVER(netstat)
{
    NetstatRows whole = parse_netstat(as_text(input), LongAddresses::whole);
    const NetstatRows cut = parse_netstat(as_text(input), LongAddresses::cut);
    require(whole.rows.size() == cut.rows.size() && whole.garbled == cut.garbled);
    require(whole.has_header || whole.rows.empty());
    for (std::size_t i = 0; i < whole.rows.size(); ++i) {
        const NetstatRow& row = whole.rows[i];
        require(row.socket.family != Family::none && row.process.size() <= input.size());
        require(!row.pid || row.pid->value >= 0);
        require(!row.is_cut || cut.rows[i].is_cut);
    }
    std::vector<NetstatRow> again = whole.rows;
    SocketNumbers numbers(Protocol::tcp);
    numbers.number(whole.rows);
    numbers.number(again);
    require(whole.rows.size() == again.size());
    std::set<Cookie> cookies;
    std::set<Inode> inodes;
    for (std::size_t i = 0; i < again.size(); ++i) {
        const Socket& socket = whole.rows[i].socket;
        require(socket.cookie == again[i].socket.cookie && socket.inode != Inode{});
        require(inodes.insert(socket.inode).second);
        require(socket.cookie == Cookie{} || cookies.insert(socket.cookie).second);
    }
}
