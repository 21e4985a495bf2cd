// SPDX-License-Identifier: MIT
// Replaces all code that needs libbpf in a build without it.
#include "owners/fd_table.hpp"
#include "traffic/backend.hpp"

namespace socktally {

OpenResult open_ebpf(const BackendOptions&)
{
    return Unavailable{"this socktally was built without it",
                       "build with libbpf, clang and bpftool (meson setup -Debpf=enabled)"};
}

std::optional<std::unordered_map<std::int32_t, FdTable>> read_socket_files() { return std::nullopt; }

bool can_read_socket_files() { return false; }

} // namespace socktally
