// SPDX-License-Identifier: MIT
#include "linux/proc.hpp"

#include <algorithm>
#include <charconv>

namespace socktally {

std::optional<std::uint64_t> parse_number(std::string_view text)
{
    std::uint64_t value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stop != end) {
        return std::nullopt;
    }
    return value;
}

std::optional<std::uint16_t> parse_port(std::string_view text)
{
    const auto number = parse_number(text);
    return number && *number > 0 && *number <= UINT16_MAX ? std::optional(static_cast<std::uint16_t>(*number))
                                                          : std::nullopt;
}

std::optional<std::int32_t> parse_pid(std::string_view name)
{
    const auto number = parse_number(name);
    return number && *number > 0 && *number <= INT32_MAX ? std::optional(static_cast<std::int32_t>(*number))
                                                         : std::nullopt;
}

std::string_view next_word(std::string_view& text)
{
    text.remove_prefix(std::min(text.find_first_not_of(" \t\n"), text.size()));
    const std::string_view word = text.substr(0, text.find_first_of(" \t\n"));
    text.remove_prefix(word.size());
    return word;
}

std::string_view next_line(std::string_view& text)
{
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    return line;
}

std::optional<ProcStat> parse_proc_stat(std::string_view text)
{
    constexpr int parent_field = 4;
    constexpr int flags_field = 9;
    constexpr std::uint64_t exiting_flag = 4; // PF_EXITING
    constexpr int threads_field = 20;
    constexpr int start_field = 22;
    constexpr int stack_field = 28;
    const std::size_t open = text.find('(');
    const std::size_t close = text.rfind(')');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
        return std::nullopt;
    }
    ProcStat stat;
    stat.name = text.substr(open + 1, close - open - 1);
    text.remove_prefix(close + 1);
    for (int field = 3; field <= start_field; ++field) {
        const std::string_view word = next_word(text);
        if (field != parent_field && field != flags_field && field != threads_field && field != start_field) {
            continue;
        }
        const auto value = parse_number(word);
        if (!value) {
            return std::nullopt;
        }
        if (field == parent_field) {
            stat.parent = static_cast<std::uint32_t>(*value);
        } else if (field == flags_field) {
            stat.is_exiting = (*value & exiting_flag) != 0;
        } else if (field == threads_field) {
            stat.threads = static_cast<std::uint32_t>(*value);
        } else {
            stat.start_ticks = *value;
        }
    }
    for (int field = start_field + 1; field < stack_field; ++field) {
        next_word(text);
    }
    stat.stack_start = parse_number(next_word(text)).value_or(0);
    return stat;
}

std::optional<SchedStat> parse_sched_stat(std::string_view text)
{
    const auto run = parse_number(next_word(text));
    next_word(text); // time spent waiting for a CPU
    const auto slices = parse_number(next_word(text));
    return run && slices && *slices != 0 ? std::optional(SchedStat{*run, *slices}) : std::nullopt;
}

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

std::optional<std::uint64_t> parse_socket_link(std::string_view target) { return parse_link(target, "socket:["); }

std::optional<std::uint64_t> parse_netns_link(std::string_view target) { return parse_link(target, "net:["); }

} // namespace socktally
