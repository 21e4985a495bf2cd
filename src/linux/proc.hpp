// SPDX-License-Identifier: MIT
// Parsers of text in /proc. The text is not trusted: a process may have any 15 bytes as its name, even `) R 1`.
#pragma once

#include "util/number.hpp"
#include "util/text.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

inline constexpr std::size_t proc_stat_limit = 4096; // in bytes; /proc/PID/stat has about 400

/// The fields of /proc/PID/stat that socktally uses (proc_pid_stat(5)).
struct ProcStat {
    std::string_view name;         // the text between the first ( and the last ), a part of the parsed text
    std::uint32_t parent = 0;      // field 4
    bool is_exiting = false;       // from field 9: the process is freeing its memory, or is a zombie
    std::uint32_t threads = 0;     // field 20
    std::uint64_t start_ticks = 0; // field 22: start time, shifted by the reader's time namespace (linux/clocks.hpp)
    std::uint64_t stack_start = 0; // field 28; 0 if the process is exiting, or if we may not read it
};
std::optional<ProcStat> parse_proc_stat(std::string_view text);
/// Reads and parses the file at `path` below `directory`. Returns null if the process has gone. ProcStat::name points
/// into `buffer`.
std::optional<ProcStat> read_proc_stat(int directory, const char* path, std::string& buffer);

/// The run time of the first thread of a process, and how often it was put on a CPU (/proc/PID/schedstat).
struct SchedStat {
    std::uint64_t run_ns = 0;
    std::uint64_t timeslices = 0;
    bool operator==(const SchedStat&) const = default;
};
/// Parses /proc/PID/schedstat. Returns null if all figures are 0, because then the kernel does not keep them. Returns
/// null for an invalid text too.
std::optional<SchedStat> parse_sched_stat(std::string_view text);

/// Returns the inode of a socket. `link` is the target of a descriptor's link in /proc/PID/fd, `socket:[123]`. Returns
/// null for any other text.
std::optional<std::uint64_t> parse_socket_link(std::string_view link);
/// Returns the inode of a network namespace. `link` is the target of a link, `net:[123]`. Returns null for any other
/// text.
std::optional<std::uint64_t> parse_netns_link(std::string_view link);

/// Parses the name of an entry of /proc. Returns the pid; null if the entry is not a process.
std::optional<std::int32_t> parse_pid(std::string_view name);
/// Returns all pids in `path`, a directory such as /proc.
std::vector<std::int32_t> list_pids(int directory, const char* path);

} // namespace socktally
