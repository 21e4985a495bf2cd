// SPDX-License-Identifier: MIT
#include "traffic/ebpf/bpf_refusal.hpp"

#include "linux/capability.hpp"

#include <fmt/format.h>
#include <linux/capability.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace socktally {

Unavailable bpf_refusal(int error, Unavailable otherwise)
{
    const std::string reason = std::generic_category().message(error);
    if (error == EPERM && !is_in_first_user_namespace()) {
        return {fmt::format("BPF programs are forbidden in a user namespace: {}", reason),
                "run socktally outside of the container"};
    }
    if ((error == EPERM || error == EACCES) && !(has_capability(CAP_BPF) && has_capability(CAP_PERFMON)) &&
        !has_capability(CAP_SYS_ADMIN)) {
        return {fmt::format("BPF programs are forbidden here: {}", reason), std::string(setcap_remedy)};
    }
    if (::access("/sys/kernel/btf/vmlinux", R_OK) != 0) {
        return {"the kernel has no type information (BTF)", "a kernel with CONFIG_DEBUG_INFO_BTF"};
    }
    if (error == ENOSYS) {
        return {"the kernel has no BPF", "a kernel with CONFIG_BPF_SYSCALL"};
    }
    return otherwise;
}

} // namespace socktally
