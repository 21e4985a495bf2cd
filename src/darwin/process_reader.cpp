// SPDX-License-Identifier: MIT
// Of the facts about a process, macOS has the executable, the arguments and the parent. It has no cgroups and no
// network namespaces.
#include "processes/process_reader.hpp"

#include "darwin/sysctl.hpp"
#include "linux/processes.hpp"
#include "processes/process_files.hpp"

#include <libproc.h>

#include <array>

namespace socktally {

namespace {

std::optional<std::string> executable_of(Pid pid)
{
    std::string path(PROC_PIDPATHINFO_MAXSIZE, '\0');
    const int length = ::proc_pidpath(pid.value, path.data(), static_cast<std::uint32_t>(path.size()));
    path.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
    return path.empty() ? std::nullopt : std::optional(std::move(path));
}

std::optional<std::string> command_of(Pid pid)
{
    std::array<int, 3> name{CTL_KERN, KERN_PROCARGS2, pid.value};
    return parse_process_arguments(read_sysctl(name));
}

} // namespace

std::optional<ProcessFiles> read_process_files(int proc, const IdentityNeeds& needs, const Process& process)
{
    std::string buffer;
    const auto stat = read_process_stat(proc, process.pid.value, buffer);
    if (!stat || stat->start_ticks != process.start_time.ticks) {
        return std::nullopt;
    }
    ProcessFiles files;
    files.name = stat->name;
    files.has_ended = stat->is_exiting;
    if (needs.exe) {
        files.identity.exe = executable_of(process.pid);
    }
    if (needs.command) {
        files.identity.command = command_of(process.pid);
    }
    if (needs.parent) {
        files.identity.parent = Pid{static_cast<std::int32_t>(stat->parent)};
    }
    return files;
}

} // namespace socktally
