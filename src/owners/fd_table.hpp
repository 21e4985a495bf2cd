// SPDX-License-Identifier: MIT
// The sockets in one process's (or thread's) descriptor table, and who the process is, read so that both belong
// together even when pids are reused underneath.
#pragma once

#include "linux/proc.hpp"
#include "model/flow.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace socktally {

struct SocketFd {
    Inode inode;
    int fd = 0;              // -1: registered with an io_uring only
    std::int32_t thread = 0; // whose table it is in; 0: the process's
};

/// A descriptor that keeps a network namespace alive.
struct NamespaceFd {
    Inode inode;
    int fd = 0;
};

struct FdTable {
    enum class Status : std::uint8_t { ok, gone, denied, failed };
    Status status = Status::gone; // failed: for want of descriptors or memory
    std::int64_t files = 0;       // number of open files as the kernel counts them; 0 if it does not (before Linux 6.2)
    std::vector<SocketFd> sockets;
    std::vector<NamespaceFd> namespaces;
    Process process;         // filled only if there are sockets
    std::int32_t parent = 0; // pid in the same namespace
    /// Run time of the process's only thread before the table was read. Null if it has more threads, or few files.
    std::optional<SchedStat> ran;
};

/// `directory` is relative to `proc`: "123/fd" or "123/task/124/fd". `pid` is the process that it belongs to.
FdTable read_fd_table(int proc, const char* directory, Pid pid);

/// Reads the same process again: its name, its user, and where its stack begins. Null if it is gone.
std::optional<Process> reread_process(int proc, const Process& process);

/// Returns how much a process with a single thread has run; null if unknown or if it has several.
std::optional<SchedStat> read_ran(int proc, Pid pid);

/// The sockets among an io_uring's registered files: the lines below `UserFiles:` of its fdinfo, `    3: socket:[123]`.
std::vector<Inode> parse_io_uring_files(std::string_view fdinfo);
/// Adds them to the table. `fdinfo` is the path of that file below `directory`.
void add_io_uring_sockets(int directory, const std::string& fdinfo, FdTable& table);
inline constexpr std::string_view io_uring_link = "anon_inode:[io_uring]"; // its name in /proc/PID/fd

/// Reading this many links costs as much as finding out that it is not needed.
inline constexpr std::int64_t few_files = 8;

/// The sockets that this process has open.
std::vector<Inode> own_sockets();

/// The tables of all processes in one go, by pid, with their sockets of IP and network namespaces, through a BPF
/// iterator: ten times quicker than /proc/*/fd, but it takes a millisecond or two to load. FdTable::files and
/// FdTable::ran are left to the caller. Null if BPF is not allowed, not built in, or pids are not those of this pid
/// namespace.
std::optional<std::unordered_map<std::int32_t, FdTable>> read_socket_files();
/// Returns whether the kernel takes the program for it here.
bool can_read_socket_files();

} // namespace socktally
