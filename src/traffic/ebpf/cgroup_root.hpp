// SPDX-License-Identifier: MIT
// The control group that BPF programs for sockets and packets are attached to: the uppermost one in sight.
#pragma once

#include "linux/fd.hpp"
#include "traffic/backend.hpp"

#include <string_view>
#include <variant>

namespace socktally {

struct CgroupRoot {
    Fd directory;
    bool sees_all = false; // the root of the machine: programs attached here run for every socket
};

std::variant<CgroupRoot, Unavailable> open_cgroup_root();

/// Why the kernel refused to load or attach a program for control groups. `what` was refused, `error` is the errno.
Unavailable cgroup_refusal(std::string_view what, int error);

} // namespace socktally
