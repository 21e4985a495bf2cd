// SPDX-License-Identifier: MIT
#include "processes/process_files.hpp"

#include "linux/fd.hpp"
#include "linux/file.hpp"
#include "linux/proc.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstddef>
#include <iterator>
#include <map>
#include <optional>
#include <unordered_set>
#include <utility>

namespace socktally {

namespace {

constexpr std::size_t cgroup_limit = 64 << 10; // in bytes, enough for a path of 4 KiB in each hierarchy
constexpr std::size_t command_limit = 16 << 10;
constexpr std::string_view docker_proxy_name = "docker-proxy";

std::optional<std::string> read_link(int directory, const char* path)
{
    std::array<char, PATH_MAX> target{}; // a string of this size would keep its memory after the return
    const ssize_t length = ::readlinkat(directory, path, target.data(), target.size());
    return length < 0 ? std::nullopt : std::optional(std::string(target.data(), static_cast<std::size_t>(length)));
}

/// Joins the arguments with blanks. In `arguments`, each argument ends in NUL. Returns null for kernel threads and
/// zombies, which have no arguments.
std::optional<std::string> command_of(std::string_view arguments)
{
    std::string command(arguments.substr(0, arguments.find_last_not_of('\0') + 1)); // npos + 1 is 0
    std::replace(command.begin(), command.end(), '\0', ' ');
    return command.empty() ? std::nullopt : std::optional(std::move(command));
}

std::string_view next_argument(std::string_view& arguments)
{
    const auto end = arguments.find('\0');
    const std::string_view argument = arguments.substr(0, end);
    arguments.remove_prefix(end == arguments.npos ? arguments.size() : end + 1);
    return argument;
}

/// Returns whether `path` ends in init.scope or in a socket unit, where systemd itself opens sockets for services.
/// `path` is the name of a unit, or the path of a cgroup.
bool is_of_systemd(std::string_view path)
{
    const std::string_view last = path.substr(path.rfind('/') + 1); // npos + 1 is 0
    return last == "init.scope" || last.ends_with(".socket");
}

Fd open_below(int directory, const char* path)
{
    return Fd(::openat(directory, path, O_PATH | O_DIRECTORY | O_CLOEXEC));
}

/// Returns the /proc directory of a living thread of the process. Returns no descriptor if all threads have ended.
Fd living_thread(int process)
{
    std::string buffer;
    const Directory listing = open_directory(process, "task");
    while (const dirent* entry = listing ? ::readdir(listing.get()) : nullptr) {
        Fd thread = entry->d_name[0] != '.' ? open_below(::dirfd(listing.get()), entry->d_name) : Fd();
        const auto stat = thread ? read_proc_stat(thread.get(), "stat", buffer) : std::nullopt;
        if (stat && !stat->is_exiting) {
            return thread;
        }
    }
    return Fd();
}

Identity read_place(int directory)
{
    std::string buffer;
    const auto text = read_file(directory, "cgroup", buffer, cgroup_limit);
    const auto place = text ? parse_cgroup(*text) : std::nullopt;
    return place ? identity_in(*place) : Identity{};
}

/// Reads the needed files in the /proc directory of a process or of one of its threads.
Identity read_identity(int directory, const IdentityNeeds& needs, bool may_be_proxy)
{
    std::string buffer;
    Identity identity = needs.cgroup ? read_place(directory) : Identity{};
    if (needs.exe) {
        identity.exe = read_link(directory, "exe");
    }
    if (const auto arguments =
            needs.command || may_be_proxy ? read_file(directory, "cmdline", buffer, command_limit) : std::nullopt) {
        identity.command = needs.command ? command_of(*arguments) : std::nullopt;
        identity.proxied = may_be_proxy ? parse_docker_proxy(*arguments) : std::nullopt;
    }
    return identity;
}

/// Returns whether a needed fact is missing. Every living process has these facts, except kernel threads.
bool lacks_something(const Identity& identity, const IdentityNeeds& needs)
{
    return (needs.exe && !identity.exe) || (needs.command && !identity.command) ||
           (needs.cgroup && identity.cgroup.value_or("/") == "/");
}

/// Drops the cgroup if it is the root. In hierarchies of version 1, the kernel moves each process to the root when the
/// process ends.
void forget_root_cgroup(Identity& identity)
{
    if (identity.cgroup == "/") {
        identity.cgroup.reset();
    }
}

/// The contents of the files of a process, read together.
struct ProcessFiles {
    std::string name;
    std::uint64_t stack_start = 0; // as in Process
    Identity identity;
    Inode netns; // network namespace of the process; 0: not needed, or not known
    /// True if all threads have ended. Then command, executable and namespaces can no longer be read, and perhaps not
    /// the cgroup either.
    bool has_ended = false;
};

/// Reads the needed files of a process. If its first thread has ended, reads the files of a living thread. Returns null
/// if the process has gone, even if another process has got its pid. `proc` is the open directory /proc.
std::optional<ProcessFiles> read_process_files(int proc, const IdentityNeeds& needs, const Process& process)
{
    // This descriptor never leads to a later process with the same pid.
    const Fd directory = open_below(proc, std::to_string(process.pid.value).c_str());
    std::string buffer;
    const auto stat = directory ? read_proc_stat(directory.get(), "stat", buffer) : std::nullopt;
    if (!stat || stat->start_ticks != process.start_time.ticks) {
        return std::nullopt;
    }
    ProcessFiles files;
    files.name = stat->name;
    files.stack_start = stat->stack_start;
    const Fd thread = stat->is_exiting ? living_thread(directory.get()) : Fd();
    const int alive = thread ? thread.get() : directory.get();
    files.identity = read_identity(alive, needs, needs.ports && files.name == docker_proxy_name);
    if (needs.parent) {
        files.identity.parent = Pid{static_cast<std::int32_t>(stat->parent)};
    }
    struct stat netns {};
    if (needs.netns && ::fstatat(alive, "ns/net", &netns, 0) == 0) {
        files.netns = Inode{netns.st_ino};
    }
    if (lacks_something(files.identity, needs)) {
        const auto after = read_proc_stat(alive, "stat", buffer);
        files.has_ended = !after || after->is_exiting;
    }
    if (files.has_ended) {
        forget_root_cgroup(files.identity);
    }
    return files;
}

bool has_changed(const Process& before, const Process& now)
{
    return !is_same_program(before, now) || (before.uid && now.uid && before.uid != now.uid);
}

void forget_program(Identity& identity)
{
    identity.command.reset();
    identity.exe.reset();
    identity.proxied.reset();
}

} // namespace

std::optional<ProxiedPort> parse_docker_proxy(std::string_view arguments)
{
    next_argument(arguments); // the program
    std::map<std::string_view, std::string_view> values;
    while (!arguments.empty()) {
        const std::string_view name = next_argument(arguments);
        if (name.starts_with('-') && !arguments.starts_with('-')) { // else `name` is a flag without a value
            values.try_emplace(name, next_argument(arguments));
        }
    }
    const std::string_view protocol = values["-proto"];
    const auto host = parse_address(values["-host-ip"]);
    const auto host_port = parse_port(values["-host-port"]);
    const auto container = parse_address(values["-container-ip"]);
    const auto port = parse_port(values["-container-port"]);
    const bool is_known = protocol == "tcp" || protocol == "udp" || protocol == "sctp";
    if (!is_known || !host || !host_port || !container || !port) {
        return std::nullopt;
    }
    return ProxiedPort{{{*host, *host_port}, *port, std::string(protocol)}, *container};
}

Identity identity_in(const CgroupPlace& place)
{
    constexpr std::size_t short_length = 12; // container engines print this many digits of an id
    Identity identity;
    identity.cgroup = place.path;
    identity.unit = place.unit;
    identity.container_id = place.container_id;
    identity.container =
        place.container_id ? std::optional(place.container_id->substr(0, short_length)) : place.machine;
    identity.pod = place.pod_uid;
    identity.pod_uid = place.pod_uid;
    return identity;
}

std::optional<Identity> identity_of_socket_in(const CgroupPlace& place)
{
    Identity identity = identity_in(place);
    const bool is_unit_of_systemd = identity.unit && is_of_systemd(*identity.unit);
    if (is_unit_of_systemd) {
        identity.unit.reset();
    }
    if (is_unit_of_systemd || is_of_systemd(place.path) || place.path == "/") {
        identity.cgroup.reset();
    }
    return identity == Identity{} ? std::nullopt : std::optional(std::move(identity));
}

std::optional<Process> read_process(int proc, Pid pid)
{
    std::string buffer;
    const auto stat = read_proc_stat(proc, (std::to_string(pid.value) + "/stat").c_str(), buffer);
    if (!stat) {
        return std::nullopt;
    }
    Process process;
    process.pid = pid;
    process.start_time = StartTime{stat->start_ticks};
    process.name = stat->name;
    return process;
}

bool KnownProcesses::fill(int proc, const IdentityNeeds& needs, Process& process)
{
    if (known_.size() >= most_) {
        forget_ended(proc);
    }
    Known& known = known_[{process.pid, process.start_time}];
    if (known.window != window_ || has_changed(known.process, process)) {
        read(proc, needs, process, known);
        known.window = window_;
    }
    process.identity = known.process.identity;
    process.netns = process.netns == Inode{} ? known.process.netns : process.netns;
    return known.is_whole;
}

/// Reads the files of a process into `known`. If the process has ended, keeps the facts that were read before. But
/// drops the command and the executable if the process has become another program since.
void KnownProcesses::read(int proc, const IdentityNeeds& needs, const Process& process, Known& known) const
{
    const auto files = read_process_files(proc, needs, process);
    const Process before = std::exchange(known.process, process);
    known.process.netns = before.netns;
    if (files) {
        Process now = process;
        now.name = files->name;
        now.stack_start = files->stack_start;
        update(known.process, now);
        known.process.netns = files->netns != Inode{} ? files->netns : before.netns;
    }
    const bool has_ended = !files || files->has_ended;
    if (!has_ended || before.identity == nullptr) {
        known.process.identity = files ? std::make_shared<const Identity>(files->identity) : nullptr;
        known.is_whole = !has_ended;
        return;
    }
    known.process.identity = before.identity;
    if (!is_same_program(before, known.process)) {
        Identity identity = *before.identity;
        forget_program(identity);
        known.process.identity = std::make_shared<const Identity>(std::move(identity));
        known.is_whole = known.is_whole && !needs.command && !needs.exe;
    }
}

void KnownProcesses::forget_ended(int proc)
{
    const auto pids = list_pids(proc, ".");
    const std::unordered_set<std::int32_t> alive(pids.begin(), pids.end());
    for (auto entry = known_.begin(); entry != known_.end();) {
        const auto next = std::next(entry);
        const Pid pid = entry->first.first;
        const bool has_ended = !alive.contains(pid.value) || (next != known_.end() && next->first.first == pid);
        if (has_ended && entry->second.window != window_) {
            known_.erase(entry);
        }
        entry = next;
    }
    most_ = std::max(most_, 2 * known_.size());
}

} // namespace socktally
