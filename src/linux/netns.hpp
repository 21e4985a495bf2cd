// SPDX-License-Identifier: MIT
// Network namespaces: which ones there are, and doing something inside each.
#pragma once

#include "linux/fd.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace socktally {

/// Calls `work`, which must not throw, with each number below `count`, from at most `threads` threads at once. For work
/// that waits in the kernel, as for all CPUs when a packet socket gets its buffer or is closed: many calls then take as
/// long as one. Throws if not even one thread can be started.
void in_threads(std::size_t threads, std::size_t count, const std::function<void(std::size_t)>& work);

/// Whether a network namespace was there before a window began, or all that its sockets have moved belongs to the
/// window.
enum class Arrival : std::uint8_t { was_there, is_new };

/// A network namespace and a way into it. No other namespace has its inode at the same time.
struct NetworkNamespace {
    std::uint64_t inode = 0;
    std::string path; // "/proc/123/ns/net", "/run/netns/blue"; empty for the current one
    /// True if without privilege we may neither learn its inode nor enter it, because its processes are other users'.
    bool hidden = false;
};

/// Processes that a walk of /proc has seen, so that finding namespaces needs no second walk.
struct ProcessesSeen {
    std::vector<std::int32_t> pids;
    std::vector<NetworkNamespace> open; // namespaces that processes have open files of
};
ProcessesSeen list_processes();

/// Lists the current namespace first, then those that processes live in, then those that have only a name (ip-netns(8))
/// or an open file, then hidden ones: only as many of these as are certainly none of the others.
std::vector<NetworkNamespace> network_namespaces(const ProcessesSeen& seen);

/// Returns the inode of the network namespace at `path`; null if there is none.
std::optional<std::uint64_t> netns_inode(const std::string& path);
/// Returns the inode of the current network namespace; 0 if /proc does not show it.
std::uint64_t own_netns_inode();
/// Returns the path by which ip-netns(8) keeps the namespace of this name: "/run/netns/blue".
std::string named_netns_path(const std::string& name);

/// Returns the inode of the network namespace that the calling thread is in; 0 if /proc does not show it.
std::uint64_t netns_of_thread();

/// Calls `work`, which must not throw, inside the network namespace of a socket, whose inode is `netns`: directly if
/// that is the current one, else from a new thread. Returns false if the namespace could not be entered (needs
/// CAP_NET_ADMIN there). The namespace is found through the socket, so that no descriptor of it has to be kept: another
/// instance would take such a descriptor for a use of the namespace, and keep the namespace alive in turn.
bool run_in_netns_of(int socket, std::uint64_t netns, const std::function<void()>& work);

/// Calls `work`, which must not throw, inside each namespace of the list, from a thread of its own, so that nothing
/// else of this process ever leaves its namespace; or from several threads, for work that waits. Leaves out namespaces
/// that are gone by now. Returns the number of those that could not be entered.
std::size_t in_each(const std::vector<NetworkNamespace>& list, const std::function<void(const NetworkNamespace&)>& work,
                    std::size_t threads = 1);

} // namespace socktally
