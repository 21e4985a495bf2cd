// SPDX-License-Identifier: MIT
// The table of backends, best first.
#include "traffic/backend.hpp"
#include "traffic/ebpf/ebpf_backend.hpp"

#include <array>

namespace socktally {

namespace {

constexpr std::array backend_table{
    BackendEntry{"ebpf", "BPF programs in the socket layer", open_ebpf, "cap_bpf,cap_perfmon,cap_net_admin", 40},
    BackendEntry{"netlink", "sock_diag dumps and destroy events", open_netlink,
                 "cap_net_admin,cap_net_raw,cap_dac_read_search,cap_sys_ptrace", 32},
    BackendEntry{"packet", "packets on the network interfaces", open_packet,
                 "cap_net_raw,cap_dac_read_search,cap_sys_ptrace", 24},
    BackendEntry{"procfs", "the lists of sockets in /proc/net, which know no bytes", open_procfs,
                 "cap_dac_read_search,cap_sys_ptrace", 16},
};

} // namespace

std::span<const BackendEntry> backends() { return backend_table; }

} // namespace socktally
