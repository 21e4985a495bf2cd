// SPDX-License-Identifier: MIT
#include "linux/processes.hpp"

#include "linux/error.hpp"
#include "linux/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>

namespace socktally {

Fd open_processes(const std::string& path)
{
    Fd proc(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!proc) {
        throw errno_error(fmt::format("cannot open {:?}", path));
    }
    return proc;
}

void require_own_processes()
{
    std::array<char, 16> self{};
    if (::readlink("/proc/self", self.data(), self.size() - 1) < 0 || self.data() != std::to_string(::getpid())) {
        throw std::runtime_error(
            "/proc belongs to another PID namespace, but --tree and socktally run need a /proc of this one: "
            "mount -t proc proc /proc");
    }
}

std::vector<std::int32_t> list_processes(int proc) { return list_pids(proc, "."); }

std::optional<ProcStat> read_process_stat(int proc, std::int32_t pid, std::string& buffer)
{
    return read_proc_stat(proc, fmt::format("{}/stat", pid).c_str(), buffer);
}

std::optional<uid_t> user_of_process(int proc, std::int32_t pid)
{
    return owner_of_file(proc, std::to_string(pid).c_str());
}

bool is_in_other_netns(int proc, std::int32_t pid)
{
    struct stat own {};
    struct stat its {};
    const bool is_known = ::fstatat(proc, fmt::format("{}/ns/net", pid).c_str(), &its, 0) == 0;
    if (!is_known && errno != EACCES && errno != EPERM) {
        return false; // the process has gone
    }
    return !is_known || ::fstatat(proc, "self/ns/net", &own, 0) != 0 || own.st_ino != its.st_ino;
}

} // namespace socktally
