// SPDX-License-Identifier: MIT
#include "sys/capability.hpp"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

namespace socktally {

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

} // namespace socktally
