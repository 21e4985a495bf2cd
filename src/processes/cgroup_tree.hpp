// SPDX-License-Identifier: MIT
// The tree of cgroups (version 2): its mount point, and the path of each cgroup by its id. The id is the inode of the
// cgroup's directory. So the path can be found if only the id is known, for example for a socket, or for a process that
// has ended. Mount points may have any name, because users of the machine choose them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace socktally {

struct Cgroup2Mount {
    std::string path;
    bool is_whole = false; // true: the mount shows all cgroups of this cgroup namespace
};

/// Parses /proc/self/mountinfo (proc_pid_mountinfo(5)). Returns the first mount of version 2 that shows the whole tree.
/// If there is none, returns any mount of version 2. Returns null if version 2 is not mounted.
std::optional<Cgroup2Mount> find_cgroup2(std::string_view mountinfo);
/// Reads and parses the file `mountinfo` below `directory`, such as "self/mountinfo" below /proc.
std::optional<Cgroup2Mount> read_cgroup2_mount(int directory, const char* mountinfo);

class CgroupTree {
public:
    /// `mount` is the mount point of version 2. If it is null, the tree knows no cgroup.
    explicit CgroupTree(std::optional<std::string> mount) : mount_(std::move(mount)) {}

    /// Reads the cgroups that exist now, up to a million in total. Keeps the cgroups that earlier walks have read.
    void walk();
    bool knows(std::uint64_t id) const { return paths_.contains(id); }
    /// Returns the path of a cgroup, such as "/system.slice/nginx.service"; null if no walk has read the cgroup.
    std::optional<std::string> path(std::uint64_t id) const;

private:
    std::optional<std::string> mount_;
    std::unordered_map<std::uint64_t, std::string> paths_;
};

} // namespace socktally
