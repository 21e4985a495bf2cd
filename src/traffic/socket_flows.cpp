// SPDX-License-Identifier: MIT
#include "traffic/socket_flows.hpp"

#include "sockets/socket_lookup.hpp"

#include <algorithm>
#include <cstdint>
#include <set>
#include <unordered_set>

namespace socktally {

namespace {

bool may_move_bytes(const ListedSocket& socket)
{
    return !socket.listening && socket.state != SocketState::time_wait && socket.state != SocketState::closed;
}

/// A list that changes while it is read may have a socket twice. The subflows of an MPTCP connection share its inode.
class Collector {
public:
    explicit Collector(SocketLookup listeners) : listeners_(std::move(listeners)) {}

    void add(const ListedSocket& socket, SocketState state)
    {
        const bool is_new =
            socket.inode != Inode{} ? inodes_.insert(socket.inode.value).second : unheld_.insert(socket.tuple).second;
        if (!is_new) {
            return;
        }
        Flow& flow = flows_.emplace_back(flow_of(socket));
        flow.state = state;
        flow.accepted = socket.tuple.protocol == Protocol::tcp && listeners_.accepts_at(socket.tuple.local);
    }
    std::vector<Flow> take() { return std::move(flows_); }

private:
    SocketLookup listeners_;
    std::vector<Flow> flows_;
    std::unordered_set<std::uint64_t> inodes_;
    std::set<Tuple> unheld_;
};

SocketLookup listeners_of(const std::vector<ListedSocket>& first, const std::vector<ListedSocket>& last)
{
    std::vector<ListedSocket> listeners;
    const auto listens = [](const ListedSocket& socket) { return socket.listening; };
    std::copy_if(first.begin(), first.end(), std::back_inserter(listeners), listens);
    std::copy_if(last.begin(), last.end(), std::back_inserter(listeners), listens);
    return SocketLookup(std::move(listeners));
}

} // namespace

std::vector<Flow> flows_of(const std::vector<ListedSocket>& first, const std::vector<ListedSocket>& last)
{
    Collector collector(listeners_of(first, last));
    for (const ListedSocket& socket : last) {
        if (may_move_bytes(socket)) {
            collector.add(socket, socket.state);
        }
    }
    for (const ListedSocket& socket : first) {
        if (may_move_bytes(socket) && socket.inode != Inode{}) {
            collector.add(socket, SocketState::closed);
        }
    }
    return collector.take();
}

} // namespace socktally
