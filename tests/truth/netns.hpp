// SPDX-License-Identifier: MIT
// Network namespaces that are held by a descriptor only, so that nothing is left behind however the test ends,
// and the little of rtnetlink that the cases need. Runs no other program.
#pragma once

#include "fd.hpp"

#include <cstdint>

namespace truth {

/// A new network namespace with loopback up.
class Netns {
public:
    Netns();
    int fd() const { return fd_.get(); }
    std::uint64_t inode() const; // as in /proc/PID/ns/net

private:
    Fd fd_;
};

/// This process is inside for as long as the guard lives. A failure to come back ends the program.
class Inside {
public:
    explicit Inside(const Netns& place);
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;
    ~Inside();

private:
    Fd home_;
};

inline constexpr const char* near4 = "10.77.0.1";
inline constexpr const char* far4 = "10.77.0.2";
inline constexpr const char* near6 = "fd77::1";
inline constexpr const char* far6 = "fd77::2";

/// The names and addresses of a veth pair's ends; no address where that is null.
struct Link {
    const char* near = "near";
    const char* far = "far";
    const char* near4 = truth::near4;
    const char* far4 = truth::far4;
    const char* near6 = truth::near6;
    const char* far6 = truth::far6;
};

/// Joins two namespaces by a veth pair. Throws where the kernel has no veth.
void join(const Netns& near, const Netns& far, const Link& link = {});

/// A bridge that is up and has this IPv4 address. Throws where the kernel has no bridges.
void make_bridge(const Netns& place, const char* name, const char* address);

/// One more IPv4 address of an interface.
void add_alias(const Netns& place, const char* link, const char* address);

/// A VXLAN device that is up, with its outside from `near` to `far`. Throws where the kernel has none.
void make_vxlan(const Netns& place, const char* name, const char* near, const char* far, const char* address);

/// A MACVLAN on an interface of `lower`, in another namespace. Throws where the kernel has none.
void make_macvlan(const Netns& lower, const char* link, const Netns& upper, const char* name, const char* address);

/// A VLAN on an interface that is up; no address where that is null. Throws where the kernel has none.
void make_vlan(const Netns& place, const char* link, const char* name, std::uint16_t id, const char* address);

/// Makes an interface a port of the bridge.
void add_port(const Netns& place, const char* bridge, const char* port);

/// A tun device here that is up and has this IPv4 address: bare IP packets that are written to the descriptor arrive at
/// it.
Fd make_tun(const char* name, const char* address);

/// Lets TCP make superpackets of up to so many bytes there, also of more than 64 KiB (BIG TCP). False where the kernel
/// does not.
bool allow_superpackets(const Netns& place, const char* link, std::uint32_t bytes);

/// From now on it passes on what is for others, at interfaces that are made afterwards too.
void forward_packets(const Netns& place);

/// Interfaces that are made afterwards have no IPv6, so that they send nothing of their own accord.
void disable_v6(const Netns& place);

/// Sends what has no other way to this IPv4 address.
void set_default_route(const Netns& place, const char* gateway);

} // namespace truth
