// SPDX-License-Identifier: MIT
#include "linux/privileges.hpp"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace socktally {

namespace {

constexpr std::array used_by_backends{CAP_BPF,     CAP_PERFMON,         CAP_NET_ADMIN,
                                      CAP_NET_RAW, CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE};

} // namespace

bool has_capability(int capability)
{
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
    if (::syscall(SYS_capget, &header, data.data()) != 0) {
        return false;
    }
    const auto bit = static_cast<unsigned>(capability);
    return (data[bit / 32].effective >> (bit % 32) & 1U) != 0;
}

std::optional<bool> is_in_first(NamespaceKind kind)
{
    struct Kind {
        const char* path;
        ino_t first; // inode of the initial namespace, such as PROC_USER_INIT_INO
    };
    constexpr std::array<Kind, 3> kinds{
        {{"/proc/self/ns/user", 0xEFFFFFFD}, {"/proc/self/ns/cgroup", 0xEFFFFFFB}, {"/proc/self/ns/time", 0xEFFFFFFA}}};
    const Kind& wanted = kinds.at(static_cast<std::size_t>(kind));
    struct stat own {};
    return ::stat(wanted.path, &own) == 0 ? std::optional(own.st_ino == wanted.first) : std::nullopt;
}

std::string_view file_capabilities_obstacle()
{
    const auto has = [](int capability) { return has_capability(capability); };
    if (is_in_first(NamespaceKind::user) == false &&
        std::all_of(used_by_backends.begin(), used_by_backends.end(), has)) {
        return "capabilities of a user namespace have no effect outside it: run socktally outside the container";
    }
    if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) {
        return "no_new_privs disables file capabilities here: run socktally outside the sandbox that sets it";
    }
    // execve(2) of a file fails if the file has a capability that is not in the bounding set.
    const auto is_unbound = [](int capability) { return ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) != 1; };
    if (std::any_of(used_by_backends.begin(), used_by_backends.end(), is_unbound)) {
        return "the container's bounding set lacks capabilities: run socktally outside the container";
    }
    struct statvfs place {};
    if (::statvfs("/proc/self/exe", &place) == 0 && (place.f_flag & ST_NOSUID) != 0) {
        return "the program is in a file system mounted nosuid, which disables file capabilities: move it elsewhere";
    }
    return {};
}

} // namespace socktally
