// SPDX-License-Identifier: MIT
// From the id of a cgroup of version 2 to its path: the id is the inode of its directory. For processes that
// are over, and for sockets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

namespace socktally {

class CgroupTree {
public:
    /// `mount` is where version 2 is mounted; null: nowhere, and no id is known.
    explicit CgroupTree(std::optional<std::string> mount) : mount_(std::move(mount)) {}

    /// Adds the cgroups that there are now. Those of before stay known. Ends at a million.
    void walk();
    bool knows(std::uint64_t id) const { return paths_.contains(id); }
    /// "/system.slice/nginx.service"; null where no walk has met it.
    std::optional<std::string> path(std::uint64_t id) const;

private:
    std::optional<std::string> mount_;
    std::unordered_map<std::uint64_t, std::string> paths_;
};

} // namespace socktally
