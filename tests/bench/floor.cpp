// SPDX-License-Identifier: MIT
// Attaches a program that does nothing to the tracepoints that the ebpf backend counts at, until a signal ends it: the
// least that anything costs which listens there.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <unistd.h>

#include <array>
#include <cstdio>

namespace {

/// False where the kernel refuses. The descriptors stay open as long as the process lives.
bool attach_nothing_to(const char* tracepoint)
{
    constexpr std::array<bpf_insn, 2> return_zero{bpf_insn{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0},
                                                  bpf_insn{BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
    const int type = libbpf_find_vmlinux_btf_id(tracepoint, BPF_TRACE_RAW_TP);
    bpf_prog_load_opts options{};
    options.sz = sizeof options;
    options.expected_attach_type = BPF_TRACE_RAW_TP;
    options.attach_btf_id = static_cast<__u32>(type);
    const int program =
        bpf_prog_load(BPF_PROG_TYPE_TRACING, nullptr, "Dual MIT/GPL", return_zero.data(), return_zero.size(), &options);
    return type > 0 && program >= 0 && bpf_raw_tracepoint_open(nullptr, program) >= 0;
}

} // namespace

int main()
{
    for (const char* tracepoint : {"sock_send_length", "sock_recv_length", "tcp_rcv_space_adjust"}) {
        if (!attach_nothing_to(tracepoint)) {
            std::perror(tracepoint);
            return 1;
        }
    }
    ::pause();
}
