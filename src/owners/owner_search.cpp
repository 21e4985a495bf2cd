// SPDX-License-Identifier: MIT
// Searches for the owners of new sockets, in likely processes first, and checks the owners that were found. The top of
// owner_scanner.hpp explains these searches.
#include "linux/privileges.hpp"
#include "linux/proc.hpp"
#include "owners/owner_scanner.hpp"

#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <utility>

namespace socktally {

namespace {

using namespace std::chrono_literals;

/// confirm() checks an owner this long after a search has found it, then after twice this time, and so on.
constexpr auto first_interval = 8ms;

/// The weight of a complete search that did not find the owner, the weight of one that reached its deadline, and the
/// sum of weights at which a socket is given up.
constexpr int finished = 4;
constexpr int cut_short = 1;
constexpr int most_spent = 4 * finished;

} // namespace

std::int64_t OwnerScanner::count_files(Pid pid) const
{
    struct stat count {};
    return ::fstatat(proc_.get(), fmt::format("{}/fd", pid.value).c_str(), &count, 0) == 0 ? count.st_size : 0;
}

bool OwnerScanner::is_given_up(Inode inode) const
{
    const auto known = costs_.find(inode.value);
    if (known == costs_.end()) {
        return false;
    }
    known->second.unasked = 0;
    return known->second.spent >= most_spent;
}

std::vector<Inode> OwnerScanner::worth_searching(std::vector<Inode> sockets) const
{
    std::vector<Inode> owned_by_none = unheld(std::move(sockets));
    std::erase_if(owned_by_none, [this](Inode inode) { return is_given_up(inode); });
    return owned_by_none;
}

/// Notes a process that may not be examined, if there is one: a security module may hide its files from BPF too.
void OwnerScanner::note_denied()
{
    struct stat link {};
    for (const std::int32_t pid : pids_) {
        const bool is_read = ::fstatat(proc_.get(), fmt::format("{}/ns/net", pid).c_str(), &link, 0) == 0;
        if (!is_read && (errno == EACCES || errno == EPERM)) {
            denied_.insert(pid);
            return;
        }
    }
}

bool OwnerScanner::search(const std::vector<Inode>& sockets, Reach reach, Clock::time_point deadline)
{
    if (sockets.empty()) {
        return true;
    }
    if (reach == Reach::threads && scanned_through_bpf_) { // which has shown all that there is to find
        if (may_read_all()) {
            note_denied();
        }
        return true;
    }
    searched_.clear();
    parents_.clear();
    bool is_everywhere = reach == Reach::everywhere;
    for (const Inode inode : sockets) {
        searched_.insert(inode.value);
        is_everywhere = is_everywhere || costs_.contains(inode.value);
    }
    for (const Inode own : own_sockets()) { // our own capture sockets: no other process holds them
        searched_.erase(own.value);
    }
    if (searched_.empty()) {
        return true;
    }
    std::vector<Entry> entries = list_processes();
    std::rotate(entries.begin(),
                std::find_if(entries.begin(), entries.end(), [this](const Entry& e) { return e.pid >= resume_at_; }),
                entries.end());
    std::vector<bool> was_read(entries.size());
    const auto late = [&] { return Clock::now() > deadline; };
    const auto done = [&] { return searched_.empty() || late(); };
    const auto read_until = [&](auto over, auto likely) { // returns the index of the process at which it stopped
        std::size_t i = 0;
        for (; i < entries.size() && !over(); ++i) {
            if (!was_read[i] && likely(entries[i]) && !known_as_denied(entries[i])) {
                was_read[i] = true;
                read(entries[i], Scan::again);
            }
        }
        return i;
    };
    read_until(late, [&](const Entry& entry) { return seen_of(entry) == nullptr; });
    read_until(done, [&](const Entry& entry) { return hot_.contains(entry.pid.value); });
    read_until(done, [&](const Entry& entry) { return seen_of(entry)->files != count_files(entry.pid); });
    if (is_everywhere || reach == Reach::threads) {
        const std::size_t stopped =
            is_everywhere ? read_until(done, [&](const Entry& entry) { return !has_not_run(entry); }) : entries.size();
        resume_at_ = late() && stopped < entries.size() ? entries[stopped].pid : Pid{};
        std::size_t i = 0;
        for (; i < entries.size() && !done(); ++i) {
            read_threads(entries[i]);
        }
        if (stopped == entries.size() && late() && i < entries.size()) {
            resume_at_ = entries[i].pid;
        }
    }
    const bool is_finished = searched_.empty() || !late();
    // Parents are read even after the deadline: if parent and child share the socket, either of them may have moved its
    // bytes.
    read_until([] { return false; }, [&](const Entry& entry) { return parents_.contains(entry.pid.value); });
    count_search(sockets, is_finished);
    return is_finished;
}

void OwnerScanner::count_search(std::vector<Inode> sockets, bool is_finished)
{
    std::vector<Inode> missing = unheld(std::move(sockets)); // sorted
    missing.erase(std::unique(missing.begin(), missing.end()), missing.end());
    for (const Inode inode : missing) {
        Cost& cost = costs_[inode.value];
        cost.spent += is_finished ? finished : cut_short;
        cost.unasked = 0;
        if (cost.spent >= most_spent) {
            trace_("search given up: socket:[{}] was not found", inode.value);
        }
    }
}

/// Records a holder that was found after the first scan. Returns whether the socket had no known holder before.
/// If so, confirm() will check the new holder, even if it was found by chance: no later search will look for a holder
/// of this socket.
bool OwnerScanner::add_later(const SocketFd& socket, std::uint32_t process, Pid pid, bool known)
{
    const std::uint64_t inode = socket.inode.value;
    const bool is_found = searched_.erase(inode) != 0 || !held(socket.inode);
    if (!known) {
        table_.add_later(socket.inode, process);
    }
    if (is_found) {
        hot_.insert_or_assign(pid.value, Clock::now());
        unconfirmed_.insert(inode);
        table_.found(socket.inode);
        const auto next_check = Clock::now() + first_interval;
        sightings_.insert_or_assign(inode, OwnerSighting{pid, socket, next_check, first_interval});
        next_confirm_ = std::min(next_confirm_, next_check);
    }
    return is_found;
}

bool OwnerScanner::still_holds(const OwnerSighting& sighting) const
{
    const auto& [inode, fd, thread] = sighting.socket;
    if (fd < 0) {
        return true; // the socket is registered with an io_uring, whose list is expensive to read
    }
    std::array<char, 64> link{};
    const std::string path = thread != 0 ? fmt::format("{}/task/{}/fd/{}", sighting.pid.value, thread, fd)
                                         : fmt::format("{}/fd/{}", sighting.pid.value, fd);
    const ssize_t length = ::readlinkat(proc_.get(), path.c_str(), link.data(), link.size());
    return length > 0 && parse_socket_link({link.data(), static_cast<std::size_t>(length)}) == inode.value;
}

/// Forgets where a search has found a socket. If the process still has the socket, under another descriptor, the next
/// reading of the process finds it again.
void OwnerScanner::forget_sighting(Inode inode)
{
    const auto sighting = sightings_.find(inode.value);
    const auto seen = seen_.find(sighting->second.pid.value);
    if (seen != seen_.end()) {
        std::erase(seen->second.inodes, inode.value);
    }
    sightings_.erase(sighting);
}

std::vector<Inode> OwnerScanner::confirm(Clock::time_point now)
{
    std::vector<Inode> missed;
    if (now < next_confirm_) {
        return missed;
    }
    next_confirm_ = Clock::time_point::max();
    std::unordered_set<std::int32_t> refreshed; // pids
    for (auto& [inode, sighting] : sightings_) {
        if (now >= sighting.next_check) {
            if (still_holds(sighting)) {
                unconfirmed_.erase(inode);
            } else {
                missed.push_back(Inode{inode});
            }
            const auto seen = seen_.find(sighting.pid.value);
            if (seen != seen_.end() && seen->second.process && refreshed.insert(sighting.pid.value).second) {
                refresh(table_.processes()[*seen->second.process]);
            }
            sighting.interval *= 2;
            sighting.next_check = now + sighting.interval;
        }
        next_confirm_ = std::min(next_confirm_, sighting.next_check);
    }
    for (const Inode inode : missed) {
        forget_sighting(inode);
    }
    std::sort(missed.begin(), missed.end());
    return missed;
}

/// Marks a socket as handed over. Its known holders may still have it, so the next search reads them again even if they
/// have not run.
void OwnerScanner::handed_on(Inode inode)
{
    for (const std::uint32_t process : holders_of(inode)) {
        if (const auto seen = seen_.find(table_.process(process).pid.value); seen != seen_.end()) {
            seen->second.ran.reset();
        }
    }
    table_.hand_on(inode);
    costs_.erase(inode.value);
    trace_("handed on: socket:[{}]", inode.value);
    forget_traced(inode);
}

void OwnerScanner::closed(Inode inode)
{
    for (const std::uint32_t process : holders_of(inode)) {
        hot_.insert_or_assign(table_.process(process).pid.value, Clock::now());
    }
    sightings_.erase(inode.value);
    costs_.erase(inode.value);
}

void OwnerScanner::forget(Inode inode)
{
    table_.forget(inode);
    unconfirmed_.erase(inode.value);
    forget_traced(inode);
}

void MissedSockets::add(const std::vector<Inode>& missed, Clock::time_point now)
{
    for (const Inode inode : missed) {
        since_.insert_or_assign(inode, now);
    }
}

std::vector<Inode> MissedSockets::waiting(Clock::time_point now)
{
    std::erase_if(since_, [now](const auto& entry) { return now > entry.second + longest_wait; });
    std::vector<Inode> inodes;
    std::transform(since_.begin(), since_.end(), std::back_inserter(inodes),
                   [](const auto& entry) { return entry.first; });
    return inodes;
}

void find_owners(OwnerScanner& owners, std::vector<Inode> sockets, OwnerScanner::Reach reach)
{
    owners.search(owners.unheld(std::move(sockets)), reach, OwnerScanner::Clock::now() + last_search);
}

void add_denied_limit(std::vector<Note>& limits)
{
    if (!has_capability(CAP_DAC_READ_SEARCH) || !has_capability(CAP_SYS_PTRACE)) {
        limits.push_back({NoteCode::owners_denied, "names only your own processes; sums the traffic of others by user",
                          privilege_remedy});
    }
}

} // namespace socktally
