// SPDX-License-Identifier: MIT
// Scans all processes at both ends of a window, and keeps what the next window needs. owner_search.cpp searches for the
// owners of new sockets.
#include "owners/owner_scanner.hpp"

#include "linux/error.hpp"
#include "linux/file.hpp"
#include "linux/privileges.hpp"
#include "linux/proc.hpp"
#include "owners/fd_table.hpp"
#include "util/text.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
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

/// Returns false only if the kernel says that the thread shares the descriptor table of its process.
bool may_have_own_table(std::int32_t pid, std::int32_t tid)
{
    return ::syscall(SYS_kcmp, pid, tid, KCMP_FILES, 0, 0) != 0;
}

using namespace std::chrono_literals;

/// A process that opened or closed a socket within this time is a likely owner of the next new socket.
constexpr auto hot_time = 10s;

/// The failed searches for a socket are remembered for this many windows in which no backend asks for its owner.
constexpr int most_unasked = 10;

} // namespace

OwnerScanner::OwnerScanner(const std::string& proc, std::shared_ptr<const SocketFiles> files, Trace trace)
    : proc_(::open(proc.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)), files_(std::move(files)),
      is_bpf_given_(files_ != nullptr), is_bpf_declined_(proc != "/proc"), trace_(trace)
{
    if (!proc_) {
        throw errno_error(fmt::format("cannot open {:?}", proc));
    }
    std::array<char, 16> self{}; // getpid() would be wrong if `proc` belongs to another pid namespace
    const ssize_t length = ::readlinkat(proc_.get(), "self", self.data(), self.size() - 1);
    self_ = length > 0 ? parse_pid(self.data()).value_or(0) : 0;
}

std::vector<OwnerScanner::Entry> OwnerScanner::list_processes()
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

void OwnerScanner::scan()
{
    const std::vector<Entry> entries = list_processes();
    read_all(entries, Scan::first);
    table_.sort_first();
    if (follows_ == Follows::rescan) {
        sharers_ = run_times_of_sharers();
    }
    trace_("processes scanned: {}, not readable: {}", entries.size(), denied_.size());
}

void OwnerScanner::rescan()
{
    std::vector<Entry> entries = list_processes();
    std::erase_if(entries, [this](const Entry& entry) { return has_not_run(entry); });
    read_all(entries, Scan::again);
    for (const auto& [process, ran] : sharers_) {
        if (read_ran(proc_.get(), table_.process(process).pid) == ran) {
            idle_.insert(process);
        }
    }
}

void OwnerScanner::read_all(const std::vector<Entry>& entries, Scan scan)
{
    scanned_through_bpf_ = read_through_bpf(entries, scan);
    if (scanned_through_bpf_) {
        return;
    }
    for (const Entry& entry : entries) {
        read(entry, scan);
    }
}

/// The iterator passes all files of the machine, /proc only those of these processes.
bool OwnerScanner::is_cheaper_through_bpf(const std::vector<Entry>& entries) const
{
    using namespace std::chrono;
    if (files_ && !may_read_all()) { // /proc would show less than the last scan did
        return true;
    }
    constexpr microseconds to_load(1'300);
    constexpr nanoseconds per_file(500);
    constexpr microseconds per_process_of_proc(13); // with two files
    constexpr nanoseconds per_file_of_proc(2'700);
    const auto add_files = [this](std::int64_t sum, const Entry& entry) { return sum + count_files(entry.pid); };
    const auto add_seen = [](std::int64_t sum, const auto& seen) { return sum + seen.second.files; };
    const auto all = std::accumulate(seen_.begin(), seen_.end(), std::int64_t{0}, add_seen);
    const nanoseconds through_bpf = (files_ ? nanoseconds(0) : to_load) + all * per_file;
    const nanoseconds at_least = static_cast<std::int64_t>(entries.size()) * per_process_of_proc;
    return at_least > through_bpf ||
           std::accumulate(entries.begin(), entries.end(), std::int64_t{0}, add_files) * per_file_of_proc > through_bpf;
}

/// Reads all descriptor tables through the BPF iterator. Returns false without reading any if BPF is not available, or
/// if /proc is cheaper. If the caller has given the iterator to the constructor, its cost does not matter.
bool OwnerScanner::read_through_bpf(const std::vector<Entry>& entries, Scan scan)
{
    if (is_bpf_declined_ || (!is_bpf_given_ && !is_cheaper_through_bpf(entries))) {
        return false;
    }
    files_ = files_ ? files_ : SocketFiles::load();
    if (!files_) {
        is_bpf_declined_ = true;
        return false;
    }
    std::vector<std::int64_t> files(entries.size());
    // The run times are read before the tables. If a process runs in between, rescan() reads its table again.
    std::vector<std::optional<SchedStat>> ran(entries.size());
    for (std::size_t i = 0; follows_ != Follows::at_most_threads && i < entries.size(); ++i) {
        files[i] = count_files(entries[i].pid);
        const bool is_compared = follows_ == Follows::rescan && files[i] > few_files;
        ran[i] = is_compared ? read_ran(proc_.get(), entries[i].pid) : std::nullopt;
    }
    auto tables = files_->read();
    if (!tables) {
        is_bpf_declined_ = true;
        return false;
    }
    for (std::size_t i = 0; i < entries.size(); ++i) {
        FdTable& table = (*tables)[entries[i].pid.value];
        table.status = FdTable::Status::ok;
        table.files = files[i];
        table.ran = ran[i];
        add(entries[i], table, scan);
        tables->erase(entries[i].pid.value); // frees this table, which add() has copied
    }
    return true;
}

const OwnerScanner::Seen* OwnerScanner::seen_of(const Entry& entry) const
{
    const auto seen = seen_.find(entry.pid.value);
    return seen != seen_.end() && seen->second.directory == entry.directory ? &seen->second : nullptr;
}

/// Returns whether the run time of the process is the same as when its table was read. If a process stays on a CPU, the
/// kernel updates its run time only at each tick, so this function may return true until the next tick. If processes
/// share a descriptor table, and only one of them has run, the table is read through the process that has run.
bool OwnerScanner::has_not_run(const Entry& entry) const
{
    const Seen* seen = seen_of(entry);
    return seen != nullptr && seen->ran && read_ran(proc_.get(), entry.pid) == seen->ran;
}

bool OwnerScanner::known_as_denied(const Entry& entry) const
{
    return seen_of(entry) != nullptr && denied_.contains(entry.pid.value);
}

void OwnerScanner::read(const Entry& entry, Scan scan)
{
    if (meanwhile_) {
        meanwhile_();
    }
    add(entry, read_fd_table(proc_.get(), fmt::format("{}/fd", entry.pid.value).c_str(), entry.pid), scan);
}

void OwnerScanner::read_threads(const Entry& entry)
{
    if (known_as_denied(entry)) {
        return;
    }
    const std::string path = fmt::format("{}/task", entry.pid.value);
    struct stat tasks {};
    constexpr nlink_t single_thread = 3; // link count of the directory: 2, and 1 more for each thread
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
        if (table.sockets.empty()) { // without sockets, read_fd_table() does not set table.process
            continue;
        }
        for (SocketFd& socket : table.sockets) {
            socket.thread = *tid;
        }
        if (const Seen* seen = seen_of(entry)) { // else add() would drop these facts about the process
            table.files = seen->files;
            table.namespaces = seen->namespaces;
            for (const std::uint64_t inode : seen->inodes) {
                table.sockets.push_back({Inode{inode}, -1});
            }
        }
        add(entry, table, Scan::again);
    }
}

void OwnerScanner::add(const Entry& entry, const FdTable& table, Scan scan)
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
        if (scan == Scan::again) {
            is_holder_found = add_later(socket, *seen.process, entry.pid, known) || is_holder_found;
        } else if (!known) {
            table_.add_first(socket.inode, *seen.process);
        }
    }
    if (is_holder_found) {
        parents_.insert(table.parent);
    }
    std::sort(inodes.begin(), inodes.end());
    inodes.erase(std::unique(inodes.begin(), inodes.end()), inodes.end()); // dup(2)
    seen.inodes = std::move(inodes);
}

/// Adds the process if it is new, even if its pid was that of an ended process. Updates a known process, because it may
/// run another program now.
void OwnerScanner::add_process(Seen& seen, const Process& process)
{
    if (seen.process && table_.process(*seen.process).start_time != process.start_time) {
        seen.process.reset();
        seen.inodes.clear();
    }
    if (!seen.process) {
        seen.process = table_.add(process);
        if (identify_process_) {
            identify_process_(table_.processes().back());
        }
    } else {
        refresh(table_.processes()[*seen.process], process);
    }
}

void OwnerScanner::refresh(Process& process) const
{
    if (const auto now = reread_process(proc_.get(), process)) {
        refresh(process, *now);
    }
}

/// Updates the name, program and user of a process. If one of them has changed, identifies the process again, because
/// its identity was read for the earlier program or user.
void OwnerScanner::refresh(Process& process, const Process& now) const
{
    if (!update(process, now)) {
        return;
    }
    if (trace_) {
        trace_("process {} is now {}", process.pid.value, quote(process.name));
    }
    if (identify_process_) {
        identify_process_(process);
    }
}

/// Traces only confirmed owners, because an owner that was seen only one time may turn out to be in doubt.
void OwnerScanner::trace_owners(Cookie cookie, Inode inode)
{
    if (!trace_ || inode == Inode{} || unconfirmed(inode)) {
        return;
    }
    for (const std::uint32_t process : holders_of(inode)) {
        const std::int32_t pid = table_.process(process).pid.value;
        if (traced_.emplace(inode.value, pid).second) {
            trace_("owner {} {}", cookie.value, pid);
        }
    }
}

std::vector<std::pair<Pid, std::vector<Inode>>> OwnerScanner::held_besides(const std::vector<Inode>& listed) const
{
    std::vector<std::pair<Pid, std::vector<Inode>>> held;
    for (const auto& [pid, seen] : seen_) {
        std::vector<Inode> rest;
        auto at = listed.begin(); // likely place of the next inode: sockets of a process are often neighbours
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

ProcessesSeen OwnerScanner::processes_now()
{
    list_processes();
    return processes();
}

ProcessesSeen OwnerScanner::processes() const
{
    ProcessesSeen processes{pids_, {}};
    for (const auto& [pid, seen] : seen_) {
        for (const NamespaceFd& file : seen.namespaces) {
            processes.open.push_back({file.inode.value, fmt::format("/proc/{}/fd/{}", pid, file.fd)});
        }
    }
    return processes;
}

/// Returns the run times of all processes that share a socket with another process. A process that has not run in the
/// window cannot have moved the bytes of a shared socket. Examples are a shell that waits for its child, and the
/// privileged process of sshd.
OwnerScanner::RunTimes OwnerScanner::run_times_of_sharers() const
{
    RunTimes times;
    for (const std::uint32_t process : table_.sharers()) {
        if (times.contains(process)) {
            continue;
        }
        if (const auto ran = read_ran(proc_.get(), table_.process(process).pid)) {
            times.emplace(process, *ran);
        }
    }
    return times;
}

/// Returns whether the process of the holder lives, and had the socket when it was last read.
bool OwnerScanner::is_current(const Holder& holder) const
{
    const std::int32_t pid = table_.process(holder.process).pid.value;
    const auto seen = seen_.find(pid);
    return std::binary_search(pids_.begin(), pids_.end(), pid) && seen != seen_.end() &&
           seen->second.process == holder.process &&
           std::binary_search(seen->second.inodes.begin(), seen->second.inodes.end(), holder.inode.value);
}

std::vector<Holder> OwnerScanner::marked(std::vector<Holder> holders) const
{
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

const std::vector<Process>& OwnerScanner::holding_processes()
{
    for (Process& process : table_.processes()) {
        if (hot_.contains(process.pid.value)) { // rescan() has refreshed those of the others that have run
            refresh(process);
        }
    }
    return table_.processes();
}

std::vector<Process> OwnerScanner::take_processes()
{
    holding_processes();
    return std::move(table_.processes());
}

void OwnerScanner::next_window()
{
    forget_ended_processes();
    forget_former_holders();
    idle_.clear();
    traced_groups_.clear();
    failed_ = 0;
    std::erase_if(costs_, [](const auto& entry) { return ++entry.second.unasked > most_unasked; });
    std::erase_if(hot_, [now = Clock::now()](const auto& entry) { return now - entry.second > hot_time; });
}

void OwnerScanner::forget_ended_processes()
{
    std::unordered_map<std::int32_t, std::uint64_t> alive;
    for (const Entry& entry : list_processes()) {
        alive.emplace(entry.pid.value, entry.directory);
    }
    // If the kernel has dropped its caches (drop_caches), /proc/PID of a living process may have a new inode.
    const auto is_same = [this](const Seen& seen, std::uint64_t directory) {
        return seen.directory == directory ||
               (seen.process && reread_process(proc_.get(), table_.process(*seen.process)));
    };
    for (auto it = seen_.begin(); it != seen_.end();) {
        const auto found = alive.find(it->first);
        if (found == alive.end() || !is_same(it->second, found->second)) {
            it = seen_.erase(it);
            continue;
        }
        it->second.directory = found->second;
        ++it;
    }
    std::erase_if(denied_, [this](std::int32_t pid) { return !seen_.contains(pid); });
}

/// Returns the holders of all sockets: the processes that held them when the process was last read.
std::vector<Holder> OwnerScanner::held_now() const
{
    std::vector<Holder> held;
    for (const auto& [pid, seen] : seen_) {
        for (const std::uint64_t inode : seen.inodes) {
            held.push_back({Inode{inode}, seen.process.value()});
        }
    }
    return held;
}

void OwnerScanner::forget_former_holders()
{
    const auto indices = table_.next_window(held_now());
    for (auto& [pid, seen] : seen_) {
        seen.process = seen.process ? indices[*seen.process] : std::nullopt;
    }
    sharers_.clear();
    for (const auto& [process, ran] : std::exchange(next_sharers_, {})) {
        if (indices[process]) {
            sharers_.emplace(*indices[process], ran);
        }
    }
    std::erase_if(unconfirmed_, [this](std::uint64_t inode) { return holders_of(Inode{inode}).empty(); });
    std::erase_if(sightings_, [this](const auto& entry) { return !held(Inode{entry.first}); });
    std::erase_if(traced_, [this](const auto& entry) { return !held(Inode{entry.first}); });
}

bool OwnerScanner::may_read_all() { return ::geteuid() == 0 || has_capability(CAP_SYS_PTRACE); }

bool OwnerScanner::may_be_denied() const { return denied() > 0 || (!scanned_through_bpf_ && !may_read_all()); }

} // namespace socktally
