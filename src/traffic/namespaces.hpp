// SPDX-License-Identifier: MIT
// Finds and enters the network namespaces of a sample, and adds notes about those that could not be entered. Used by
// all backends that enter namespaces.
#pragma once

#include "linux/netns.hpp"
#include "model/sample.hpp"
#include "owners/unlisted_sockets.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <utility>
#include <vector>

namespace socktally {

/// Returns the network namespace of this process.
Inode own_namespace();

/// Returns the network namespaces to measure, except our own. `wanted` is BackendOptions::namespaces. `seen` has the
/// processes and the open files that lead to namespaces.
std::vector<NetworkNamespace> other_namespaces(const std::vector<Inode>& wanted, const ProcessesSeen& seen);

/// Allows this process to open `files_per_namespace` files for each namespace. Then calls `work` inside each namespace.
/// Returns the number of namespaces that could not be entered, or in which `work` threw.
std::size_t enter_each(const std::vector<NetworkNamespace>& namespaces, std::size_t files_per_namespace,
                       const std::function<void(Inode netns)>& work);
/// The network namespaces and sockets that list_namespaces() could not list.
struct UnseenNamespaces {
    std::size_t refused = 0;       // number of namespaces that could not be entered, or in which `list` threw
    std::vector<Inode> left_out{}; // inodes of the refused namespaces, as far as they are known
    std::size_t unlisted = 0;      // number of held sockets whose namespace was not found; 0 if namespaces were refused
};
/// Calls `list` inside each wanted network namespace:
/// 1. our own,
/// 2. those of processes and mounts,
/// 3. those that only an open file keeps alive and `scan` has found,
/// 4. those to which only a held socket leads.
/// `list` opens at most `files` files, and may throw std::system_error. `listed` returns the inodes of all sockets
/// listed so far. `scan` scans the owners after step 2; it may be empty.
UnseenNamespaces list_namespaces(const OwnerScanner& owners, const std::vector<Inode>& wanted, std::size_t files,
                                 const std::function<void(Inode netns)>& list,
                                 const std::function<std::vector<Inode>()>& listed,
                                 const std::function<void()>& scan = {});

/// The number of threads that enter namespaces. Each thread waits while the kernel allocates or frees a capture buffer,
/// which takes ten milliseconds or more for each namespace.
inline constexpr std::size_t waiting_threads = 64;

/// The network namespaces to measure, except our own. Namespaces come and go while a backend measures several windows.
class OtherNamespaces {
public:
    using Clock = std::chrono::steady_clock;
    using Arrival = socktally::Arrival; // is_new: the search at found_before() did not find the namespace
    /// The functions that a backend calls for each namespace.
    struct Work {
        /// Called inside a namespace, by several threads at the same time. If it throws std::system_error, the
        /// namespace counts as refused, and the next update() tries again.
        std::function<void(Inode netns, Arrival arrival)> enter;
        /// Called for a namespace that does not exist any more. Returns whether the namespace can be forgotten.
        std::function<bool(Inode netns)> leave;
        std::size_t files = 0; // the number of files that `enter` opens
    };

    OtherNamespaces(std::vector<Inode> wanted, Work work) : wanted_(std::move(wanted)), work_(std::move(work)) {}

    /// Finds namespaces and enters new ones. If a window begins, also leaves each namespace that was found neither now
    /// nor when the last window began, unless a process holds a socket in it. A namespace stays for one more window,
    /// because its last events are read a window later.
    enum class When : std::uint8_t { window_begins, window_is_open };
    void update(const ProcessesSeen& seen, When when);
    /// Returns whether the next update() within a window is due. It is due `interval` after the last search, or at once
    /// if `interval` is 0. It is due later if searches would take more than 1/30 of the time. (A search takes some
    /// microseconds for each process.) It is never due if the user has named the namespaces, because these exist
    /// already.
    bool is_due(Clock::time_point now, std::chrono::nanoseconds interval) const;
    /// Finds namespaces to which only sockets lead. These are sockets that processes hold, but that are not in
    /// `listed`, the inodes of all listed sockets. Call it after the sockets were listed.
    void find_unlisted(const OwnerScanner& owners, std::vector<Inode> listed);
    /// Enters the namespaces that find_unlisted() has found. Returns how many it has entered.
    std::size_t enter_unlisted();
    /// Returns the number of held sockets in namespaces that were not entered. Returns 0 if namespaces were refused,
    /// because another note tells that. Also returns 0 if the user has named the namespaces to measure.
    std::size_t unlisted() const;

    /// Returns the number of namespaces that were found, entered or not.
    std::size_t size() const { return found_.size() + found_by_socket_.size(); }
    /// Returns the number of namespaces for which an attempt to enter failed in this window.
    std::size_t refused() const { return refused_ + refused_by_socket_.size(); }
    /// Returns the inodes of namespaces that were found but not entered, as far as the inodes are known.
    std::vector<Inode> left_out() const;
    /// Returns the time of the search before the last one.
    Clock::time_point found_before() const { return found_before_; }

private:
    void find(const ProcessesSeen& seen);
    void leave_gone();
    void enter_found();
    bool is_listed(Inode netns) const;

    Inode own_ = own_namespace();
    std::vector<Inode> wanted_;
    Work work_;
    std::vector<NetworkNamespace> found_;
    std::set<std::uint64_t> known_;   // inodes of the namespaces that the search before the last one found
    std::set<std::uint64_t> entered_; // inodes
    std::set<std::uint64_t> gone_;    // inodes of entered namespaces that were not found when the window began
    UnlistedSockets unlisted_{UnlistedSockets::Kinds::all_but_packet};
    std::vector<UnlistedSockets::Found> found_by_socket_; // not entered yet
    std::size_t refused_ = 0;                             // of found_
    std::set<std::uint64_t> refused_by_socket_;           // inodes of refused namespaces to which only a socket leads
    Clock::time_point found_at_{};
    Clock::time_point found_before_{};
    std::chrono::nanoseconds rest_{0}; // shortest pause after the last search, in proportion to its CPU time
};

/// If namespaces were refused, adds a note, and a flow `[other netns]` that stands for their traffic. The bytes of this
/// flow are unknown.
void add_refused_namespaces(Sample& sample, std::size_t refused);
/// Adds a note for doctor if other network namespaces cannot be entered.
void add_namespaces_limit(std::vector<Note>& limits);

} // namespace socktally
