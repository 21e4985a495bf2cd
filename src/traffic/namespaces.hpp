// SPDX-License-Identifier: MIT
// The network namespaces of a sample, and notes about those that could not be entered. Used by all backends that enter
// namespaces.
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

/// Returns the network namespaces to measure, except our own. `wanted` is BackendOptions::namespaces.
std::vector<NetworkNamespace> other_namespaces(const std::vector<Inode>& wanted, const ProcessesSeen& seen);

/// Calls `work` inside each namespace, after it has allowed `files_per_namespace` open files for each. Returns how many
/// could not be entered, or had no room (std::system_error).
std::size_t enter_each(const std::vector<NetworkNamespace>& namespaces, std::size_t files_per_namespace,
                       const std::function<void(Inode netns)>& work);
/// The namespaces and sockets that a walk of all namespaces could not see.
struct UnseenNamespaces {
    std::size_t refused = 0;       // namespaces that could not be entered, or in which `list` threw
    std::vector<Inode> left_out{}; // those of them whose inodes are known
    std::size_t unlisted = 0;      // held sockets whose namespace was not found; 0 if namespaces were refused
};
/// Calls `list` inside each wanted network namespace, our own first, then inside those that only a held socket leads
/// to. `listed` returns the inodes of the sockets that are listed so far. `list` opens so many files, and may throw
/// std::system_error. `scan` scans the owners if that has not been done: after the lists, but for those of namespaces
/// that live by an open file or a socket, which it shows.
UnseenNamespaces list_namespaces(const OwnerScanner& owners, const std::vector<Inode>& wanted, std::size_t files,
                                 const std::function<void(Inode netns)>& list,
                                 const std::function<std::vector<Inode>()>& listed,
                                 const std::function<void()>& scan = {});

/// The number of threads for work that waits for the kernel to give or take back a capture buffer, which takes ten
/// milliseconds or more for each namespace.
inline constexpr std::size_t waiting_threads = 64;

/// The network namespaces to measure except our own, as they come and go, for backends that measure several windows.
class OtherNamespaces {
public:
    using Clock = std::chrono::steady_clock;
    using Arrival = socktally::Arrival; // is_new: the last search did not find it
    /// The work of the backend in each namespace.
    struct Work {
        /// Is called inside a namespace, from several threads at once. If it throws std::system_error, the namespace
        /// counts as refused, and is entered again the next time.
        std::function<void(Inode netns, Arrival arrival)> enter;
        /// Returns whether a namespace that no longer exists can be forgotten.
        std::function<bool(Inode netns)> leave;
        std::size_t files = 0; // the number of files that `enter` opens
    };

    OtherNamespaces(std::vector<Inode> wanted, Work work) : wanted_(std::move(wanted)), work_(std::move(work)) {}

    /// Finds namespaces and enters new ones. At the start of a window it also leaves those that were not found the last
    /// two times and have no socket that a process holds. Twice, because the last events of a namespace are known a
    /// window later.
    enum class When : std::uint8_t { window_begins, window_is_open };
    void update(const ProcessesSeen& seen, When when);
    /// Returns whether a search within the window is due, which takes some microseconds for each process: after this
    /// interval, or later if that would cost too much; at once with 0. Always false if no new namespaces can appear.
    bool is_due(Clock::time_point now, std::chrono::nanoseconds interval) const;
    /// Finds namespaces that only sockets lead to: sockets that processes hold and that are not in `listed`, the inodes
    /// of all listed sockets. Call it after sockets were listed.
    void find_unlisted(const OwnerScanner& owners, std::vector<Inode> listed);
    /// Enters the namespaces of find_unlisted(). Returns how many it has entered.
    std::size_t enter_unlisted();
    /// Returns the number of held sockets that belong to no namespace that was entered. Returns 0 if namespaces were
    /// refused, because they have a note of their own, or if only some namespaces are to be measured.
    std::size_t unlisted() const;

    /// Returns the number of namespaces that were found.
    std::size_t size() const { return found_.size() + found_by_socket_.size(); }
    /// Returns the number of namespaces that could not be entered at some time of the window.
    std::size_t refused() const { return refused_ + refused_by_socket_.size(); }
    /// Returns the namespaces that were found but not entered, if their inodes are known.
    std::vector<Inode> left_out() const;
    /// Returns the time of the search before last.
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
    std::set<std::uint64_t> known_;   // inodes of namespaces that an earlier search has found
    std::set<std::uint64_t> entered_; // inodes
    std::set<std::uint64_t> gone_;    // inodes of those in entered_ that the last search did not find
    UnlistedSockets unlisted_{UnlistedSockets::Kinds::all_but_packet};
    std::vector<UnlistedSockets::Found> found_by_socket_; // not entered yet
    std::size_t refused_ = 0;                             // of found_
    std::set<std::uint64_t> refused_by_socket_;           // inodes of refused namespaces that only a socket leads to
    Clock::time_point found_at_{};
    Clock::time_point found_before_{};
    std::chrono::nanoseconds rest_{0}; // pause after the last search, by its cost
};

/// Adds a note about refused namespaces, and a flow without figures for their traffic: `[other netns]`. Adds nothing if
/// none was refused.
void add_refused_namespaces(Sample& sample, std::size_t refused);
/// Adds the limit that doctor prints.
void add_namespaces_limit(std::vector<Note>& limits);

} // namespace socktally
