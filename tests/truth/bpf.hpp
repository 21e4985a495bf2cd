// SPDX-License-Identifier: MIT
// What the kernel has of BPF programs.
#pragma once

#include "fd.hpp"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace truth {

/// How many programs there are whose names begin like this.
inline std::size_t programs_called(const char* prefix)
{
    std::size_t count = 0;
    bpf_attr next{};
    while (::syscall(SYS_bpf, BPF_PROG_GET_NEXT_ID, &next, sizeof next) == 0) {
        next.start_id = next.next_id;
        bpf_attr open{};
        open.prog_id = next.next_id;
        const Fd program(static_cast<int>(::syscall(SYS_bpf, BPF_PROG_GET_FD_BY_ID, &open, sizeof open)));
        bpf_prog_info about{};
        bpf_attr ask{};
        ask.info.bpf_fd = static_cast<std::uint32_t>(program.get());
        ask.info.info_len = sizeof about;
        ask.info.info = reinterpret_cast<std::uintptr_t>(&about);
        const bool known = program.get() >= 0 && ::syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &ask, sizeof ask) == 0;
        count += known && std::string(about.name).starts_with(prefix) ? 1 : 0;
    }
    return count;
}

} // namespace truth
