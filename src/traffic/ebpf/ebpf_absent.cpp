// SPDX-License-Identifier: MIT
// Stands in for ebpf_backend.cpp in a build without libbpf.
#include "traffic/ebpf/ebpf_backend.hpp"

namespace socktally {

OpenResult open_ebpf(const BackendOptions&)
{
    return Unavailable{"this socktally was built without it",
                       "build with libbpf, clang and bpftool (meson setup -Debpf=enabled)"};
}

} // namespace socktally
