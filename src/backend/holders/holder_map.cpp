// SPDX-License-Identifier: MIT
#include "backend/holders/holder_map.hpp"

#include "backend/ebpf/socket_files.hpp"
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
#include <numeric>
#include <utility>

namespace socktally {

namespace {

using namespace std::chrono_literals;

/// A holder is looked at again after this, then after twice as long, and so on.
constexpr auto first_interval = 8ms;

/// Whoever opened or closed a socket so long ago is no likelier than others to hold the next one.
constexpr auto hot_time = 10s;

bool by_inode(const Holder& a, const Holder& b) { return a.inode < b.inode; }

/// False only where the kernel says for sure that the thread uses the descriptor table of its process.
bool may_have_own_table(std::int32_t pid, std::int32_t tid)
{
    return ::syscall(SYS_kcmp, pid, tid, KCMP_FILES, 0, 0) != 0;
}

} // namespace

HolderMap::HolderMap(const std::string& proc, Source source)
    : proc_(::open(proc.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)), source_(source), bpf_declined_(proc != "/proc")
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
    return entries;
}

void HolderMap::scan()
{
    const std::vector<Entry> entries = list_processes();
    look_at_all(entries, Look::first);
    std::sort(first_.begin(), first_.end(), by_inode);
    sharers_ = run_times_of_sharers();
}

void HolderMap::rescan()
{
    std::vector<Entry> entries = list_processes();
    std::erase_if(entries, [this](const Entry& entry) { return has_not_run(entry); });
    look_at_all(entries, Look::again);
    for (const auto& [process, ran] : sharers_) {
        if (read_ran(proc_.get(), processes_[process].pid) == ran) {
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
    auto tables = read_socket_files();
    if (!tables) {
        bpf_declined_ = true;
        return false;
    }
    for (std::size_t i = 0; i < entries.size(); ++i) {
        FdTable& table = (*tables)[entries[i].pid.value];
        table.status = FdTable::Status::ok;
        table.files = files[i];
        add(entries[i], table, look);
        tables->erase(entries[i].pid.value); // not twice in memory
    }
    return true;
}

/// Of several holders of a socket one that does not run cannot be the one that moves its bytes: a shell that waits for
/// its child, the privileged half of sshd.
HolderMap::RunTimes HolderMap::run_times_of_sharers() const
{
    RunTimes times;
    for (std::size_t i = 1; i < first_.size(); ++i) {
        if (first_[i].inode != first_[i - 1].inode) {
            continue;
        }
        for (const std::uint32_t process : {first_[i - 1].process, first_[i].process}) {
            if (!times.contains(process)) {
                if (const auto ran = read_ran(proc_.get(), processes_[process].pid)) {
                    times.emplace(process, *ran);
                }
            }
        }
    }
    return times;
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
    for (const SocketFd& socket : table.sockets) {
        const std::uint64_t inode = socket.inode.value;
        inodes.push_back(inode);
        const bool known = std::binary_search(seen.inodes.begin(), seen.inodes.end(), inode);
        if (look == Look::again) {
            add_later(socket, *seen.process, entry.pid, known);
        } else if (!known) {
            first_.push_back({socket.inode, *seen.process});
        }
    }
    std::sort(inodes.begin(), inodes.end());
    inodes.erase(std::unique(inodes.begin(), inodes.end()), inodes.end()); // dup(2)
    seen.inodes = std::move(inodes);
}

/// A pid may have gone to another process since; a process may have become another program.
void HolderMap::add_process(Seen& seen, const Process& process)
{
    if (seen.process && processes_[*seen.process].start_time != process.start_time) {
        seen.process.reset();
        seen.inodes.clear();
    }
    if (!seen.process) {
        seen.process = static_cast<std::uint32_t>(processes_.size());
        processes_.push_back(process);
        if (look_) {
            look_(processes_.back());
        }
    } else {
        refresh(processes_[*seen.process], process.name, process.stack_start);
    }
}

/// By exec it may have become another program, perhaps of the same name. Then what was found out about it was about
/// the one before; where the process is over by now, that stands.
void HolderMap::refresh(Process& process, std::string_view name, std::uint64_t stack_start) const
{
    if (process.name == name && process.stack_start == stack_start) {
        return;
    }
    process.name = name;
    process.stack_start = stack_start;
    if (look_) {
        const auto before = std::exchange(process.identity, nullptr);
        look_(process);
        process.identity = process.identity == nullptr ? before : process.identity;
    }
}

void HolderMap::add_later(const SocketFd& socket, std::uint32_t process, Pid pid, bool known)
{
    const std::uint64_t inode = socket.inode.value;
    if (!known) {
        const auto [begin, end] = later_.equal_range(inode);
        if (std::none_of(begin, end, [&](const auto& entry) { return entry.second == process; })) {
            later_.emplace(inode, process);
        }
    }
    if (wanted_.erase(inode) != 0) {
        hot_.insert_or_assign(pid.value, Clock::now());
        unconfirmed_.insert(inode);
        handed_on_.erase(inode);
        sightings_.insert_or_assign(inode, Sighting{pid, socket.fd, Clock::now() + first_interval, first_interval});
    }
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

bool HolderMap::held(Inode inode) const { return unheld({inode}).empty(); }

std::vector<Inode> HolderMap::unheld(std::vector<Inode> inodes) const
{
    std::sort(inodes.begin(), inodes.end());
    auto first = first_.begin();
    std::erase_if(inodes, [&](Inode inode) {
        first = std::find_if(first, first_.end(), [&](const Holder& holder) { return holder.inode >= inode; });
        const bool known = (first != first_.end() && first->inode == inode) || later_.contains(inode.value);
        return inode.value == 0 || (known && !handed_on_.contains(inode.value));
    });
    return inodes;
}

std::vector<std::uint32_t> HolderMap::holders_of(Inode inode) const
{
    std::vector<std::uint32_t> processes;
    const auto [first, last] = std::equal_range(first_.begin(), first_.end(), Holder{inode, 0}, by_inode);
    std::transform(first, last, std::back_inserter(processes), [](const Holder& holder) { return holder.process; });
    const auto [begin, end] = later_.equal_range(inode.value);
    for (auto entry = begin; entry != end; ++entry) {
        if (std::find(processes.begin(), processes.end(), entry->second) == processes.end()) {
            processes.push_back(entry->second);
        }
    }
    return processes;
}

void HolderMap::closed(Inode inode)
{
    for (const std::uint32_t process : holders_of(inode)) {
        hot_.insert_or_assign(processes_[process].pid.value, Clock::now());
    }
    sightings_.erase(inode.value);
    handed_on_.erase(inode.value);
}

void HolderMap::forget(Inode inode)
{
    later_.erase(inode.value);
    unconfirmed_.erase(inode.value);
}

std::int64_t HolderMap::count_files(Pid pid) const
{
    struct stat count {};
    return ::fstatat(proc_.get(), fmt::format("{}/fd", pid.value).c_str(), &count, 0) == 0 ? count.st_size : 0;
}

void HolderMap::search(const std::vector<Inode>& wanted, Reach reach, Clock::time_point deadline)
{
    wanted_.clear();
    for (const Inode inode : wanted) {
        wanted_.insert(inode.value);
    }
    const std::vector<Entry> entries = list_processes();
    std::vector<bool> looked(entries.size());
    const auto done = [&] { return wanted_.empty() || Clock::now() > deadline; };
    const auto look_where = [&](auto likely) {
        for (std::size_t i = 0; i < entries.size() && !done(); ++i) {
            if (!looked[i] && likely(entries[i]) && !known_as_denied(entries[i])) {
                looked[i] = true;
                look_at(entries[i], Look::again);
            }
        }
    };
    look_where([&](const Entry& entry) { return seen_of(entry) == nullptr; });
    look_where([&](const Entry& entry) { return hot_.contains(entry.pid.value); });
    look_where([&](const Entry& entry) { return seen_of(entry)->files != count_files(entry.pid); });
    if (reach == Reach::likely) {
        return;
    }
    look_where([&](const Entry& entry) { return !has_not_run(entry); });
    for (std::size_t i = 0; i < entries.size() && !done(); ++i) {
        look_at_threads(entries[i]);
    }
}

bool HolderMap::still_holds(Inode inode, const Sighting& sighting) const
{
    std::array<char, 64> link{};
    const std::string path = fmt::format("{}/fd/{}", sighting.pid.value, sighting.fd);
    const ssize_t length = ::readlinkat(proc_.get(), path.c_str(), link.data(), link.size());
    return length > 0 && parse_socket_link({link.data(), static_cast<std::size_t>(length)}) == inode.value;
}

void HolderMap::confirm(Clock::time_point now)
{
    for (auto& [inode, sighting] : sightings_) {
        if (now < sighting.next_look) {
            continue;
        }
        if (sighting.fd < 0 || still_holds(Inode{inode}, sighting)) {
            unconfirmed_.erase(inode);
        } else {
            handed_on_.insert(inode);
        }
        sighting.interval *= 2;
        sighting.next_look = now + sighting.interval;
    }
}

/// Whether its process still had the socket when it was last looked at.
bool HolderMap::is_current(const Holder& holder) const
{
    const auto seen = seen_.find(processes_[holder.process].pid.value);
    return seen != seen_.end() && seen->second.process == holder.process &&
           std::binary_search(seen->second.inodes.begin(), seen->second.inodes.end(), holder.inode.value);
}

std::vector<Holder> HolderMap::take_holders()
{
    std::vector<Holder> holders = std::move(first_);
    holders.reserve(holders.size() + later_.size());
    for (const auto& [inode, process] : later_) {
        holders.push_back({Inode{inode}, process});
    }
    std::sort(holders.begin(), holders.end(), by_inode);
    for (auto begin = holders.begin(); begin != holders.end();) {
        const auto end =
            std::find_if(begin, holders.end(), [&](const Holder& holder) { return holder.inode != begin->inode; });
        const bool is_shared = end - begin > 1;
        const auto is_idle = [&](const Holder& holder) { return idle_.contains(holder.process); };
        const bool somebody_ran = is_shared && !std::all_of(begin, end, is_idle);
        for (; begin != end; ++begin) {
            begin->current = !is_shared || is_current(*begin);
            begin->idle = somebody_ran && is_idle(*begin);
        }
    }
    return holders;
}

std::vector<Process> HolderMap::take_processes()
{
    constexpr std::size_t limit = 4096;
    std::string buffer;
    for (Process& process : processes_) {
        if (!hot_.contains(process.pid.value)) {
            continue; // looked at in rescan(), or it has not run
        }
        const auto text = read_file(proc_.get(), fmt::format("{}/stat", process.pid.value).c_str(), buffer, limit);
        const auto stat = text ? parse_proc_stat(*text) : std::nullopt;
        if (stat && stat->start_ticks == process.start_time.ticks) {
            refresh(process, stat->name, stat->stack_start);
        }
    }
    return processes_;
}

void HolderMap::note_sharers() { next_sharers_ = run_times_of_sharers(); }

void HolderMap::next_window()
{
    forget_ended_processes();
    forget_handed_on();
    forget_closed_sockets();
    idle_.clear();
    failed_ = 0;
    std::erase_if(hot_, [now = Clock::now()](const auto& entry) { return now - entry.second > hot_time; });
}

void HolderMap::forget_ended_processes()
{
    std::unordered_map<std::int32_t, std::uint64_t> alive;
    for (const Entry& entry : list_processes()) {
        alive.emplace(entry.pid.value, entry.directory);
    }
    std::erase_if(seen_, [&](const auto& entry) {
        const auto found = alive.find(entry.first);
        return found == alive.end() || found->second != entry.second.directory;
    });
    std::erase_if(denied_, [this](std::int32_t pid) { return !seen_.contains(pid); });
}

/// Not where they were seen, so they are to be searched for like new ones.
void HolderMap::forget_handed_on()
{
    for (const std::uint64_t inode : std::exchange(handed_on_, {})) {
        const auto sighting = sightings_.find(inode);
        const auto seen = sighting == sightings_.end() ? seen_.end() : seen_.find(sighting->second.pid.value);
        if (seen != seen_.end()) {
            std::erase(seen->second.inodes, inode);
        }
    }
}

/// What is left is what each process held when it was last looked at.
void HolderMap::forget_closed_sockets()
{
    const RunTimes run_times = std::exchange(next_sharers_, {});
    std::vector<Process> processes;
    first_.clear();
    later_.clear();
    sharers_.clear();
    for (auto& [pid, seen] : seen_) {
        if (seen.inodes.empty()) {
            seen.process.reset();
        }
        if (!seen.process) {
            continue;
        }
        const auto process = static_cast<std::uint32_t>(processes.size());
        if (const auto ran = run_times.find(*seen.process); ran != run_times.end()) {
            sharers_.emplace(process, ran->second);
        }
        processes.push_back(std::move(processes_[*seen.process]));
        seen.process = process;
        for (const std::uint64_t inode : seen.inodes) {
            first_.push_back({Inode{inode}, process});
        }
    }
    processes_ = std::move(processes);
    std::sort(first_.begin(), first_.end(), by_inode);
    const auto is_closed = [this](std::uint64_t inode) { return holders_of(Inode{inode}).empty(); };
    std::erase_if(unconfirmed_, is_closed);
    std::erase_if(sightings_, [&](const auto& entry) { return is_closed(entry.first); });
}

} // namespace socktally
