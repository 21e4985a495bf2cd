// SPDX-License-Identifier: MIT
// Finds the socket that the traffic of a tuple belongs to, for backends that see packets but not sockets. Pure: the
// sockets come from a list of the kernel (sock_diag or /proc/net). The owners of a socket are found elsewhere.
#pragma once

#include "sockets/socket.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace socktally {

/// The sockets that the traffic may belong to: none, one, or several that are equally likely (SO_REUSEPORT, multicast).
/// None of several is chosen by guessing. If one process holds them all, the traffic belongs to that process.
struct SocketMatch {
    std::vector<const Socket*> sockets; // point into the lookup
    /// The best quality of an attribution through this match: owner if both ends agree, inherited if the socket is an
    /// unconnected one that receives at the port, unknown without a socket.
    Quality quality = Quality::unknown;

    /// Returns the socket if there is exactly one, else null.
    const Socket* only() const { return sockets.size() == 1 ? sockets.front() : nullptr; }
};

class SocketLookup {
public:
    SocketLookup() = default;
    /// The list may repeat a socket: the same tuple, inode and cookie count once.
    explicit SocketLookup(std::vector<Socket> sockets);
    SocketLookup(SocketLookup&&) = default;
    SocketLookup& operator=(SocketLookup&&) = default;

    /// Returns all sockets. An unspecified local address is stored as an empty one; flow_of() turns it back.
    const std::vector<Socket>& all() const { return sockets_; }

    /// Returns the sockets that the traffic of a tuple may belong to. First compares both ends; a v6 socket with mapped
    /// addresses is found by its v4 tuple. Then, for UDP only, searches for an unconnected socket with this local port:
    /// with the same local address, else without an address (also of v6 for v4 traffic, unless it is v6 only). The
    /// kernel delivers datagrams by these rules (udp4_lib_lookup2(), udp6_lib_lookup2()). A datagram that is sent is
    /// taken to come from the socket that would receive the answer. A datagram to a multicast or broadcast address goes
    /// to every socket that receives it.
    /// `interface` is the index of the device that the packet was seen on, or 0. A socket that is bound to another
    /// device does not match. If the device is not known, a bound socket is one of several, because it may receive all
    /// of the traffic or none.
    SocketMatch find(const Tuple& tuple, std::uint32_t interface = 0) const;

    /// Returns the connected socket whose tuple may have been rewritten into this one on the way (NAT), if only one
    /// fits. Meant for tuples without a socket. Tries in this order: a socket that opened its connection and has the
    /// same local end; a socket with the same remote end, and for UDP the same local port; for UDP, a socket bound to
    /// another address at the same port.
    const Socket* find_rewritten(const Tuple& tuple) const;

    /// Returns the UDP sockets that may send from the local end of a tuple to anywhere: unconnected ones at its port,
    /// bound to its address or to none. find() returns only those of them that would receive an answer.
    std::vector<const Socket*> senders(const Tuple& tuple, std::uint32_t interface = 0) const;

    /// Returns whether a listener accepts TCP connections at this local end (Flow::accepted).
    bool accepts_at(const Endpoint& local) const;

private:
    std::span<const Socket> range(const Tuple& tuple) const;

    std::span<const Socket> connected_at(Protocol protocol, const Endpoint& local) const;
    std::span<const Socket* const> by_remote(Protocol protocol, const Endpoint& remote) const;

    std::vector<Socket> sockets_; // sorted by tuple; an unspecified address or port is stored as empty
    /// Sorted by protocol and remote end; made at first use.
    mutable std::optional<std::vector<const Socket*>> by_remote_;
};

} // namespace socktally
