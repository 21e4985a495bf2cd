// SPDX-License-Identifier: MIT
#include "traffic/ebpf/cgroup_root.hpp"

#include "linux/capability.hpp"
#include "linux/cgroup2.hpp"
#include "linux/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <cerrno>
#include <optional>
#include <string>
#include <system_error>

namespace socktally {

namespace {

std::optional<Cgroup2Mount> own_cgroup2()
{
    constexpr std::size_t limit = 16U << 20U;
    std::string buffer;
    const auto text = read_file(AT_FDCWD, "/proc/self/mountinfo", buffer, limit);
    return text ? find_cgroup2(*text) : std::nullopt;
}

/// Something else may be mounted over it.
bool is_cgroup2(const Fd& directory)
{
    struct statfs status {};
    return directory && ::fstatfs(directory.get(), &status) == 0 && status.f_type == CGROUP2_SUPER_MAGIC;
}

} // namespace

Unavailable cgroup_refusal(std::string_view what, int error)
{
    Unavailable result{fmt::format("{}: {}", what, std::generic_category().message(error)), ""};
    if (error != EPERM && error != EACCES) {
        result.remedy = "a kernel with CONFIG_CGROUP_BPF";
    } else if (!has_capability(CAP_NET_ADMIN)) {
        result.remedy = setcap_remedy;
    } else { // one that was attached without leave for others
        result.remedy = "bpftool cgroup tree: a program is in the way";
    }
    return result;
}

std::variant<CgroupRoot, Unavailable> open_cgroup_root()
{
    const auto mount = own_cgroup2();
    Fd directory(mount ? ::open(mount->path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1);
    if (!is_cgroup2(directory)) {
        return Unavailable{"version 2 of the control groups is not mounted here",
                           "mount -t cgroup2 none /sys/fs/cgroup/unified"};
    }
    return CgroupRoot{std::move(directory), mount->is_whole && is_in_first_cgroup_namespace()};
}

} // namespace socktally
