// SPDX-License-Identifier: MIT
#include "linux/netns.hpp"

#include "linux/error.hpp"
#include "linux/file.hpp"
#include "linux/proc.hpp"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <map>
#include <system_error>
#include <thread>
#include <unordered_set>
#include <vector>

namespace socktally {

namespace {

constexpr const char* own_path = "/proc/self/ns/net";
constexpr const char* names_directory = "/run/netns";

/// Returns the inode of the namespace at `path`. Returns null if `path` does not lead to a namespace. This happens in
/// /run/netns: ip-netns(8) may have left a file on which it has mounted no namespace.
std::optional<std::uint64_t> inode_at(const std::string& path, dev_t nsfs)
{
    struct stat its {};
    return ::stat(path.c_str(), &its) == 0 && its.st_dev == nsfs ? std::optional(its.st_ino) : std::nullopt;
}

enum class Entered : std::uint8_t { yes, gone, refused };

/// Enters a namespace. Compares the inode first, because the path may lead to another namespace by now.
Entered enter(const NetworkNamespace& wanted)
{
    if (wanted.path.empty()) {
        return Entered::yes;
    }
    if (wanted.hidden) {
        return Entered::refused;
    }
    const Fd entrance(::open(wanted.path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat its {};
    if (!entrance) {
        return errno == ENOENT || errno == ESRCH ? Entered::gone : Entered::refused;
    }
    if (::fstat(entrance.get(), &its) != 0 || its.st_ino != wanted.inode) {
        return Entered::gone;
    }
    if (::setns(entrance.get(), CLONE_NEWNET) == 0) {
        return Entered::yes;
    }
    return errno == EINVAL ? Entered::gone : Entered::refused; // EINVAL: the path leads to a namespace of another kind
}

constexpr std::string_view link = "/ns/net";

/// Returns "/proc/123" for the path "/proc/123/ns/net". Returns the /proc directory of this thread for an empty path.
/// Returns null for all other paths.
std::optional<std::string> process_in(const std::string& path)
{
    if (path.empty()) {
        return "/proc/thread-self";
    }
    return path.ends_with(link) ? std::optional(path.substr(0, path.size() - link.size())) : std::nullopt;
}

/// Network namespaces whose link /proc/PID/ns/net we may not read. The inode of /proc/PID/net/dev tells them apart:
/// each namespace has its own files in /proc/PID/net (proc(5)), and every user may read their inodes.
class HiddenNamespaces {
public:
    /// Adds the namespace of a process whose link ns/net we may not read. `process` is a path such as "/proc/123".
    void add(const std::string& process)
    {
        struct stat its {};
        if (::stat((process + mark).c_str(), &its) == 0) {
            by_mark_.emplace(its.st_ino, process + std::string(link));
        } else if (errno == EACCES || errno == EPERM) { // this happens if /proc is mounted with hidepid=noaccess
            by_mark_.emplace(0, process + std::string(link));
        }
    }

    /// Adds a hidden namespace if we cannot even see process 1 (/proc with hidepid=invisible), because then other
    /// processes may be invisible too.
    void add_invisible()
    {
        constexpr const char* first = "/proc/1";
        struct stat its {};
        if (::stat(first, &its) != 0) {
            by_mark_.emplace(0, std::string(first) + std::string(link));
        }
    }

    /// Adds the hidden namespaces to the list. Leaves out a hidden namespace that is in the list already, because
    /// another process, a name or an open descriptor leads to it. A namespace of the list that cannot be entered may be
    /// the same as any of the hidden ones. So for each such namespace, one hidden namespace less is added.
    void append_to(std::vector<NetworkNamespace>& list)
    {
        if (by_mark_.empty()) {
            return;
        }
        std::vector<NetworkNamespace> others;
        for (const NetworkNamespace& known : list) {
            if (const auto process = process_in(known.path)) {
                forget(*process);
            } else {
                others.push_back(known);
            }
        }
        std::size_t nameless = in_each(others, [this](const NetworkNamespace&) { forget("/proc/thread-self"); });
        for (const auto& [inode, path] : by_mark_) {
            if (nameless > 0) {
                --nameless;
            } else {
                list.push_back({0, path, true});
            }
        }
    }

private:
    static constexpr const char* mark = "/net/dev";

    void forget(const std::string& process)
    {
        struct stat its {};
        if (::stat((process + mark).c_str(), &its) == 0) {
            by_mark_.erase(its.st_ino);
        }
    }

    std::map<std::uint64_t, std::string> by_mark_;
};

} // namespace

void in_threads(std::size_t threads, std::size_t count, const std::function<void(std::size_t)>& work)
{
    std::atomic<std::size_t> next = 0;
    const auto run = [&] {
        for (std::size_t i = next++; i < count; i = next++) {
            work(i);
        }
    };
    std::vector<std::jthread> running;
    running.reserve(threads);
    try {
        while (running.size() < std::min(threads, count)) {
            running.emplace_back(run);
        }
    } catch (const std::system_error& failure) { // there are too many threads; those that were started do all the work
        if (running.empty()) {
            throw errno_error("cannot start a thread", failure.code().value());
        }
    }
}

std::uint64_t netns_of_thread() { return netns_inode("/proc/thread-self/ns/net").value_or(0); }

bool run_in_netns_of(int socket, std::uint64_t netns, const std::function<void()>& work)
{
    if (netns == netns_of_thread()) {
        work();
        return true;
    }
    bool entered = false;
    in_threads(1, 1, [&](std::size_t) {
        const Fd entrance(::ioctl(socket, SIOCGSKNS));
        entered = entrance && ::setns(entrance.get(), CLONE_NEWNET) == 0;
        if (entered) {
            work();
        }
    });
    return entered;
}

ProcessesSeen list_processes() { return {list_pids(AT_FDCWD, "/proc"), {}}; }

std::vector<NetworkNamespace> network_namespaces(const ProcessesSeen& seen)
{
    struct stat own {};
    if (::stat(own_path, &own) != 0) {
        return {NetworkNamespace{}};
    }
    std::vector<NetworkNamespace> list{{own.st_ino, "", false}};
    std::unordered_set<std::uint64_t> known{own.st_ino};
    const auto add = [&](std::string path, dev_t nsfs) {
        const auto inode = inode_at(path, nsfs);
        if (inode && known.insert(*inode).second) {
            list.push_back({*inode, std::move(path), false});
        }
        return inode.has_value();
    };
    HiddenNamespaces hidden;
    for (const std::int32_t pid : seen.pids) {
        const std::string process = "/proc/" + std::to_string(pid);
        errno = 0;
        if (!add(process + std::string(link), own.st_dev) && (errno == EACCES || errno == EPERM)) {
            hidden.add(process);
        }
    }
    const Directory names = open_directory(AT_FDCWD, names_directory);
    while (const dirent* name = names ? ::readdir(names.get()) : nullptr) {
        if (name->d_name[0] != '.') {
            add(named_netns_path(name->d_name), own.st_dev);
        }
    }
    for (const NetworkNamespace& open : seen.open) {
        if (known.insert(open.inode).second) {
            list.push_back(open);
        }
    }
    hidden.add_invisible();
    hidden.append_to(list);
    return list;
}

std::optional<std::uint64_t> netns_inode(const std::string& path)
{
    struct stat own {};
    return ::stat(own_path, &own) == 0 ? inode_at(path, own.st_dev) : std::nullopt;
}

std::uint64_t own_netns_inode() { return netns_inode(own_path).value_or(0); }

std::string named_netns_path(const std::string& name) { return std::string(names_directory) + "/" + name; }

std::size_t in_each(const std::vector<NetworkNamespace>& list, const std::function<void(const NetworkNamespace&)>& work,
                    std::size_t threads)
{
    if (list.size() == 1 && list.front().path.empty()) { // the list has only the current namespace
        work(list.front());
        return 0;
    }
    std::atomic<std::size_t> refused = 0;
    in_threads(threads, list.size(), [&](std::size_t i) {
        switch (enter(list[i])) {
        case Entered::yes: work(list[i]); break;
        case Entered::gone: break;
        case Entered::refused: ++refused; break;
        }
    });
    return refused;
}

} // namespace socktally
