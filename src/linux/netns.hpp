// SPDX-License-Identifier: MIT
// Network namespaces: lists them, and runs code inside each.
#pragma once

#include "linux/fd.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace socktally {

/// Calls `work`, which must not throw, with each number below `count`, from at most `threads` threads at once. Meant
/// for work that waits in the kernel: giving a packet socket its buffer, or closing it, waits for all CPUs, and many
/// such calls at once take as long as one. Throws if not even one thread can be started.
void in_threads(std::size_t threads, std::size_t count, const std::function<void(std::size_t)>& work);

/// Whether a network namespace existed before the window began, or is new, so that all bytes its sockets have moved
/// belong to the window.
enum class Arrival : std::uint8_t { was_there, is_new };

/// A network namespace and a path to it. Its inode is unique as long as it exists.
struct NetworkNamespace {
    std::uint64_t inode = 0;
    std::string path; // "/proc/123/ns/net", "/run/netns/blue"; empty for the current one
    /// True if we may neither read its inode nor enter it, because its processes belong to other users.
    bool hidden = false;
};

/// The processes that a walk of /proc has found, so that listing namespaces needs no second walk.
struct ProcessesSeen {
    std::vector<std::int32_t> pids;
    std::vector<NetworkNamespace> open; // namespaces that processes have open as files
};
ProcessesSeen list_processes();

/// Lists the current namespace first, then those that processes are in, then those that have only a name (ip-netns(8))
/// or an open file, then hidden ones: only as many as are certainly none of the others.
std::vector<NetworkNamespace> network_namespaces(const ProcessesSeen& seen);

/// Returns the inode of the network namespace at `path`; null if there is none.
std::optional<std::uint64_t> netns_inode(const std::string& path);
/// Returns the inode of the current network namespace; 0 if /proc does not show it.
std::uint64_t own_netns_inode();
/// Returns the path of the namespace with this ip-netns(8) name: "/run/netns/blue".
std::string named_netns_path(const std::string& name);

/// Returns the inode of the network namespace that the calling thread is in; 0 if /proc does not show it.
std::uint64_t netns_of_thread();

/// Calls `work`, which must not throw, inside the network namespace of a socket, whose inode is `netns`: directly if it
/// is the current namespace, else from a new thread. Returns false if the namespace cannot be entered (needs
/// CAP_NET_ADMIN there). The namespace is found through the socket, so no descriptor of it is kept open. Another
/// instance would list such a descriptor as a use of the namespace and open it too, so both would keep the namespace
/// alive.
bool run_in_netns_of(int socket, std::uint64_t netns, const std::function<void()>& work);

/// Calls `work`, which must not throw, inside each namespace of the list. A new thread enters the namespaces, so that
/// the rest of this process stays in its own. Work that waits may use several threads. Skips namespaces that no longer
/// exist. Returns the number of namespaces that could not be entered.
std::size_t in_each(const std::vector<NetworkNamespace>& list, const std::function<void(const NetworkNamespace&)>& work,
                    std::size_t threads = 1);

} // namespace socktally
