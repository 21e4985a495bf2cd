// SPDX-License-Identifier: MIT
// Where version 2 of the control groups is mounted, wherever a distribution puts it. The text is hostile: a mount point
// has any name.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace socktally {

struct Cgroup2Mount {
    std::string path;
    bool is_whole = false; // shows the tree from its root on, as far as this cgroup namespace does
};

/// From the text of /proc/self/mountinfo (proc_pid_mountinfo(5)); a whole one if there is any, null where there is
/// none.
std::optional<Cgroup2Mount> find_cgroup2(std::string_view mountinfo);

/// Whether this process sees the tree from its real root on, or from a container's.
bool is_in_first_cgroup_namespace();

} // namespace socktally
