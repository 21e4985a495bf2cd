// SPDX-License-Identifier: MIT
#include "linux/proc.hpp"

#include "linux/file.hpp"

#include <array>

namespace socktally {

namespace {

std::optional<std::uint64_t> parse_link(std::string_view target, std::string_view prefix)
{
    if (!target.starts_with(prefix) || !target.ends_with(']')) {
        return std::nullopt;
    }
    target.remove_prefix(prefix.size());
    target.remove_suffix(1);
    return parse_number(target);
}

} // namespace

std::optional<std::int32_t> parse_pid(std::string_view name)
{
    const auto number = parse_number(name);
    return number && *number > 0 && *number <= INT32_MAX ? std::optional(static_cast<std::int32_t>(*number))
                                                         : std::nullopt;
}

std::vector<std::int32_t> list_pids(int directory, const char* path)
{
    std::vector<std::int32_t> pids;
    const Directory listing = open_directory(directory, path);
    while (const dirent* entry = listing ? ::readdir(listing.get()) : nullptr) {
        if (const auto pid = parse_pid(entry->d_name)) {
            pids.push_back(*pid);
        }
    }
    return pids;
}

std::optional<ProcStat> parse_proc_stat(std::string_view text)
{
    constexpr std::uint64_t exiting_flag = 4; // PF_EXITING
    constexpr std::size_t first = 3;          // number of the first field after the name
    constexpr std::size_t last = 28;
    const std::size_t open = text.find('(');
    const std::size_t close = text.rfind(')');
    if (open == text.npos || close == text.npos || close < open) {
        return std::nullopt;
    }
    ProcStat stat;
    stat.name = text.substr(open + 1, close - open - 1);
    text.remove_prefix(close + 1);
    std::array<std::optional<std::uint64_t>, last + 1> fields;
    for (std::size_t field = first; field <= last; ++field) {
        fields[field] = parse_number(next_word(text));
    }
    if (!fields[4] || !fields[9] || !fields[20] || !fields[22]) {
        return std::nullopt;
    }
    stat.parent = static_cast<std::uint32_t>(*fields[4]);
    stat.is_exiting = (*fields[9] & exiting_flag) != 0;
    stat.threads = static_cast<std::uint32_t>(*fields[20]);
    stat.start_ticks = *fields[22];
    stat.stack_start = fields[28].value_or(0);
    return stat;
}

std::optional<ProcStat> read_proc_stat(int directory, const char* path, std::string& buffer)
{
    const auto text = read_file(directory, path, buffer, proc_stat_limit);
    return text ? parse_proc_stat(*text) : std::nullopt;
}

std::optional<SchedStat> parse_sched_stat(std::string_view text)
{
    const auto run = parse_number(next_word(text));
    next_word(text); // skips the time that the thread waited for a CPU
    const auto slices = parse_number(next_word(text));
    return run && slices && *slices != 0 ? std::optional(SchedStat{*run, *slices}) : std::nullopt;
}

std::optional<std::uint64_t> parse_socket_link(std::string_view link) { return parse_link(link, "socket:["); }

std::optional<std::uint64_t> parse_netns_link(std::string_view link) { return parse_link(link, "net:["); }

} // namespace socktally
