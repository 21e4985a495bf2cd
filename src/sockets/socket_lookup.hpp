// SPDX-License-Identifier: MIT
// Finds the socket to which the traffic of a tuple belongs, for backends that see packets but not sockets. Pure: the
// caller passes the kernel's list of sockets. owners/ finds the owners of a socket.
#pragma once

#include "sockets/socket.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace socktally {

/// The sockets to which the traffic may belong: none, one, or several that are equally likely (SO_REUSEPORT,
/// multicast). If there are several, none is preferred. The traffic then belongs to a process only if that process
/// holds all of them.
struct SocketMatch {
    std::vector<const Socket*> sockets; // pointers into SocketLookup::all()
    /// The best quality of an attribution through this match. owner: both ends match. inherited: an unconnected socket
    /// receives at the local end. unknown: there is no socket.
    Quality quality = Quality::unknown;

    /// Returns the socket if there is exactly one, else null.
    const Socket* only() const { return sockets.size() == 1 ? sockets.front() : nullptr; }
};

class SocketLookup {
public:
    SocketLookup() = default;
    /// Removes repeated sockets: those with the same tuple, inode and cookie.
    explicit SocketLookup(std::vector<Socket> sockets);
    SocketLookup(SocketLookup&&) = default;
    SocketLookup& operator=(SocketLookup&&) = default;

    /// Returns all sockets. An unspecified local address is stored as an empty address, without family. flow_of()
    /// restores the family.
    const std::vector<Socket>& all() const { return sockets_; }

    /// Returns the sockets to which the traffic of a tuple may belong. Searches first for a socket with both ends. A v6
    /// socket with mapped addresses has a v4 tuple. For UDP, searches next for an unconnected socket with this local
    /// port: first for one bound to this local address, then for one bound to no address. A v6 socket bound to no
    /// address also receives v4 traffic, unless it is v6 only. The kernel delivers datagrams by the same rules
    /// (udp4_lib_lookup2(), udp6_lib_lookup2()). A sent datagram belongs to the socket that would receive the answer. A
    /// multicast or broadcast datagram belongs to every socket that receives it.
    /// `interface` is the index of the device that carried the packet; 0 if it is not known. A socket bound to another
    /// device does not match. If the device is not known, a socket bound to a device may receive all of the traffic or
    /// none. Such a socket matches, but the search continues.
    SocketMatch find(const Tuple& tuple, std::uint32_t interface = 0) const;

    /// Returns the socket whose traffic has this tuple after address translation (NAT). Returns null unless exactly one
    /// socket fits. Call it for tuples for which find() returns no socket. Tries in this order:
    /// - connected sockets with the same local end, unless a listener accepts connections there;
    /// - sockets with the same remote end; for UDP, or if there are several, only those with the same local port;
    /// - for UDP, unconnected sockets with the same local port.
    const Socket* find_rewritten(const Tuple& tuple) const;

    /// Returns the unconnected UDP sockets that may send from the local end of a tuple: those with the same port that
    /// are bound to the same address or to no address. find() returns only those that would receive an answer.
    std::vector<const Socket*> senders(const Tuple& tuple, std::uint32_t interface = 0) const;

    /// Returns whether a listener accepts TCP connections at this local end (Flow::accepted).
    bool accepts_at(const Endpoint& local) const;

private:
    std::span<const Socket> range(const Tuple& tuple) const;

    std::span<const Socket> connected_at(Protocol protocol, const Endpoint& local) const;
    std::span<const Socket* const> by_remote(Protocol protocol, const Endpoint& remote) const;

    std::vector<Socket> sockets_; // sorted by tuple; unspecified local addresses are empty
    /// The sockets sorted by protocol and remote end. The list is made when it is first needed.
    mutable std::optional<std::vector<const Socket*>> by_remote_;
};

} // namespace socktally
