// SPDX-License-Identifier: MIT
// Which socket the traffic of a tuple belongs to, for backends that see packets and not sockets. Pure: the sockets come
// from a list of the kernel (sock_diag or /proc/net), and who holds the socket is another question.
#pragma once

#include "sockets/socket.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace socktally {

/// The sockets that the traffic may belong to, equally likely: none, one, or several (SO_REUSEPORT, multicast), of
/// which none is chosen by guessing. If one process holds several, the traffic is that process's.
struct SocketMatch {
    std::vector<const Socket*> sockets; // into the lookup
    /// The best that an attribution through this match may be: owner if both ends agree, inherited if the socket
    /// is an unconnected one that takes what comes to its port; unknown without a socket.
    Quality quality = Quality::unknown;

    /// The one socket, if it is one.
    const Socket* only() const { return sockets.size() == 1 ? sockets.front() : nullptr; }
};

class SocketLookup {
public:
    SocketLookup() = default;
    /// A socket may be listed repeatedly: the same tuple, inode and cookie count once.
    explicit SocketLookup(std::vector<Socket> sockets);
    SocketLookup(SocketLookup&&) = default;
    SocketLookup& operator=(SocketLookup&&) = default;

    /// All of them. An unspecified local address is empty; flow_of() knows it.
    const std::vector<Socket>& all() const { return sockets_; }

    /// First by both ends; a v6 socket with mapped addresses is found by its v4 tuple. Then, for UDP only, an
    /// unconnected socket with this local port: with the address, else with none (of v6 for v4 traffic too, unless it
    /// is v6 only). This is how the kernel delivers a datagram (udp4_lib_lookup2(), udp6_lib_lookup2()), and what is
    /// sent is taken to come from the socket that would get the answer. `interface` is the index of the device that the
    /// packet was seen on, 0 if that is not known: a socket that is bound to another one is left out. If it is not
    /// known, a bound socket is one of several, because it may take all of the traffic or nothing. A datagram to a
    /// multicast or broadcast address goes to every socket that takes it.
    SocketMatch find(const Tuple& tuple, std::uint32_t interface = 0) const;

    /// For a tuple without a socket: returns the connected socket whose tuple may have been rewritten into this one on
    /// the way (NAT), if only one fits. In this order: a socket that was opened here, with the same local end; a socket
    /// with the same remote end, and for UDP the same local port; for UDP, one bound to another address at the same
    /// port.
    const Socket* find_rewritten(const Tuple& tuple) const;

    /// Returns the UDP sockets that may send from the local end of a tuple to anywhere: unconnected ones at its port,
    /// bound to its address or to none. find() returns only those of them that receive what comes back.
    std::vector<const Socket*> senders(const Tuple& tuple, std::uint32_t interface = 0) const;

    /// True if a TCP socket accepts at this end of a tuple: the flow's Flow::accepted.
    bool accepts_at(const Endpoint& local) const;

private:
    std::span<const Socket> range(const Tuple& tuple) const;

    std::span<const Socket> connected_at(Protocol protocol, const Endpoint& local) const;
    std::span<const Socket* const> by_remote(Protocol protocol, const Endpoint& remote) const;

    std::vector<Socket> sockets_; // sorted by tuple; what is not said (address or port) is empty
    /// By protocol and remote end; built when it is first needed.
    mutable std::optional<std::vector<const Socket*>> by_remote_;
};

} // namespace socktally
