// SPDX-License-Identifier: MIT
#include "traffic/ebpf/refusal.hpp"

#include "linux/privileges.hpp"
#include "processes/cgroup_tree.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <system_error>

namespace socktally {

namespace {

/// Returns whether the directory is in a cgroup2 file system. Another file system may be mounted over it.
bool is_cgroup2(const Fd& directory)
{
    struct statfs status {};
    return directory && ::fstatfs(directory.get(), &status) == 0 && status.f_type == CGROUP2_SUPER_MAGIC;
}

std::string message_of(int error)
{
    constexpr int kernel_enotsupp = 524; // ENOTSUPP, which user space has no name for
    return std::generic_category().message(error == kernel_enotsupp ? EOPNOTSUPP : error);
}

} // namespace

Unavailable bpf_refusal(int error, Unavailable otherwise)
{
    const std::string reason = std::generic_category().message(error);
    if (error == EPERM && is_in_first(NamespaceKind::user) == false) {
        return {fmt::format("the kernel does not allow BPF programs in a user namespace: {}", reason),
                "run socktally outside the container"};
    }
    if ((error == EPERM || error == EACCES) && !(has_capability(CAP_BPF) && has_capability(CAP_PERFMON)) &&
        !has_capability(CAP_SYS_ADMIN)) {
        return {"no permission to load BPF programs", std::string(privilege_remedy)};
    }
    if (::access("/sys/kernel/btf/vmlinux", R_OK) != 0) {
        return {"the kernel has no type information (BTF)", "use a kernel with CONFIG_DEBUG_INFO_BTF"};
    }
    if (error == ENOSYS) {
        return {"the kernel has no BPF", "use a kernel with CONFIG_BPF_SYSCALL"};
    }
    return otherwise;
}

Unavailable cgroup_refusal(std::string_view what, int error)
{
    Unavailable result{fmt::format("{}: {}", what, std::generic_category().message(error)), ""};
    if (error != EPERM && error != EACCES) {
        result.remedy = "use a kernel with CONFIG_CGROUP_BPF";
    } else if (!has_capability(CAP_NET_ADMIN)) {
        result.remedy = privilege_remedy;
    } else { // another attached program allows no program beside it
        result.remedy = "another BPF program is in the way: find it with bpftool cgroup tree";
    }
    return result;
}

std::variant<CgroupRoot, Unavailable> open_cgroup_root()
{
    const auto mount = read_cgroup2_mount(AT_FDCWD, "/proc/self/mountinfo");
    Fd directory(mount ? ::open(mount->path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1);
    if (!is_cgroup2(directory)) {
        return Unavailable{"cgroup v2 is not mounted", "mount -t cgroup2 none /sys/fs/cgroup/unified"};
    }
    return CgroupRoot{std::move(directory), mount->is_whole && is_in_first(NamespaceKind::cgroup).value_or(false)};
}

Lockdown parse_lockdown(std::string_view text)
{
    return text.find('[') == text.npos || text.find("[none]") != text.npos ? Lockdown::none : Lockdown::active;
}

std::string why_refused(const Variant& variant, int error, Lockdown lockdown)
{
    switch (error) {
    case ESRCH: // the kernel's BTF lacks a function that the variant needs
        return fmt::format("the kernel has no {}", variant.needs);
    case EPERM:
        return lockdown == Lockdown::active ? "kernel lockdown does not allow these BPF programs"
                                            : "the kernel does not allow these BPF programs: " + message_of(error);
    default: return "the kernel rejected the programs: " + message_of(error);
    }
}

std::string describe_refusals(std::span<const RefusedVariant> refused)
{
    std::string text;
    for (const RefusedVariant& one : refused) {
        text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", one.name, one.why);
    }
    return text;
}

std::string describe_choice(std::string_view chosen, std::span<const RefusedVariant> refused)
{
    std::string text = fmt::format("uses {}", chosen);
    if (!refused.empty()) {
        text += "; " + describe_refusals(refused);
    }
    const auto at =
        std::find_if(variants.begin(), variants.end(), [&](const Variant& one) { return one.name == chosen; });
    for (auto rest = at == variants.end() ? at : at + 1; rest != variants.end(); ++rest) {
        text += fmt::format("; {} is not needed", rest->name);
    }
    return text;
}

} // namespace socktally
