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

std::shared_ptr<const SocketFiles> SocketFiles::load() { return nullptr; }

std::optional<std::unordered_map<std::int32_t, FdTable>> SocketFiles::read() const { return std::nullopt; }

} // namespace socktally
