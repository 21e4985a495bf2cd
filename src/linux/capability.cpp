// SPDX-License-Identifier: MIT
#include "linux/capability.hpp"

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

bool is_in_first_user_namespace()
{
    constexpr ino_t first_namespace = 0xEFFFFFFD; // PROC_USER_INIT_INO
    struct stat own {};
    return ::stat("/proc/self/ns/user", &own) != 0 || own.st_ino == first_namespace;
}

std::string_view file_capabilities_obstacle()
{
    const auto has = [](int capability) { return has_capability(capability); };
    if (!is_in_first_user_namespace() && std::all_of(used_by_backends.begin(), used_by_backends.end(), has)) {
        return "the capabilities of a user namespace count for nothing outside of it: run socktally outside of the "
               "container";
    }
    if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) {
        return "no_new_privs is set here, so that capabilities of files have no effect: run it outside of the sandbox "
               "that sets it";
    }
    // One that is not in the bounding set makes execve() of the file fail as a whole.
    const auto is_unbound = [](int capability) { return ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) != 1; };
    if (std::any_of(used_by_backends.begin(), used_by_backends.end(), is_unbound)) {
        return "the bounding set here lacks capabilities that it takes: run it outside of the container that takes "
               "them "
               "away";
    }
    struct statvfs place {};
    if (::statvfs("/proc/self/exe", &place) == 0 && (place.f_flag & ST_NOSUID) != 0) {
        return "the program lies in a file system that is mounted nosuid, so that its capabilities have no effect: put "
               "it elsewhere";
    }
    return {};
}

} // namespace socktally
