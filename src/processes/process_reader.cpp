// SPDX-License-Identifier: MIT
#include "processes/process_reader.hpp"

#include "linux/fd.hpp"
#include "linux/file.hpp"
#include "linux/proc.hpp"
#include "processes/cgroup.hpp"
#include "processes/process_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstddef>
#include <string_view>
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

} // namespace

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

} // namespace socktally
