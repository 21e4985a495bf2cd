// SPDX-License-Identifier: MIT
// BPF programs: those that the kernel has, and small ones of the tests.
#pragma once

#include "fd.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
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

/// A hook of a control group that gives datagrams of one port another one, as load balancers do:
/// BPF_CGROUP_UDP4_SENDMSG that of where they go, BPF_CGROUP_UDP4_RECVMSG that of where they came from. As long as the
/// result lives.
inline Fd rewrite_port(const std::string& group, bpf_attach_type hook, std::uint16_t from, std::uint16_t to,
                       std::uint32_t flags = 0)
{
    constexpr std::int16_t port = offsetof(bpf_sock_addr, user_port);
    const std::array code{
        bpf_insn{BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1, port, 0},
        bpf_insn{BPF_JMP | BPF_JNE | BPF_K, BPF_REG_2, 0, 2, htons(from)},
        bpf_insn{BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, htons(to)},
        bpf_insn{BPF_STX | BPF_MEM | BPF_W, BPF_REG_1, BPF_REG_3, port, 0},
        bpf_insn{BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1},
        bpf_insn{BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
    };
    bpf_attr load{};
    load.prog_type = BPF_PROG_TYPE_CGROUP_SOCK_ADDR;
    load.expected_attach_type = hook;
    load.insns = reinterpret_cast<std::uintptr_t>(code.data());
    load.insn_cnt = code.size();
    load.license = reinterpret_cast<std::uintptr_t>("MIT");
    const Fd program(static_cast<int>(must(::syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load), "load a program")));
    const Fd directory(must(::open(group.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open a control group"));
    bpf_attr link{};
    link.link_create.prog_fd = static_cast<std::uint32_t>(program.get());
    link.link_create.target_fd = static_cast<std::uint32_t>(directory.get());
    link.link_create.attach_type = hook;
    link.link_create.flags = flags;
    return Fd(static_cast<int>(::syscall(SYS_bpf, BPF_LINK_CREATE, &link, sizeof link)));
}

} // namespace truth
