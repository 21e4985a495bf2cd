// SPDX-License-Identifier: MIT
// Lines of /proc/net/tcp and its like, and what a lookup and a window make of the sockets in them.
#include "fuzz.hpp"
#include "linux/proc.hpp"
#include "sockets/proc_net.hpp"
#include "sockets/socket_lookup.hpp"
#include "traffic/listed_sockets.hpp"

using namespace socktally;

FUZZ_DRIVER(proc_sockets)
{
    std::string_view text = as_text(input);
    std::vector<Socket> sockets;
    std::size_t number = 0;
    while (!text.empty()) {
        const std::string_view line = next_line(text);
        const auto protocol = static_cast<Protocol>(++number % protocol_names().size());
        if (const auto socket = parse_inet_socket(line, protocol)) {
            require(socket->family == Family::v4 || socket->family == Family::v6);
            require(socket->tuple.protocol == protocol || protocol == Protocol::raw);
            sockets.push_back(*socket);
        }
        if (const auto socket = parse_packet_socket(line)) {
            require(socket->tuple.protocol == Protocol::packet);
            sockets.push_back(*socket);
        }
    }
    const SocketLookup lookup(sockets);
    for (const Socket& socket : sockets) {
        const SocketMatch match = lookup.find(socket.tuple, socket.interface);
        require(match.sockets.empty() == (match.quality == Quality::unknown));
        require(match.sockets.size() <= sockets.size());
    }
    const std::vector<Socket> half(sockets.begin(), sockets.begin() + static_cast<long>(sockets.size() / 2));
    require(flows_of(half, sockets).size() <= sockets.size());
}
