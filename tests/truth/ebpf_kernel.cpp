// SPDX-License-Identifier: MIT
// What the kernel moves by itself. Its one user of sockets that needs no module and no server: a sockmap, whose BPF
// program has the kernel pass on what comes in on one connection to another; a kernel thread sends it.
#include "exact.hpp"

#include <linux/bpf.h>
#include <sys/syscall.h>

#include <array>
#include <span>

using namespace truth;

namespace {

int bpf(bpf_cmd command, bpf_attr& attributes)
{
    return static_cast<int>(::syscall(SYS_bpf, command, &attributes, sizeof attributes));
}

/// Connections by number. Nothing is passed on until a program is attached.
Fd make_sockmap()
{
    bpf_attr attributes{};
    attributes.map_type = BPF_MAP_TYPE_SOCKMAP;
    attributes.key_size = sizeof(std::uint32_t);
    attributes.value_size = sizeof(int);
    attributes.max_entries = 2;
    return Fd(bpf(BPF_MAP_CREATE, attributes));
}

void attach(const Fd& map, std::span<const bpf_insn> program, bpf_attach_type type)
{
    bpf_attr load{};
    load.prog_type = BPF_PROG_TYPE_SK_SKB;
    load.insns = reinterpret_cast<std::uintptr_t>(program.data());
    load.insn_cnt = static_cast<std::uint32_t>(program.size());
    load.license = reinterpret_cast<std::uintptr_t>("Dual MIT/GPL");
    const Fd loaded(must(bpf(BPF_PROG_LOAD, load), "load a program for a sockmap"));
    bpf_attr attachment{};
    attachment.target_fd = static_cast<std::uint32_t>(map.get());
    attachment.attach_bpf_fd = static_cast<std::uint32_t>(loaded.get());
    attachment.attach_type = type;
    must(bpf(BPF_PROG_ATTACH, attachment), "attach a program to a sockmap");
}

/// return skb->len: what comes is a message by itself.
void attach_parser(const Fd& map)
{
    const std::array program{
        bpf_insn{
            .code = BPF_LDX | BPF_W | BPF_MEM, .dst_reg = 0, .src_reg = 1, .off = offsetof(__sk_buff, len), .imm = 0},
        bpf_insn{.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
    };
    attach(map, program, BPF_SK_SKB_STREAM_PARSER);
}

/// return bpf_sk_redirect_map(skb, map, 0, 0): everything goes out by connection 0.
void attach_verdict(const Fd& map)
{
    const std::array program{
        bpf_insn{
            .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = 2, .src_reg = BPF_PSEUDO_MAP_FD, .off = 0, .imm = map.get()},
        bpf_insn{},
        bpf_insn{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 3, .src_reg = 0, .off = 0, .imm = 0},
        bpf_insn{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 4, .src_reg = 0, .off = 0, .imm = 0},
        bpf_insn{.code = BPF_JMP | BPF_CALL, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = BPF_FUNC_sk_redirect_map},
        bpf_insn{.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
    };
    attach(map, program, BPF_SK_SKB_STREAM_VERDICT);
}

void put(const Fd& map, std::uint32_t number, int connection)
{
    bpf_attr attributes{};
    attributes.map_fd = static_cast<std::uint32_t>(map.get());
    attributes.key = reinterpret_cast<std::uintptr_t>(&number);
    attributes.value = reinterpret_cast<std::uintptr_t>(&connection);
    must(bpf(BPF_MAP_UPDATE_ELEM, attributes), "put a connection into a sockmap");
}

constexpr std::size_t bytes = 700'000;

/// "t-client" to the kernel to "t-sink"; "t-proxy" holds the two connections and never calls send or recv.
Measured relay(bool with_parser)
{
    const At in{"127.0.0.1", 7001};
    const At out{"127.0.0.1", 7002};
    Stage stage;
    stage.start("t-sink", [=](Self& self) {
        const int fd = self.accept(self.listen(out));
        self.step();
        self.receive(fd, bytes);
    });
    stage.start("t-proxy", [=](Self& self) {
        const int incoming = self.accept(self.listen(in));
        const int outgoing = self.connect(out);
        const Fd map = make_sockmap();
        if (with_parser) {
            attach_parser(map);
        }
        attach_verdict(map);
        put(map, 0, outgoing);
        put(map, 1, incoming);
        for (;;) {
            self.step();
        }
    });
    stage.start("t-client", [=](Self& self) {
        const int fd = self.connect(in);
        self.step();
        self.send(fd, bytes);
    });
    return stage.measure();
}

/// Of kernel threads, and of what the kernel did in nobody's context.
Figures moved_by_kernel(const Report& report)
{
    Figures sum;
    const auto add = [&](const Row& row) {
        sum.rx_bytes += row.rx_bytes.value_or(0);
        sum.tx_bytes += row.tx_bytes.value_or(0);
    };
    for (const Row& row : report.others) {
        if (row.process.starts_with("kworker/")) {
            add(row);
            ++sum.processes;
        }
    }
    for (const Row& row : report.rows) {
        if (row.process == "[kernel]") {
            add(row);
        }
    }
    return sum;
}

} // namespace

TEST_CASE("exact: what a kernel thread sends has a row of its own" * doctest::test_suite("alone"))
{
    TRUTH_EXACT_ONLY();
    if (make_sockmap().get() < 0) {
        TRUTH_SKIP("this kernel has no sockmap");
    }
    bool with_parser = false;
    SUBCASE("passed on as it comes") {}
    SUBCASE("passed on in messages") { with_parser = true; }
    const Measured measured = relay(with_parser);
    INFO(describe(measured.report));
    CHECK(measured.report.complete);
    for (const Row& row : measured.report.rows) {
        CHECK(row.rx_bytes == (row.process == "t-sink" ? bytes : row.process == "[kernel]" ? row.rx_bytes : 0U));
        CHECK(row.tx_bytes == (row.process == "t-client" ? bytes : 0U));
    }
    const Figures kernel = moved_by_kernel(measured.report);
    CHECK(kernel.tx_bytes == bytes);
    CHECK(kernel.processes >= 1);
    CHECK(kernel.rx_bytes == bytes);
}
