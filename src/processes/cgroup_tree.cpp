// SPDX-License-Identifier: MIT
#include "processes/cgroup_tree.hpp"

#include "linux/file.hpp"
#include "linux/proc.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace socktally {

namespace {

/// Replaces each backslash with three octal digits by the byte that the digits stand for. The kernel writes blanks,
/// tabs, newlines and backslashes in this way.
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

/// Parses a line of mountinfo. Its fields are id, parent, device, root, mount point, options, optional fields, "-",
/// type, source and options.
std::optional<Cgroup2Mount> parse_mount(std::string_view line)
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
        auto mount = parse_mount(next_line(mountinfo));
        if (mount && (!found || (mount->is_whole && !found->is_whole))) {
            found = std::move(mount);
        }
    }
    return found;
}

std::optional<Cgroup2Mount> read_cgroup2_mount(int directory, const char* mountinfo)
{
    constexpr std::size_t limit = 16 << 20; // in bytes; a host of containers has thousands of mounts
    std::string buffer;
    const auto text = read_file(directory, mountinfo, buffer, limit);
    return text ? find_cgroup2(*text) : std::nullopt;
}

void CgroupTree::walk()
{
    constexpr std::size_t most = 1'000'000;
    struct stat root {};
    if (!mount_ || ::stat(mount_->c_str(), &root) != 0) {
        return;
    }
    paths_.insert_or_assign(root.st_ino, "/");
    std::vector<std::string> unread{""};
    while (!unread.empty() && paths_.size() < most) {
        const std::string path = std::move(unread.back());
        unread.pop_back();
        const Directory directory = open_directory(AT_FDCWD, (*mount_ + path).c_str());
        while (const dirent* entry = directory ? ::readdir(directory.get()) : nullptr) {
            if (entry->d_type != DT_DIR || std::string_view(entry->d_name) == "." ||
                std::string_view(entry->d_name) == "..") {
                continue;
            }
            unread.push_back(path + '/' + entry->d_name);
            paths_.insert_or_assign(entry->d_ino, unread.back());
        }
    }
}

std::optional<std::string> CgroupTree::path(std::uint64_t id) const
{
    const auto found = paths_.find(id);
    return found == paths_.end() ? std::nullopt : std::optional(found->second);
}

} // namespace socktally
