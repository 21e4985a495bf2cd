// SPDX-License-Identifier: MIT
// The tree of cgroups of version 2: where it is mounted, and the path of each cgroup by its id, which is the inode of
// its directory. For processes that are over, and for sockets. The text of mounts is hostile: a mount point has any
// name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace socktally {

struct Cgroup2Mount {
    std::string path;
    bool is_whole = false; // shows the tree from its root on, as far as this cgroup namespace does
};

/// Reads the text of /proc/self/mountinfo (proc_pid_mountinfo(5)). Returns a whole mount if there is one; null if there
/// is no mount.
std::optional<Cgroup2Mount> find_cgroup2(std::string_view mountinfo);
/// The same of a file below `directory`, "/proc/self/mountinfo".
std::optional<Cgroup2Mount> read_cgroup2_mount(int directory, const char* mountinfo);

class CgroupTree {
public:
    /// `mount` is where version 2 is mounted; null: nowhere, and no id is known.
    explicit CgroupTree(std::optional<std::string> mount) : mount_(std::move(mount)) {}

    /// Adds the cgroups that there are now. Earlier ones stay known. Ends at a million.
    void walk();
    bool knows(std::uint64_t id) const { return paths_.contains(id); }
    /// "/system.slice/nginx.service"; null if no walk has met it.
    std::optional<std::string> path(std::uint64_t id) const;

private:
    std::optional<std::string> mount_;
    std::unordered_map<std::uint64_t, std::string> paths_;
};

} // namespace socktally
