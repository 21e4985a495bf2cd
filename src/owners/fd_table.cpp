// SPDX-License-Identifier: MIT
#include "owners/fd_table.hpp"

#include "linux/file.hpp"
#include "linux/proc.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

namespace socktally {

namespace {

FdTable::Status status_of(int error)
{
    switch (error) {
    case EACCES:
    case EPERM: return FdTable::Status::denied;
    case EMFILE:
    case ENFILE:
    case ENOMEM: return FdTable::Status::failed;
    default: return FdTable::Status::gone;
    }
}

/// Reads the name, user and start time of the process. Takes a path relative to the descriptor directory (`../stat`),
/// which never leads to another process: it fails when the process has ended, even if the pid is reused.
bool read_process(int fd_directory, std::string_view up, Pid pid, std::string& buffer, FdTable& table)
{
    Process& process = table.process;
    const auto stat = read_proc_stat(fd_directory, fmt::format("{}/stat", up).c_str(), buffer);
    if (!stat) {
        return false;
    }
    process.pid = pid;
    process.start_time = StartTime{stat->start_ticks};
    process.name = stat->name;
    process.stack_start = stat->stack_start;
    table.parent = static_cast<std::int32_t>(stat->parent);
    if (const auto owner = owner_of_file(fd_directory, std::string(up).c_str())) {
        process.uid = Uid{*owner};
    }
    return true;
}

} // namespace

std::vector<Inode> parse_io_uring_files(std::string_view fdinfo)
{
    std::vector<Inode> inodes;
    bool inside = false;
    while (!fdinfo.empty()) {
        std::string_view line = next_line(fdinfo);
        if (line.starts_with("UserFiles:")) {
            inside = true;
        } else if (inside && !line.starts_with(' ')) {
            break;
        } else if (inside) {
            next_word(line);
            if (const auto inode = parse_socket_link(next_word(line))) {
                inodes.push_back(Inode{*inode});
            }
        }
    }
    return inodes;
}

void add_io_uring_sockets(int directory, const std::string& fdinfo, FdTable& table)
{
    constexpr std::size_t limit = 8 << 20;
    std::string buffer;
    for (const Inode registered :
         parse_io_uring_files(read_file(directory, fdinfo.c_str(), buffer, limit).value_or(""))) {
        table.sockets.push_back({registered, -1});
    }
}

std::optional<Process> reread_process(int proc, const Process& process)
{
    std::string buffer;
    const std::string directory = std::to_string(process.pid.value);
    const auto owner = owner_of_file(proc, directory.c_str());
    const auto stat = owner ? read_proc_stat(proc, (directory + "/stat").c_str(), buffer) : std::nullopt;
    if (!stat || stat->start_ticks != process.start_time.ticks) {
        return std::nullopt;
    }
    Process now = process;
    now.name = stat->name;
    now.stack_start = stat->stack_start;
    now.uid = Uid{*owner};
    return now;
}

std::optional<SchedStat> read_ran(int proc, Pid pid)
{
    constexpr nlink_t single_thread = 3; // link count of the directory: 2, and 1 more for each thread
    struct stat tasks {};
    if (::fstatat(proc, fmt::format("{}/task", pid.value).c_str(), &tasks, 0) != 0 || tasks.st_nlink != single_thread) {
        return std::nullopt;
    }
    std::string buffer;
    const auto text = read_file(proc, fmt::format("{}/schedstat", pid.value).c_str(), buffer, proc_stat_limit);
    return text ? parse_sched_stat(*text) : std::nullopt;
}

FdTable read_fd_table(int proc, const char* directory, Pid pid)
{
    FdTable table;
    const Directory listing = open_directory(proc, directory);
    if (!listing) {
        table.status = status_of(errno);
        return table;
    }
    const int fd = ::dirfd(listing.get());
    const std::string_view up =
        std::string_view(directory).find("/task/") == std::string_view::npos ? ".." : "../../..";
    struct stat count {};
    if (::fstat(fd, &count) == 0) {
        table.files = count.st_size;
    }
    if (table.files > few_files) {
        table.ran = read_ran(proc, pid);
    }
    table.status = FdTable::Status::ok;
    std::string buffer;
    std::array<char, 64> link{};
    while (const dirent* entry = ::readdir(listing.get())) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        const ssize_t length = ::readlinkat(fd, entry->d_name, link.data(), link.size());
        if (length < 0) {
            const FdTable::Status status = status_of(errno);
            if (status == FdTable::Status::gone) {
                continue; // the descriptor was closed after the directory was listed
            }
            // If a process has ended, the kernel denies access to its links too (proc_pid_readlink).
            const bool has_ended = status == FdTable::Status::denied &&
                                   !read_file(fd, fmt::format("{}/stat", up).c_str(), buffer, proc_stat_limit);
            table.status = has_ended ? FdTable::Status::gone : status;
            break;
        }
        const std::string_view target(link.data(), static_cast<std::size_t>(length));
        const auto number = [entry] { return static_cast<int>(parse_number(entry->d_name).value_or(0)); };
        if (const auto inode = parse_socket_link(target)) {
            table.sockets.push_back({Inode{*inode}, number()});
        } else if (const auto netns = parse_netns_link(target)) {
            table.namespaces.push_back({Inode{*netns}, number()});
        } else if (target == io_uring_link) {
            add_io_uring_sockets(fd, fmt::format("../fdinfo/{}", entry->d_name), table);
        }
    }
    if (!table.sockets.empty() && !read_process(fd, up, pid, buffer, table)) {
        table.status = FdTable::Status::gone;
    }
    return table;
}

std::vector<Inode> own_sockets()
{
    std::vector<Inode> inodes;
    for (const SocketFd& socket : read_fd_table(AT_FDCWD, "/proc/self/fd", Pid{::getpid()}).sockets) {
        inodes.push_back(socket.inode);
    }
    return inodes;
}

} // namespace socktally
