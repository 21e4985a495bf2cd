// SPDX-License-Identifier: MIT
// Turns an error of a system call into an exception. For example, the message of `errno_error("cannot open \"/proc\"")`
// is `cannot open "/proc": Permission denied`.
#pragma once

#include <cerrno>
#include <string>
#include <system_error>

namespace socktally {

inline std::system_error errno_error(const std::string& message, int error = errno)
{
    return {error, std::generic_category(), message};
}

} // namespace socktally
