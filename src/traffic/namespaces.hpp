// SPDX-License-Identifier: MIT
// The network namespaces of a sample, and the notes about those that could not be entered. For every backend
// that has to enter them.
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

/// Returns the wanted network namespaces except our own. `wanted` is BackendOptions::namespaces.
std::vector<NetworkNamespace> other_namespaces(const std::vector<Inode>& wanted, const ProcessesSeen& seen);

/// Calls `work` inside each of them, after allowing this many open files each. Returns how many could not be entered or
/// had no room (std::system_error).
std::size_t enter_each(const std::vector<NetworkNamespace>& namespaces, std::size_t files_per_namespace,
                       const std::function<void(Inode netns)>& work);
/// What a walk of all namespaces could not see.
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

/// So many at once if they wait for the kernel to give or take back a capture buffer, ten milliseconds and more
/// each.
inline constexpr std::size_t waiting_threads = 64;

/// The wanted network namespaces except our own, as they come and go, for backends that measure several windows.
class OtherNamespaces {
public:
    using Clock = std::chrono::steady_clock;
    using Arrival = socktally::Arrival; // is_new: it was not there at the last search
    /// What a backend does with each of them.
    struct Work {
        /// Is called inside a namespace, from several threads at once. A namespace in which it throws
        /// std::system_error is refused, and entered the next time.
        std::function<void(Inode netns, Arrival arrival)> enter;
        /// Returns whether nothing is left to do for a namespace that is gone.
        std::function<bool(Inode netns)> leave;
        std::size_t files = 0; // that `enter` opens
    };

    OtherNamespaces(std::vector<Inode> wanted, Work work) : wanted_(std::move(wanted)), work_(std::move(work)) {}

    /// Finds namespaces and enters those that are new. When a window begins, it also leaves those that were not there
    /// the last two times and have no socket that a process holds: what happened in one before it went is known a
    /// window later.
    enum class When : std::uint8_t { window_begins, window_is_open };
    void update(const ProcessesSeen& seen, When when);
    /// Returns whether it is time to look while a window is open, which takes some microseconds a process: after this
    /// interval, or later if that would cost too much; with 0 in any case. Always false if no new ones can appear.
    bool is_due(Clock::time_point now, std::chrono::nanoseconds interval) const;
    /// Looks for namespaces that only sockets lead to: those that processes hold and that are not in `listed`, the
    /// inodes of all sockets that the lists show. To be called when sockets were listed.
    void find_unlisted(const OwnerScanner& owners, std::vector<Inode> listed);
    /// Enters those. Returns how many.
    std::size_t enter_unlisted();
    /// Counts the held sockets that belong to none of the namespaces that were entered; 0 if namespaces were refused,
    /// which has a note of its own, or if only some namespaces are wanted.
    std::size_t unlisted() const;

    /// Number of namespaces that were found.
    std::size_t size() const { return found_.size() + found_by_socket_.size(); }
    /// At any time of the window.
    std::size_t refused() const { return refused_ + refused_by_socket_.size(); }
    /// Returns the namespaces that were found and not entered, if their inodes are known.
    std::vector<Inode> left_out() const;
    /// Time of the search before last.
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
    std::set<std::uint64_t> known_;   // inodes, of those found before
    std::set<std::uint64_t> entered_; // inodes
    std::set<std::uint64_t> gone_;    // of those, at the last search
    UnlistedSockets unlisted_{UnlistedSockets::Kinds::all_but_packet};
    std::vector<UnlistedSockets::Found> found_by_socket_; // not entered yet
    std::size_t refused_ = 0;                             // of found_
    std::set<std::uint64_t> refused_by_socket_;           // inodes, of those that a socket led to
    Clock::time_point found_at_{};
    Clock::time_point found_before_{};
    std::chrono::nanoseconds rest_{0}; // pause that the cost of the last search asks for
};

/// Says so, and adds a flow without figures for what moved there: `[other netns]`. Nothing if none was refused.
void add_refused_namespaces(Sample& sample, std::size_t refused);
/// For doctor.
void add_namespaces_limit(std::vector<Note>& limits);

} // namespace socktally
