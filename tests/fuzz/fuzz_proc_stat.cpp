// SPDX-License-Identifier: MIT
// /proc/PID/stat, schedstat and the links of descriptors.
#include "fuzz.hpp"
#include "linux/proc.hpp"

using namespace socktally;

FUZZ_DRIVER(proc_stat)
{
    const std::string_view text = as_text(input);
    if (const auto stat = parse_proc_stat(text)) {
        require(stat->name.data() >= text.data() && stat->name.data() + stat->name.size() < text.data() + text.size());
        require(text[text.find('(') + 1 + stat->name.size()] == ')');
    }
    parse_sched_stat(text);
    if (const auto inode = parse_socket_link(text)) {
        require(text.starts_with("socket:[") && text.ends_with("]"));
    }
}
