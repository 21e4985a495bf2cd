// SPDX-License-Identifier: MIT
// Reads the sockets in the descriptor table of a process or thread, and the name, user and start time of the process.
// The sockets and these facts belong to the same process even if its pid is reused meanwhile.
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
    int fd = 0;              // number of the descriptor; -1: the socket has none, but is registered with an io_uring
    std::int32_t thread = 0; // the thread whose own table has the descriptor; 0: the table of the process has it
};

/// A descriptor that keeps a network namespace alive.
struct NamespaceFd {
    Inode inode;
    int fd = 0;
};

struct FdTable {
    enum class Status : std::uint8_t { ok, gone, denied, failed };
    Status status = Status::gone; // failed: descriptors or memory ran out
    std::int64_t files = 0;       // number of files in the table, as the kernel counts them; 0 before Linux 6.2
    std::vector<SocketFd> sockets;
    std::vector<NamespaceFd> namespaces;
    Process process;         // set only if the table has sockets
    std::int32_t parent = 0; // pid of the parent process, in the same pid namespace as `process`
    /// The run time of a process with one thread, from before the table was read. Null if the process has more threads,
    /// or if the table has at most few_files files.
    std::optional<SchedStat> ran;
};

/// Reads a descriptor table. `directory` is relative to `proc`: "123/fd" or "123/task/124/fd". `pid` is 123 in both
/// cases.
FdTable read_fd_table(int proc, const char* directory, Pid pid);

/// Returns the process with its current name, user and stack; null if it has ended.
std::optional<Process> reread_process(int proc, const Process& process);

/// Returns the CPU time that a process with one thread has used; null if it has more threads, or if the time is not
/// known.
std::optional<SchedStat> read_ran(int proc, Pid pid);

/// Returns the sockets that are registered with an io_uring. `fdinfo` is the text of its fdinfo file. The lines below
/// `UserFiles:` name the files, such as `    3: socket:[123]`.
std::vector<Inode> parse_io_uring_files(std::string_view fdinfo);
/// Adds the sockets that are registered with an io_uring to the table. `fdinfo` is the path, relative to `directory`,
/// of the fdinfo file of this io_uring.
void add_io_uring_sockets(int directory, const std::string& fdinfo, FdTable& table);
/// The target of the link of an io_uring in /proc/PID/fd.
inline constexpr std::string_view io_uring_link = "anon_inode:[io_uring]";

/// A descriptor table with at most this many files is always read again. To check whether its process has run would
/// cost as much.
inline constexpr std::int64_t few_files = 8;

/// Returns the sockets that socktally itself has open.
std::vector<Inode> own_sockets();

/// Reads the descriptor tables of all processes at once through a BPF iterator. The iterator is ten times faster than
/// /proc/*/fd, but takes a millisecond to load.
class SocketFiles {
public:
    /// Loads the iterator. Returns null if BPF is not allowed or not built in. Returns null outside the initial pid
    /// namespace too, because the BPF program reports the process ids of that namespace.
    static std::shared_ptr<const SocketFiles> load();

    explicit SocketFiles(Fd link) : link_(std::move(link)) {}
    /// Returns the descriptor tables by pid, with IP and AF_PACKET sockets and network namespaces. Returns null if the
    /// kernel reports an error. The caller must set FdTable::files and FdTable::ran.
    std::optional<std::unordered_map<std::int32_t, FdTable>> read() const;

private:
    Fd link_;
};

} // namespace socktally
