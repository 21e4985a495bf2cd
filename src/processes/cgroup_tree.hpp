// SPDX-License-Identifier: MIT
// The tree of cgroups of version 2: its mount point, and the path of each cgroup by its id, which is the inode of its
// directory. Gives the cgroups of sockets and of processes that have ended. The list of mounts is hostile: a mount
// point may have any name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace socktally {

struct Cgroup2Mount {
    std::string path;
    bool is_whole = false; // the mount shows the tree from the root of this cgroup namespace
};

/// Parses /proc/self/mountinfo (proc_pid_mountinfo(5)). Returns a whole mount if there is one, else any mount of
/// version 2, else null.
std::optional<Cgroup2Mount> find_cgroup2(std::string_view mountinfo);
/// Reads and parses the file `mountinfo` below `directory`: "/proc/self/mountinfo".
std::optional<Cgroup2Mount> read_cgroup2_mount(int directory, const char* mountinfo);

class CgroupTree {
public:
    /// `mount` is the mount point of version 2. If it is null, no id is known.
    explicit CgroupTree(std::optional<std::string> mount) : mount_(std::move(mount)) {}

    /// Adds the cgroups that exist now, up to a million. Earlier ones stay known.
    void walk();
    bool knows(std::uint64_t id) const { return paths_.contains(id); }
    /// Returns "/system.slice/nginx.service"; null if no walk has seen the cgroup.
    std::optional<std::string> path(std::uint64_t id) const;

private:
    std::optional<std::string> mount_;
    std::unordered_map<std::uint64_t, std::string> paths_;
};

} // namespace socktally
