// SPDX-License-Identifier: MIT
// Each step of find() is a binary search. A socket that is bound to no address has an empty local address.
#include "sockets/socket_lookup.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <iterator>
#include <set>
#include <tuple>

namespace socktally {

namespace {

using Candidates = std::vector<const Socket*>;

bool is_datagram(Protocol protocol) { return protocol == Protocol::udp || protocol == Protocol::udplite; }

Tuple normal(Tuple tuple)
{
    if (tuple.local.address.is_unspecified()) {
        tuple.local.address = {};
    }
    if (tuple.remote.port == 0) {
        tuple.remote = {};
    }
    return tuple;
}

/// Returns whether the socket may receive traffic of this family on this device. A v6 socket that is bound to no
/// address also receives v4 traffic, unless it is v6 only.
bool takes(const Socket& socket, Family family, std::uint32_t interface)
{
    if (socket.interface != 0 && interface != 0 && socket.interface != interface) {
        return false;
    }
    if (socket.tuple.local.address.family != Family::none || socket.family == family) {
        return true;
    }
    return socket.family == Family::v6 && family == Family::v4 && !socket.v6_only;
}

/// Returns false if the socket is bound to a device and the device of the traffic is not known. The socket may then
/// receive all of the traffic or none.
bool is_sure(const Socket& socket, std::uint32_t interface) { return socket.interface == 0 || interface != 0; }

auto far_end(const Socket& socket) { return std::tie(socket.tuple.protocol, socket.tuple.remote); }

auto identity(const Socket& socket) { return std::tie(socket.tuple, socket.inode, socket.cookie); }

bool is_repeated(const Socket& a, const Socket& b)
{
    return (a.inode != Inode{} || a.cookie != Cookie{}) && identity(a) == identity(b);
}

/// Drops sockets without an inode if another candidate has an inode. A socket without an inode was closed or not yet
/// accepted when the list was made.
void drop_stale(Candidates& candidates)
{
    const auto is_live = [](const Socket* socket) { return socket->inode != Inode{}; };
    if (std::any_of(candidates.begin(), candidates.end(), is_live)) {
        std::erase_if(candidates, [&](const Socket* socket) { return !is_live(socket); });
    }
}

void add_takers(Candidates& candidates, std::span<const Socket> sockets, Family family, std::uint32_t interface)
{
    for (const Socket& socket : sockets) {
        if (takes(socket, family, interface)) {
            candidates.push_back(&socket);
        }
    }
}

/// Keeps the sockets that the kernel prefers among those with equal addresses. If the device of the traffic is known,
/// sockets bound to it come before unbound sockets. Among sockets bound to the same device, those of the same family as
/// the traffic come before those of the other family.
void keep_best(Candidates& candidates, Family family, std::uint32_t interface)
{
    if (candidates.size() < 2) {
        return;
    }
    const auto is_bound = [](const Socket* socket) { return socket->interface != 0; };
    if (interface != 0 && std::any_of(candidates.begin(), candidates.end(), is_bound)) {
        std::erase_if(candidates, std::not_fn(is_bound));
    }
    std::set<std::uint32_t> devices; // devices to which sockets of the traffic's family are bound
    for (const Socket* socket : candidates) {
        if (socket->family == family) {
            devices.insert(socket->interface);
        }
    }
    std::erase_if(candidates, [&](const Socket* socket) {
        return socket->family != family && devices.contains(socket->interface);
    });
}

} // namespace

SocketLookup::SocketLookup(std::vector<Socket> sockets) : sockets_(std::move(sockets))
{
    for (Socket& socket : sockets_) {
        socket.tuple = normal(socket.tuple);
    }
    std::sort(sockets_.begin(), sockets_.end(),
              [](const Socket& a, const Socket& b) { return identity(a) < identity(b); });
    sockets_.erase(std::unique(sockets_.begin(), sockets_.end(), is_repeated), sockets_.end());
}

std::span<const Socket> SocketLookup::range(const Tuple& tuple) const
{
    const auto first = std::lower_bound(sockets_.begin(), sockets_.end(), tuple,
                                        [](const Socket& socket, const Tuple& key) { return socket.tuple < key; });
    const auto last = std::find_if(first, sockets_.end(), [&](const Socket& s) { return s.tuple != tuple; });
    return {first, last};
}

SocketMatch SocketLookup::find(const Tuple& tuple, std::uint32_t interface) const
{
    const Family family = tuple.local.address.family;
    SocketMatch match;
    const Tuple connected = normal(tuple);
    std::array choices{connected, Tuple{tuple.protocol, connected.local, {}},
                       Tuple{tuple.protocol, {{}, tuple.local.port}, {}}};
    const auto end = is_datagram(tuple.protocol) ? std::unique(choices.begin(), choices.end()) : choices.begin() + 1;
    const std::span<const Tuple> steps(choices.begin(), end);
    if (is_datagram(tuple.protocol) && tuple.local.address.goes_to_many()) {
        for (const Tuple& step : steps) { // all, because a receiver of multicast may be connected to the sender
            add_takers(match.sockets, range(step), family, interface);
        }
        match.quality = match.sockets.empty() ? Quality::unknown : Quality::inherited;
        return match;
    }
    for (const Tuple& step : steps) {
        Candidates takers;
        add_takers(takers, range(step), family, interface);
        drop_stale(takers);
        keep_best(takers, family, interface);
        if (!takers.empty()) {
            match.quality = &step == steps.data() ? Quality::owner : Quality::inherited;
            match.sockets.insert(match.sockets.end(), takers.begin(), takers.end());
        }
        if (std::any_of(takers.begin(), takers.end(),
                        [=](const Socket* socket) { return is_sure(*socket, interface); })) {
            break;
        }
    }
    return match;
}

std::span<const Socket* const> SocketLookup::by_remote(Protocol protocol, const Endpoint& remote) const
{
    if (!by_remote_) {
        by_remote_.emplace();
        for (const Socket& socket : sockets_) {
            by_remote_->push_back(&socket);
        }
        std::sort(by_remote_->begin(), by_remote_->end(),
                  [](const Socket* a, const Socket* b) { return far_end(*a) < far_end(*b); });
    }
    const auto key = std::tie(protocol, remote);
    const auto first = std::lower_bound(by_remote_->begin(), by_remote_->end(), key,
                                        [](const Socket* a, const auto& end) { return far_end(*a) < end; });
    const auto last = std::find_if(first, by_remote_->end(), [&](const Socket* a) { return far_end(*a) != key; });
    return {first, last};
}

std::span<const Socket> SocketLookup::connected_at(Protocol protocol, const Endpoint& local) const
{
    const Tuple least{protocol, local, {}};
    const auto first = std::upper_bound(sockets_.begin(), sockets_.end(), least,
                                        [](const Tuple& key, const Socket& a) { return key < a.tuple; });
    const auto last = std::find_if(
        first, sockets_.end(), [&](const Socket& a) { return a.tuple.protocol != protocol || a.tuple.local != local; });
    return {first, last};
}

const Socket* SocketLookup::find_rewritten(const Tuple& tuple) const
{
    Candidates candidates;
    const auto keeps_port = [&](const Socket* a) { return a->tuple.local.port == tuple.local.port; };
    if (!accepts_at(tuple.local)) {
        for (const Socket& socket : connected_at(tuple.protocol, tuple.local)) {
            candidates.push_back(&socket);
        }
    }
    if (candidates.empty()) {
        const auto sockets = by_remote(tuple.protocol, tuple.remote);
        candidates.assign(sockets.begin(), sockets.end());
        if (candidates.size() > 1 || is_datagram(tuple.protocol)) {
            std::erase_if(candidates, std::not_fn(keeps_port));
        }
    }
    if (candidates.empty() && is_datagram(tuple.protocol)) {
        const auto sockets = by_remote(tuple.protocol, {});
        std::copy_if(sockets.begin(), sockets.end(), std::back_inserter(candidates), keeps_port);
    }
    return candidates.size() == 1 ? candidates.front() : nullptr;
}

std::vector<const Socket*> SocketLookup::senders(const Tuple& tuple, std::uint32_t interface) const
{
    Candidates candidates;
    const Family family = tuple.local.address.family;
    add_takers(candidates, range({tuple.protocol, tuple.local, {}}), family, interface);
    add_takers(candidates, range({tuple.protocol, {{}, tuple.local.port}, {}}), family, interface);
    return candidates;
}

bool SocketLookup::accepts_at(const Endpoint& local) const
{
    const auto is_open = [&](const Endpoint& end) {
        const auto sockets = range({Protocol::tcp, end, {}});
        return std::any_of(sockets.begin(), sockets.end(), [&](const Socket& socket) {
            return is_listener(socket) && takes(socket, local.address.family, 0);
        });
    };
    return is_open(local) || is_open({{}, local.port});
}

} // namespace socktally
