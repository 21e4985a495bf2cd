// SPDX-License-Identifier: MIT
// The sockets in the descriptor table of a process or thread, and the process itself. Both are read so that they belong
// together even if pids are reused meanwhile.
#pragma once

#include "linux/fd.hpp"
#include "linux/proc.hpp"
#include "model/flow.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace socktally {

struct SocketFd {
    Inode inode;
    int fd = 0;              // -1: only registered with an io_uring
    std::int32_t thread = 0; // the thread whose table it is in; 0: the process's table
};

/// A descriptor that keeps a network namespace alive.
struct NamespaceFd {
    Inode inode;
    int fd = 0;
};

struct FdTable {
    enum class Status : std::uint8_t { ok, gone, denied, failed };
    Status status = Status::gone; // failed: too few descriptors or too little memory
    std::int64_t files = 0;       // number of open files, as the kernel counts them; 0 before Linux 6.2
    std::vector<SocketFd> sockets;
    std::vector<NamespaceFd> namespaces;
    Process process;         // set only if there are sockets
    std::int32_t parent = 0; // pid in the same namespace
    /// The run time of the process's only thread before the table was read. Null if there are more threads, or few
    /// files.
    std::optional<SchedStat> ran;
};

/// Reads a table. `directory` is relative to `proc`: "123/fd" or "123/task/124/fd". `pid` is the process.
FdTable read_fd_table(int proc, const char* directory, Pid pid);

/// Reads the name, the user and the stack of the same process again. Returns null if the process has ended.
std::optional<Process> reread_process(int proc, const Process& process);

/// Returns how much a process with a single thread has run; null if unknown or if it has several.
std::optional<SchedStat> read_ran(int proc, Pid pid);

/// Returns the sockets among the registered files of an io_uring: the lines below `UserFiles:` of its fdinfo, `    3:
/// socket:[123]`.
std::vector<Inode> parse_io_uring_files(std::string_view fdinfo);
/// Adds them to the table. `fdinfo` is the path of that file below `directory`.
void add_io_uring_sockets(int directory, const std::string& fdinfo, FdTable& table);
inline constexpr std::string_view io_uring_link = "anon_inode:[io_uring]"; // its name in /proc/PID/fd

/// Reading this many links costs no more than finding out that they need not be read.
inline constexpr std::int64_t few_files = 8;

/// Returns the sockets that this process has open.
std::vector<Inode> own_sockets();

/// Reads the tables of all processes at once through a BPF iterator: ten times faster than /proc/*/fd, but it takes a
/// millisecond to load.
class SocketFiles {
public:
    /// Returns null if BPF is not allowed or not built in, or if this is not the initial pid namespace.
    static std::shared_ptr<const SocketFiles> load();

    explicit SocketFiles(Fd link) : link_(std::move(link)) {}
    /// Returns IP and packet sockets, and network namespaces, by pid; null if the kernel fails. The caller sets
    /// FdTable::files and FdTable::ran.
    std::optional<std::unordered_map<std::int32_t, FdTable>> read() const;

private:
    Fd link_;
};

} // namespace socktally
