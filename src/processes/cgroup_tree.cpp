// SPDX-License-Identifier: MIT
#include "processes/cgroup_tree.hpp"

#include "linux/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <utility>
#include <vector>

namespace socktally {

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
