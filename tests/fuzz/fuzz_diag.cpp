// SPDX-License-Identifier: MIT
// A whole netlink datagram: messages, the inet_diag socket in each, its attributes, and what the socket table makes of
// it.
#include "fuzz.hpp"
#include "linux/netlink_socket.hpp"
#include "sockets/sock_diag.hpp"
#include "traffic/netlink/socket_table.hpp"

using namespace socktally;

namespace {

/// Each message goes in as one kind of row; its sequence number, which is part of the input, says which.
void put_into(SocketTable& table, const Socket& socket, std::uint32_t kind)
{
    constexpr SocketTable::Age age{1000};
    switch (kind % 6) {
    case 0: table.at_start(socket); break;
    case 1: table.during(socket); break;
    case 2: table.destroyed(socket, SocketTable::Phase::open, age); break;
    case 3: table.destroyed(socket, SocketTable::Phase::opening, age); break;
    case 4: table.forget(socket.cookie); break;
    default: table.at_end(socket, age);
    }
}

} // namespace

FUZZ_DRIVER(diag)
{
    SocketTable table;
    table.begin_dump();
    NetlinkMessage message;
    std::size_t messages = 0;
    for (auto datagram = input; next_message(datagram, message);) {
        ++messages;
        require(message.payload.data() >= input.data() &&
                message.payload.data() + message.payload.size() <= input.data() + input.size());
        const auto socket = parse_diag(message.payload, message.flags % 2 == 0 ? Protocol::tcp : Protocol::udp);
        if (socket) {
            require(socket->tuple.protocol == Protocol::tcp || !socket->tcp);
            put_into(table, *socket, message.sequence);
        }
    }
    require(table.missing().size() <= messages);
    require(table.live_inodes().size() <= messages);
    require(table.opened() <= messages && table.resets() <= messages);
    require(table.take_flows().size() <= messages);
}
