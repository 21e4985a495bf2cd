// SPDX-License-Identifier: MIT
#include "backend/holders/holder_map.hpp"

#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/proc.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/kcmp.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <vector>

namespace socktally {

namespace {

std::optional<std::int32_t> pid_of(const char* name)
{
    const auto number = parse_number(name);
    return number && *number > 0 && *number <= INT32_MAX ? std::optional(static_cast<std::int32_t>(*number)) : std::nullopt;
}

bool by_inode(const Holder& a, const Holder& b) { return a.inode < b.inode; }

/// False only where the kernel says for sure that the thread uses the descriptor table of its process.
bool may_have_own_table(std::int32_t pid, std::int32_t tid)
{
    return ::syscall(SYS_kcmp, pid, tid, KCMP_FILES, 0, 0) != 0;
}

} // namespace

HolderMap::HolderMap(const std::string& proc) : proc_(::open(proc.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC))
{
    if (!proc_) {
        throw errno_error(fmt::format("cannot open {:?}", proc));
    }
    std::array<char, 16> self{}; // not getpid(): this may be the /proc of another pid namespace
    const ssize_t length = ::readlinkat(proc_.get(), "self", self.data(), self.size() - 1);
    self_ = length > 0 ? pid_of(self.data()).value_or(0) : 0;
    struct stat own {};
    own_namespace_ = ::fstatat(proc_.get(), "self/ns/net", &own, 0) == 0 ? own.st_ino : 0;
}

std::vector<HolderMap::Entry> HolderMap::list_processes() const
{
    std::vector<Entry> entries;
    const Directory listing = open_directory(proc_.get(), ".");
    if (!listing) {
        throw errno_error("cannot list the processes");
    }
    while (const dirent* entry = ::readdir(listing.get())) {
        const auto pid = pid_of(entry->d_name);
        if (pid && *pid != self_) {
            entries.push_back({Pid{*pid}, entry->d_ino});
        }
    }
    return entries;
}

void HolderMap::scan()
{
    for (const Entry& entry : list_processes()) {
        look_at(entry, Look::first);
        note_namespace(entry);
    }
    std::sort(holders_.begin(), holders_.end(), by_inode);
    first_holders_ = holders_.size();
}

void HolderMap::rescan()
{
    for (const Entry& entry : list_processes()) {
        if (!has_not_run(entry)) {
            look_at(entry, Look::again);
        }
    }
}

/// True only where it is certain. A process that has been on a CPU all along is charged for it at each tick, so that after a while
/// its run time tells; a table that processes share without being threads is read at the one that ran.
bool HolderMap::has_not_run(const Entry& entry) const
{
    const auto seen = seen_.find(entry.pid.value);
    return seen != seen_.end() && seen->second.directory == entry.directory && seen->second.ran &&
           read_ran(proc_.get(), entry.pid) == seen->second.ran;
}

void HolderMap::note_namespace(const Entry& entry)
{
    struct stat its {};
    const std::string path = fmt::format("{}/ns/net", entry.pid.value);
    if (::fstatat(proc_.get(), path.c_str(), &its, 0) == 0 && its.st_ino != own_namespace_) {
        other_namespaces_.insert(its.st_ino);
    }
}

void HolderMap::look_at(const Entry& entry, Look look)
{
    add(entry, read_fd_table(proc_.get(), fmt::format("{}/fd", entry.pid.value).c_str(), entry.pid), look);
}

void HolderMap::add(const Entry& entry, const FdTable& table, Look look)
{
    if (table.status == FdTable::Status::denied) {
        denied_.insert(entry.pid.value);
    }
    if (table.status == FdTable::Status::failed) {
        ++failed_;
    }
    if (table.status == FdTable::Status::gone) {
        return;
    }
    Seen& seen = seen_[entry.pid.value];
    seen.directory = entry.directory;
    seen.files = table.files;
    seen.ran = table.ran;
    if (table.sockets.empty()) {
        seen.inodes.clear();
        return;
    }
    if (seen.process && processes_[*seen.process].start_time != table.process.start_time) {
        seen.process.reset();
        seen.inodes.clear();
    }
    if (!seen.process) {
        seen.process = static_cast<std::uint32_t>(processes_.size());
        processes_.push_back(table.process);
    } else {
        processes_[*seen.process].name = table.process.name; // it may have become another program
    }
    std::vector<std::uint64_t> inodes;
    inodes.reserve(table.sockets.size());
    for (const SocketFd& socket : table.sockets) {
        const std::uint64_t inode = socket.inode.value;
        inodes.push_back(inode);
        if (std::binary_search(seen.inodes.begin(), seen.inodes.end(), inode)) {
            continue;
        }
        holders_.push_back({socket.inode, *seen.process});
        if (look == Look::first) {
            continue;
        }
        if (wanted_.erase(inode) != 0) {
            hot_.insert(entry.pid.value);
            unconfirmed_.insert(inode);
            sightings_.push_back({socket.inode, entry.pid, socket.fd});
        }
        later_inodes_.insert(inode);
    }
    std::sort(inodes.begin(), inodes.end());
    seen.inodes = std::move(inodes);
}

bool HolderMap::held(Inode inode) const
{
    const auto first = first_holders();
    return later_inodes_.contains(inode.value) ||
           std::binary_search(first.begin(), first.end(), Holder{inode, 0}, by_inode);
}

void HolderMap::closed(Inode inode)
{
    const auto first = first_holders();
    const auto [begin, end] = std::equal_range(first.begin(), first.end(), Holder{inode, 0}, by_inode);
    for (auto holder = begin; holder != end; ++holder) {
        hot_.insert(processes_[holder->process].pid.value);
    }
}

bool HolderMap::known_as_denied(const Entry& entry) const
{
    const auto seen = seen_.find(entry.pid.value);
    return seen != seen_.end() && seen->second.directory == entry.directory && denied_.contains(entry.pid.value);
}

std::vector<Inode> HolderMap::unheld(std::vector<Inode> inodes) const
{
    std::sort(inodes.begin(), inodes.end());
    auto first = first_holders().begin();
    const auto end = first_holders().end();
    std::erase_if(inodes, [&](Inode inode) {
        while (first != end && first->inode < inode) {
            ++first;
        }
        return inode.value == 0 || (first != end && first->inode == inode) || later_inodes_.contains(inode.value);
    });
    return inodes;
}

std::int64_t HolderMap::count_files(Pid pid) const
{
    struct stat count {};
    return ::fstatat(proc_.get(), fmt::format("{}/fd", pid.value).c_str(), &count, 0) == 0 ? count.st_size : 0;
}

void HolderMap::search(const std::vector<Inode>& wanted, Reach reach, Deadline deadline)
{
    wanted_.clear();
    for (const Inode inode : wanted) {
        wanted_.insert(inode.value);
    }
    const std::vector<Entry> entries = list_processes();
    std::vector<bool> looked(entries.size());
    const auto done = [&] { return wanted_.empty() || std::chrono::steady_clock::now() > deadline; };
    const auto look_where = [&](auto likely) {
        for (std::size_t i = 0; i < entries.size() && !done(); ++i) {
            if (!looked[i] && likely(entries[i]) && !known_as_denied(entries[i])) {
                looked[i] = true;
                look_at(entries[i], Look::again);
            }
        }
    };
    look_where([&](const Entry& entry) {
        const auto seen = seen_.find(entry.pid.value);
        return seen == seen_.end() || seen->second.directory != entry.directory;
    });
    look_where([&](const Entry& entry) { return hot_.contains(entry.pid.value); });
    look_where([&](const Entry& entry) {
        const auto seen = seen_.find(entry.pid.value);
        return seen != seen_.end() && seen->second.files != count_files(entry.pid);
    });
    if (reach == Reach::likely) {
        return;
    }
    look_where([&](const Entry& entry) { return !has_not_run(entry); });
    for (std::size_t i = 0; i < entries.size() && !done(); ++i) {
        look_at_threads(entries[i]);
    }
}

void HolderMap::look_at_threads(const Entry& entry)
{
    const std::string path = fmt::format("{}/task", entry.pid.value);
    struct stat tasks {};
    constexpr nlink_t single_thread = 3; // two of its own and one a thread
    if (::fstatat(proc_.get(), path.c_str(), &tasks, 0) != 0 || tasks.st_nlink <= single_thread) {
        return;
    }
    const Directory listing = open_directory(proc_.get(), path.c_str());
    while (const dirent* thread = listing ? ::readdir(listing.get()) : nullptr) {
        const auto tid = pid_of(thread->d_name);
        if (!tid || *tid == entry.pid.value || (self_ == ::getpid() && !may_have_own_table(entry.pid.value, *tid))) {
            continue;
        }
        FdTable table = read_fd_table(proc_.get(), fmt::format("{}/{}/fd", path, *tid).c_str(), entry.pid);
        const auto seen = seen_.find(entry.pid.value);
        table.files = seen == seen_.end() ? 0 : seen->second.files;
        if (seen != seen_.end()) { // add() takes a table for all that the process holds
            for (const std::uint64_t inode : seen->second.inodes) {
                table.sockets.push_back({Inode{inode}, -1});
            }
        }
        add(entry, table, Look::again);
    }
}

bool HolderMap::still_holds(const Sighting& sighting) const
{
    std::array<char, 64> link{};
    const std::string path = fmt::format("{}/fd/{}", sighting.pid.value, sighting.fd);
    const ssize_t length = ::readlinkat(proc_.get(), path.c_str(), link.data(), link.size());
    return length > 0 &&
           parse_socket_link({link.data(), static_cast<std::size_t>(length)}) == sighting.inode.value;
}

void HolderMap::confirm()
{
    for (const Sighting& sighting : sightings_) {
        if (sighting.fd < 0 || still_holds(sighting)) {
            unconfirmed_.erase(sighting.inode.value);
        } else {
            later_inodes_.erase(sighting.inode.value);
        }
    }
    sightings_.clear();
}

} // namespace socktally
