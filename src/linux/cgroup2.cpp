// SPDX-License-Identifier: MIT
#include "linux/cgroup2.hpp"

#include "linux/proc.hpp"

#include <sys/stat.h>

#include <algorithm>

namespace socktally {

namespace {

/// Blanks, tabs, newlines and backslashes are written as three octal digits.
std::string unescape_octal(std::string_view text)
{
    const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
    std::string result;
    while (!text.empty()) {
        const bool is_escape = text[0] == '\\' && text.size() >= 4 && text[1] <= '3' &&
                               std::all_of(text.begin() + 1, text.begin() + 4, is_octal);
        result +=
            is_escape ? static_cast<char>((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0')) : text[0];
        text.remove_prefix(is_escape ? 4 : 1);
    }
    return result;
}

/// A line: id, parent, device, root, mount point, options, optional fields, "-", type, source, options.
std::optional<Cgroup2Mount> parse_line(std::string_view line)
{
    for (int field = 0; field < 3; ++field) {
        next_word(line);
    }
    const std::string_view root = next_word(line);
    const std::string_view point = next_word(line);
    const auto separator = line.find(" - ");
    if (separator == std::string_view::npos) {
        return std::nullopt;
    }
    line.remove_prefix(separator + 3);
    return next_word(line) == "cgroup2" ? std::optional(Cgroup2Mount{unescape_octal(point), root == "/"})
                                        : std::nullopt;
}

} // namespace

std::optional<Cgroup2Mount> find_cgroup2(std::string_view mountinfo)
{
    std::optional<Cgroup2Mount> found;
    while (!mountinfo.empty()) {
        auto mount = parse_line(next_line(mountinfo));
        if (mount && (!found || (mount->is_whole && !found->is_whole))) {
            found = std::move(mount);
        }
    }
    return found;
}

bool is_in_first_cgroup_namespace()
{
    constexpr ino_t first_namespace = 0xEFFFFFFB; // PROC_CGROUP_INIT_INO
    struct stat own {};
    return ::stat("/proc/self/ns/cgroup", &own) == 0 && own.st_ino == first_namespace;
}

} // namespace socktally
