// SPDX-License-Identifier: MIT
#include "owners/holder_map.hpp"

#include "linux/error.hpp"
#include "linux/file.hpp"
#include "linux/proc.hpp"
#include "owners/socket_files.hpp"
#include "util/text.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/kcmp.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

namespace socktally {

namespace {

/// False only where the kernel says for sure that the thread uses the descriptor table of its process.
bool may_have_own_table(std::int32_t pid, std::int32_t tid)
{
    return ::syscall(SYS_kcmp, pid, tid, KCMP_FILES, 0, 0) != 0;
}

} // namespace

HolderMap::HolderMap(const std::string& proc, Source source, Trace trace)
    : proc_(::open(proc.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)), source_(source), bpf_declined_(proc != "/proc"),
      trace_(trace)
{
    if (!proc_) {
        throw errno_error(fmt::format("cannot open {:?}", proc));
    }
    std::array<char, 16> self{}; // not getpid(): this may be the /proc of another pid namespace
    const ssize_t length = ::readlinkat(proc_.get(), "self", self.data(), self.size() - 1);
    self_ = length > 0 ? parse_pid(self.data()).value_or(0) : 0;
}

std::vector<HolderMap::Entry> HolderMap::list_processes()
{
    std::vector<Entry> entries;
    pids_.clear();
    const Directory listing = open_directory(proc_.get(), ".");
    if (!listing) {
        ++failed_;
        return entries;
    }
    while (const dirent* entry = ::readdir(listing.get())) {
        const auto pid = parse_pid(entry->d_name);
        if (pid && *pid != self_) {
            entries.push_back({Pid{*pid}, entry->d_ino});
            pids_.push_back(*pid);
        }
    }
    std::sort(pids_.begin(), pids_.end());
    return entries;
}

void HolderMap::scan()
{
    const std::vector<Entry> entries = list_processes();
    look_at_all(entries, Look::first);
    holds_.sort_first();
    sharers_ = run_times_of_sharers();
    trace_("processes scanned: {}, not readable: {}", entries.size(), denied_.size());
}

void HolderMap::rescan()
{
    std::vector<Entry> entries = list_processes();
    std::erase_if(entries, [this](const Entry& entry) { return has_not_run(entry); });
    look_at_all(entries, Look::again);
    for (const auto& [process, ran] : sharers_) {
        if (read_ran(proc_.get(), holds_.process(process).pid) == ran) {
            idle_.insert(process);
        }
    }
}

void HolderMap::look_at_all(const std::vector<Entry>& entries, Look look)
{
    if (look_through_bpf(entries, look)) {
        return;
    }
    for (const Entry& entry : entries) {
        look_at(entry, look);
    }
}

/// Only where there is so much to read that loading a BPF program is cheaper. What it does not show, the files
/// registered with an io_uring, a search finds later.
bool HolderMap::look_through_bpf(const std::vector<Entry>& entries, Look look)
{
    constexpr std::int64_t many_files = 2'000; // some 2.7 us each through /proc
    if (bpf_declined_) {
        return false;
    }
    std::vector<std::int64_t> files;
    files.reserve(entries.size());
    for (const Entry& entry : entries) {
        files.push_back(count_files(entry.pid));
    }
    if (source_ == Source::cheapest && std::accumulate(files.begin(), files.end(), std::int64_t{0}) < many_files) {
        return false;
    }
    std::vector<std::optional<SchedStat>> ran(entries.size()); // before the descriptors
    for (std::size_t i = 0; rescan_follows_ && i < entries.size(); ++i) {
        ran[i] = files[i] > few_files ? read_ran(proc_.get(), entries[i].pid) : std::nullopt;
    }
    auto tables = read_socket_files();
    if (!tables) {
        bpf_declined_ = true;
        return false;
    }
    for (std::size_t i = 0; i < entries.size(); ++i) {
        FdTable& table = (*tables)[entries[i].pid.value];
        table.status = FdTable::Status::ok;
        table.files = files[i];
        table.ran = ran[i];
        add(entries[i], table, look);
        tables->erase(entries[i].pid.value); // not twice in memory
    }
    return true;
}

const HolderMap::Seen* HolderMap::seen_of(const Entry& entry) const
{
    const auto seen = seen_.find(entry.pid.value);
    return seen != seen_.end() && seen->second.directory == entry.directory ? &seen->second : nullptr;
}

/// True only where it is certain. A process that has been on a CPU all along is charged for it at each tick, so that
/// after a while its run time tells; a table that processes share without being threads is read at the one that ran.
bool HolderMap::has_not_run(const Entry& entry) const
{
    const Seen* seen = seen_of(entry);
    return seen != nullptr && seen->ran && read_ran(proc_.get(), entry.pid) == seen->ran;
}

bool HolderMap::known_as_denied(const Entry& entry) const
{
    return seen_of(entry) != nullptr && denied_.contains(entry.pid.value);
}

void HolderMap::look_at(const Entry& entry, Look look)
{
    if (meanwhile_) {
        meanwhile_();
    }
    add(entry, read_fd_table(proc_.get(), fmt::format("{}/fd", entry.pid.value).c_str(), entry.pid), look);
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
        const auto tid = parse_pid(thread->d_name);
        if (!tid || *tid == entry.pid.value || (self_ == ::getpid() && !may_have_own_table(entry.pid.value, *tid))) {
            continue;
        }
        FdTable table = read_fd_table(proc_.get(), fmt::format("{}/{}/fd", path, *tid).c_str(), entry.pid);
        for (SocketFd& socket : table.sockets) {
            socket.thread = *tid;
        }
        if (const Seen* seen = seen_of(entry)) { // add() takes a table for all that the process holds
            table.files = seen->files;
            for (const std::uint64_t inode : seen->inodes) {
                table.sockets.push_back({Inode{inode}, -1});
            }
        }
        add(entry, table, Look::again);
    }
}

void HolderMap::add(const Entry& entry, const FdTable& table, Look look)
{
    switch (table.status) {
    case FdTable::Status::gone: return;
    case FdTable::Status::denied: denied_.insert(entry.pid.value); break;
    case FdTable::Status::failed: ++failed_; break;
    case FdTable::Status::ok: break;
    }
    Seen& seen = seen_[entry.pid.value];
    seen.directory = entry.directory;
    seen.files = table.files;
    seen.ran = table.ran;
    seen.namespaces = table.namespaces;
    if (table.sockets.empty()) {
        seen.inodes.clear();
        return;
    }
    add_process(seen, table.process);
    std::vector<std::uint64_t> inodes;
    inodes.reserve(table.sockets.size());
    bool is_holder_found = false;
    for (const SocketFd& socket : table.sockets) {
        const std::uint64_t inode = socket.inode.value;
        inodes.push_back(inode);
        const bool known = std::binary_search(seen.inodes.begin(), seen.inodes.end(), inode);
        if (look == Look::again) {
            is_holder_found = add_later(socket, *seen.process, entry.pid, known) || is_holder_found;
        } else if (!known) {
            holds_.add_first(socket.inode, *seen.process);
        }
    }
    if (is_holder_found) {
        parents_.insert(table.parent);
    }
    std::sort(inodes.begin(), inodes.end());
    inodes.erase(std::unique(inodes.begin(), inodes.end()), inodes.end()); // dup(2)
    seen.inodes = std::move(inodes);
}

/// A pid may have gone to another process since; a process may have become another program.
void HolderMap::add_process(Seen& seen, const Process& process)
{
    if (seen.process && holds_.process(*seen.process).start_time != process.start_time) {
        seen.process.reset();
        seen.inodes.clear();
    }
    if (!seen.process) {
        seen.process = holds_.add(process);
        if (look_) {
            look_(holds_.processes().back());
        }
    } else {
        refresh(holds_.processes()[*seen.process], process);
    }
}

void HolderMap::refresh(Process& process) const
{
    if (const auto now = look_again(proc_.get(), process)) {
        refresh(process, *now);
    }
}

/// By exec it may have become another program, perhaps of the same name, and it may have become another user's. Then
/// what was found out about it was about the one before.
void HolderMap::refresh(Process& process, const Process& now) const
{
    if (!update(process, now)) {
        return;
    }
    if (trace_) {
        trace_("process {} is now {}", process.pid.value, quote(process.name));
    }
    if (look_) {
        look_(process);
    }
}

/// A holder that was seen once may turn out to be doubtful, so the socket is traced when it is confirmed.
void HolderMap::trace_owners(Cookie cookie, Inode inode)
{
    if (!trace_ || inode == Inode{} || unconfirmed(inode)) {
        return;
    }
    for (const std::uint32_t process : holders_of(inode)) {
        const std::int32_t pid = holds_.process(process).pid.value;
        if (traced_.emplace(inode.value, pid).second) {
            trace_("owner {} {}", cookie.value, pid);
        }
    }
}

std::vector<std::pair<Pid, std::vector<Inode>>> HolderMap::held_besides(const std::vector<Inode>& listed) const
{
    std::vector<std::pair<Pid, std::vector<Inode>>> held;
    for (const auto& [pid, seen] : seen_) {
        std::vector<Inode> rest;
        auto at = listed.begin(); // both are sorted, and the sockets of a process are often next to each other
        for (const std::uint64_t inode : seen.inodes) {
            if (at == listed.end() || *at != Inode{inode}) {
                at = std::lower_bound(at, listed.end(), Inode{inode});
            }
            if (at != listed.end() && *at == Inode{inode}) {
                ++at;
            } else {
                rest.push_back(Inode{inode});
            }
        }
        if (!rest.empty()) {
            held.emplace_back(Pid{pid}, std::move(rest));
        }
    }
    return held;
}

ProcessesSeen HolderMap::processes_now()
{
    list_processes();
    return processes();
}

ProcessesSeen HolderMap::processes() const
{
    ProcessesSeen processes{pids_, {}};
    for (const auto& [pid, seen] : seen_) {
        for (const NamespaceFd& file : seen.namespaces) {
            processes.open.push_back({file.inode.value, fmt::format("/proc/{}/fd/{}", pid, file.fd)});
        }
    }
    return processes;
}

} // namespace socktally
