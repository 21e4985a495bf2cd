// SPDX-License-Identifier: MIT
// Errors of system calls as exceptions. `throw errno_error("cannot open \"/proc\"")` gives `cannot open "/proc":
// Permission denied`.
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
