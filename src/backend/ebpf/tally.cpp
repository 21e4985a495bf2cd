// SPDX-License-Identifier: MIT
#include "backend/ebpf/tally.hpp"

#include "backend/ebpf/bpf_process.hpp"
#include "backend/ebpf/bpf_refusal.hpp"
#include "backend/ebpf/variants.hpp"
#include "sys/capability.hpp"
#include "sys/error.hpp"
#include "sys/fd.hpp"
#include "sys/file.hpp"
#include "sys/netns.hpp"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <tally.skel.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <span>
#include <string>
#include <thread>

namespace socktally {

namespace {

/// A cell has 128 bytes and is there from the start: 2 MiB. A process entry takes about 80 bytes when it comes.
constexpr std::uint32_t most_processes = 16'384;
/// About 150 bytes each when they come, and 16 bytes a bucket from the start.
constexpr std::uint32_t most_flows = 131'072;

int say_nothing(libbpf_print_level, const char*, va_list) { return 0; }

/// Process ids are wanted as /proc shows them here.
void choose_pid_namespace(tally_bpf& skeleton)
{
    if (const auto own = own_pid_namespace()) {
        skeleton.rodata->pid_namespace_device = own->st_dev;
        skeleton.rodata->pid_namespace_inode = own->st_ino;
    }
}

/// The function is part of the kernel proper: one of a module would not be found.
bool has_target(const bpf_program* program)
{
    const std::string_view section = bpf_program__section_name(program);
    const std::string function(section.substr(section.find('/') + 1));
    return libbpf_find_vmlinux_btf_id(function.c_str(), BPF_TRACE_FEXIT) > 0;
}

void choose_programs(tally_bpf& skeleton, const Variant& variant)
{
    bpf_program__set_autoload(skeleton.progs.sock_sends, variant.tracepoints);
    bpf_program__set_autoload(skeleton.progs.sock_receives, variant.tracepoints);
    const auto& programs = skeleton.progs;
    for (bpf_program* program :
         {programs.inet_sendmsg_returns, programs.inet6_sendmsg_returns, programs.inet_recvmsg_returns,
          programs.inet6_recvmsg_returns, programs.sock_common_recvmsg_returns}) {
        bpf_program__set_autoload(program, !variant.tracepoints);
    }
    // Linux 6.5 has no sendpage any more, and AF_PACKET can be left out of a kernel.
    for (bpf_program* program :
         {programs.inet_sendpage_returns, programs.inject_returns, programs.inject_spkt_returns}) {
        bpf_program__set_autoload(program, !variant.tracepoints && has_target(program));
    }
    bpf_program__set_autoattach(skeleton.progs.note_existing, false);
}

Lockdown read_lockdown()
{
    constexpr std::size_t limit = 100;
    std::string buffer;
    return parse_lockdown(read_file(AT_FDCWD, "/sys/kernel/security/lockdown", buffer, limit).value_or(""));
}

/// Some kernels load fexit programs that they cannot attach: those of arm64 before Linux 6.4. The errno, or 0.
int try_attaching(const bpf_program* program)
{
    bpf_link* const link = bpf_program__attach(program);
    const int error = link == nullptr ? errno : 0;
    bpf_link__destroy(link);
    return error;
}

Unavailable refusal(int error, std::span<const RefusedVariant> refused)
{
    return bpf_refusal(error, {fmt::format("no variant of the BPF programs loads: {}", describe_refusals(refused)),
                               "Linux 6.3 or later, or 5.12 or later with CONFIG_FUNCTION_TRACER and no lockdown"});
}

} // namespace

void Tally::Destroy::operator()(tally_bpf* skeleton) const { tally_bpf__destroy(skeleton); }

std::variant<Tally, Unavailable> Tally::load(Detail detail)
{
    libbpf_set_print(say_nothing); // the reason is put into words below
    std::vector<RefusedVariant> refused;
    int error = 0;
    for (const Variant& variant : variants) {
        Skeleton skeleton(tally_bpf__open());
        if (!skeleton) {
            return refusal(errno, refused);
        }
        skeleton->rodata->per_socket = detail != Detail::processes ? 1 : 0;
        skeleton->rodata->per_tuple = detail == Detail::tuples ? 1 : 0;
        skeleton->rodata->cell_count = most_processes;
        skeleton->rodata->has_casts = variant.tracepoints ? 1 : 0; // they came later
        bpf_map__set_max_entries(skeleton->maps.cells, most_processes);
        bpf_map__set_max_entries(skeleton->maps.processes, most_processes);
        bpf_map__set_max_entries(skeleton->maps.flows, detail != Detail::processes ? most_flows : 1);
        choose_programs(*skeleton, variant);
        choose_pid_namespace(*skeleton);
        error = -tally_bpf__load(skeleton.get());
        if (error == 0 && !variant.tracepoints) {
            error = try_attaching(skeleton->progs.inet_recvmsg_returns);
        }
        if (error == 0) {
            return Tally(std::move(skeleton), describe_choice(variant.name, refused));
        }
        refused.push_back({variant.name, why_refused(variant, error, read_lockdown())});
        if (error == EPERM && !has_capability(CAP_BPF) && !has_capability(CAP_SYS_ADMIN)) {
            break;
        }
    }
    return refusal(error, refused);
}

namespace {

/// The iterator shows the TCP sockets of the network namespace in which it is made.
void run_iterator(const bpf_link* link)
{
    const Fd iterator(bpf_iter_create(bpf_link__fd(link)));
    std::array<char, 64> nothing{};
    ssize_t got = iterator ? 1 : -1;
    while (got > 0 || (got < 0 && iterator && errno == EAGAIN)) { // EAGAIN: it has gone through a million sockets
        got = ::read(iterator.get(), nothing.data(), nothing.size());
    }
}

} // namespace

void Tally::start()
{
    if (const int error = -tally_bpf__attach(skeleton_.get()); error != 0) {
        throw errno_error("cannot attach the BPF programs", error);
    }
    note_existing_connections();
    skeleton_->bss->active = 1;
}

/// The programs are attached already: a connection that begins now is known to have begun with nothing read.
void Tally::note_existing_connections()
{
    bpf_link* link = bpf_program__attach_iter(skeleton_->progs.note_existing, nullptr);
    if (link == nullptr) {
        throw errno_error("cannot list the TCP sockets through BPF");
    }
    namespaces_refused_ = in_each(network_namespaces(), [&](const NetworkNamespace&) { run_iterator(link); });
    bpf_link__destroy(link);
}

void Tally::stop()
{
    constexpr auto for_those_under_way = std::chrono::milliseconds(1);
    skeleton_->bss->active = 0;
    std::this_thread::sleep_for(for_those_under_way);
}

std::vector<std::pair<std::uint32_t, tally_cell>> Tally::cells() const
{
    std::vector<std::pair<std::uint32_t, tally_cell>> result;
    const std::uint32_t end = std::min(skeleton_->data->next_cell, most_processes);
    for (std::uint32_t index = TALLY_OVERFLOW_CELL; index < end; ++index) {
        tally_cell cell{};
        if (bpf_map_lookup_elem(bpf_map__fd(skeleton_->maps.cells), &index, &cell) == 0) {
            result.emplace_back(index, cell);
        }
    }
    return result;
}

std::vector<std::pair<tally_flow_key, tally_flow>> Tally::flows() const
{
    std::vector<std::pair<tally_flow_key, tally_flow>> result;
    const int map = bpf_map__fd(skeleton_->maps.flows);
    std::optional<tally_flow_key> previous;
    tally_flow_key key{};
    while (bpf_map_get_next_key(map, previous ? &*previous : nullptr, &key) == 0) {
        tally_flow flow{};
        if (bpf_map_lookup_elem(map, &key, &flow) == 0) {
            result.emplace_back(key, flow);
        }
        previous = key;
    }
    return result;
}

std::size_t Tally::strange_namespaces() const { return skeleton_->bss->strangers != 0 ? namespaces_refused_ : 0; }

std::uint64_t Tally::unclaimed() const { return skeleton_->bss->unclaimed; }

bool Tally::had_no_room() const { return skeleton_->bss->unnoted != 0; }

std::uint64_t Tally::flows_dropped() const { return skeleton_->bss->flows_dropped; }

} // namespace socktally
