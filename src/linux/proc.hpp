// SPDX-License-Identifier: MIT
// Parsers of /proc text, which may be hostile: a process name is any 15 bytes, even `) R 1`.
#pragma once

#include "util/number.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

inline constexpr std::size_t proc_stat_limit = 4096; // bytes; /proc/PID/stat has about 400

/// The fields of /proc/PID/stat that we use (proc_pid_stat(5)).
struct ProcStat {
    std::string_view name;         // the text between the first ( and the last ); points into the parsed text
    std::uint32_t parent = 0;      // field 4
    bool is_exiting = false;       // field 9: its memory is gone or about to go; true for a zombie too
    std::uint32_t threads = 0;     // field 20
    std::uint64_t start_ticks = 0; // field 22, shifted by the reader's time namespace (linux/clocks.hpp)
    std::uint64_t stack_start = 0; // field 28; 0 if the process is exiting, or if we have no permission
};
std::optional<ProcStat> parse_proc_stat(std::string_view text);
/// Reads the file at `path` below `directory` into `buffer`, to which the returned name points. Returns null if the
/// process is gone.
std::optional<ProcStat> read_proc_stat(int directory, const char* path, std::string& buffer);

/// /proc/PID/schedstat of a process's first thread: how long it ran, and how often it was put on a CPU.
struct SchedStat {
    std::uint64_t run_ns = 0;
    std::uint64_t timeslices = 0;
    bool operator==(const SchedStat&) const = default;
};
/// Returns null too if the kernel does not keep the figures (all are 0).
std::optional<SchedStat> parse_sched_stat(std::string_view text);

/// Returns the inode of a socket from the link of a descriptor, `socket:[123]`; null for any other text.
std::optional<std::uint64_t> parse_socket_link(std::string_view link);
/// Returns the inode of a network namespace from a link, `net:[123]`; null for any other text.
std::optional<std::uint64_t> parse_netns_link(std::string_view link);

/// Returns the pid of an entry of /proc; null if the entry is no process.
std::optional<std::int32_t> parse_pid(std::string_view name);
/// Returns all pids in a directory that looks like /proc.
std::vector<std::int32_t> list_pids(int directory, const char* path);

/// Cuts the next word off the front of `text` (separated by blanks, tabs and newlines); returns an empty text at the
/// end.
std::string_view next_word(std::string_view& text);
/// Cuts the next line off the front of `text` and returns it without its newline.
std::string_view next_line(std::string_view& text);

} // namespace socktally
