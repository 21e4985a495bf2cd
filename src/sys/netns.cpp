// SPDX-License-Identifier: MIT
#include "sys/netns.hpp"

#include "sys/fd.hpp"
#include "sys/file.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <thread>
#include <unordered_set>

namespace socktally {

namespace {

std::size_t visit(const std::function<void()>& work)
{
    std::unordered_set<std::uint64_t> visited;
    std::size_t refused = 0;
    struct stat space {};
    if (::stat("/proc/self/ns/net", &space) == 0) {
        visited.insert(space.st_ino);
    }
    work();
    const Directory processes = open_directory(AT_FDCWD, "/proc");
    while (const dirent* process = processes ? ::readdir(processes.get()) : nullptr) {
        const std::string path = std::string("/proc/") + process->d_name + "/ns/net";
        if (process->d_name[0] < '1' || process->d_name[0] > '9' || ::stat(path.c_str(), &space) != 0 ||
            !visited.insert(space.st_ino).second) {
            continue;
        }
        const Fd entrance(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (entrance && ::setns(entrance.get(), CLONE_NEWNET) == 0) {
            work();
        } else {
            ++refused;
        }
    }
    return refused;
}

} // namespace

std::size_t in_each_network_namespace(const std::function<void()>& work)
{
    std::size_t refused = 0;
    std::thread([&] { refused = visit(work); }).join();
    return refused;
}

} // namespace socktally
