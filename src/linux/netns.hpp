// SPDX-License-Identifier: MIT
// Lists network namespaces, and runs code inside them.
#pragma once

#include "linux/fd.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace socktally {

/// Calls `work` with each number below `count`, in at most `threads` threads at once. `work` must not throw. This helps
/// if the work waits in the kernel. For example, the call that gives a packet socket its buffer waits for all CPUs, and
/// so does the call that closes the socket. Many such calls at once take as long as one. Throws if no thread can be
/// started.
void in_threads(std::size_t threads, std::size_t count, const std::function<void(std::size_t)>& work);

/// Whether a network namespace existed before the window began. If the namespace is new, all bytes that its sockets
/// have moved belong to the window.
enum class Arrival : std::uint8_t { was_there, is_new };

/// A network namespace, and a path that leads to it. Its inode is unique as long as the namespace exists.
struct NetworkNamespace {
    std::uint64_t inode = 0;
    std::string path; // such as "/proc/123/ns/net" or "/run/netns/blue"; empty for the current namespace
    /// True if we may neither read the inode of the namespace nor enter the namespace, because its processes belong to
    /// other users.
    bool hidden = false;
};

/// The processes that a walk of /proc has found. With this result, network_namespaces() need not walk /proc again.
struct ProcessesSeen {
    std::vector<std::int32_t> pids;
    std::vector<NetworkNamespace> open; // namespaces to which processes have a descriptor open
};
ProcessesSeen list_processes();

/// Lists the current namespace first, then the namespaces of processes, then the namespaces that have only a name
/// (ip-netns(8)) or an open descriptor. Hidden namespaces come last. A hidden namespace may be the same as a listed
/// one, so only as many hidden ones are added as are certainly new.
std::vector<NetworkNamespace> network_namespaces(const ProcessesSeen& seen);

/// Returns the inode of the network namespace at `path`; null if there is no namespace.
std::optional<std::uint64_t> netns_inode(const std::string& path);
/// Returns the inode of the network namespace of this process (its first thread); 0 if /proc does not show it.
std::uint64_t own_netns_inode();
/// Returns the path of the namespace that ip-netns(8) calls `name`, such as "/run/netns/blue".
std::string named_netns_path(const std::string& name);

/// Returns the inode of the network namespace of the calling thread; 0 if /proc does not show it.
std::uint64_t netns_of_thread();

/// Calls `work` in the network namespace of a socket. `netns` is the inode of this namespace. `work` must not throw. It
/// runs in this thread if the thread is in the namespace already, else in a new thread. Returns false if the thread
/// cannot enter the namespace, which needs CAP_NET_ADMIN and CAP_SYS_ADMIN in it. Opens the namespace through the
/// socket, so the caller need not keep a descriptor of it. Another socktally would find such a descriptor and open the
/// namespace, too. Then each of the two would keep the namespace alive for the other.
bool run_in_netns_of(int socket, std::uint64_t netns, const std::function<void()>& work);

/// Calls `work` in each namespace of the list. `work` must not throw. Only new threads enter a namespace, so the
/// calling thread stays in its own. Use several `threads` for work that waits. Skips a namespace that no longer exists.
/// Returns the number of namespaces that could not be entered.
std::size_t in_each(const std::vector<NetworkNamespace>& list, const std::function<void(const NetworkNamespace&)>& work,
                    std::size_t threads = 1);

} // namespace socktally
