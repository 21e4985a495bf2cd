// SPDX-License-Identifier: MIT
#include "identity/cgroup_tree.hpp"

#include "sys/file.hpp"
#include "sys/proc.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace socktally {

namespace {

/// mountinfo writes blanks, tabs, newlines and backslashes as three octal digits.
std::string unescape_octal(std::string_view text)
{
    const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
    std::string result;
    while (!text.empty()) {
        if (text[0] == '\\' && text.size() >= 4 && std::all_of(text.begin() + 1, text.begin() + 4, is_octal)) {
            result += static_cast<char>((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0'));
            text.remove_prefix(4);
        } else {
            result += text[0];
            text.remove_prefix(1);
        }
    }
    return result;
}

} // namespace

/// A line: id, parent, device, root, mount point, options, optional fields, "-", type, source, options (proc(5)).
std::optional<std::string> find_cgroup2(std::string_view mountinfo)
{
    while (!mountinfo.empty()) {
        std::string_view line = next_line(mountinfo);
        for (int field = 0; field < 4; ++field) {
            next_word(line);
        }
        const std::string_view mount_point = next_word(line);
        const auto separator = line.find(" - ");
        if (separator == line.npos) {
            continue;
        }
        line.remove_prefix(separator + 3);
        if (next_word(line) == "cgroup2") {
            return unescape_octal(mount_point);
        }
    }
    return std::nullopt;
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
