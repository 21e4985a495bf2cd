// SPDX-License-Identifier: MIT
// Replaces the code that needs libbpf, if socktally is built without libbpf.
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
