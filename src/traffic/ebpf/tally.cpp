// SPDX-License-Identifier: MIT
#include "traffic/ebpf/tally.hpp"

#include "linux/bpf_rows.hpp"
#include "linux/error.hpp"
#include "linux/file.hpp"
#include "linux/netns.hpp"
#include "linux/privileges.hpp"
#include "linux/proc.hpp"
#include "processes/process_tree.hpp"
#include "sockets/proc_net.hpp"
#include "traffic/ebpf/refusal.hpp"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <tally.skel.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <span>
#include <string>
#include <utility>

namespace socktally {

namespace {

/// The most processes that can have counters in one window. The kernel allocates the counters of all of them at the
/// start: 128 bytes each, 2 MiB in total. A process takes about 80 bytes more when it moves its first byte.
constexpr std::uint32_t most_processes = 16'384;
/// The most flows in one window. A flow takes about 150 bytes when it moves its first byte. The hash table also takes
/// 16 bytes (a bucket) for each possible flow from the start.
constexpr std::uint32_t most_flows = 131'072;
/// The most threads that can send or receive a datagram at the same time. The kernel allocates about 100 bytes for each
/// at the start.
constexpr std::uint32_t most_threads = 16'384;

int say_nothing(libbpf_print_level, const char*, va_list) { return 0; }

/// Makes the programs report process ids of our own pid namespace, as in /proc.
void choose_pid_namespace(tally_bpf& skeleton)
{
    if (const auto own = own_pid_namespace()) {
        skeleton.rodata->pid_namespace_device = own->st_dev;
        skeleton.rodata->pid_namespace_inode = own->st_ino;
    }
}

/// Returns whether the kernel has the function to which the program attaches. Functions of modules are not found.
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
    // Linux 6.5 removed sendpage, and some kernels are built without AF_PACKET.
    for (bpf_program* program :
         {programs.inet_sendpage_returns, programs.inject_returns, programs.inject_spkt_returns}) {
        bpf_program__set_autoload(program, !variant.tracepoints && has_target(program));
    }
    bpf_program__set_autoattach(skeleton.progs.note_existing, false);
    bpf_program__set_autoattach(skeleton.progs.write_connections, false);
    bpf_program__set_autoload(skeleton.progs.write_connections, skeleton.rodata->keeps_facts != 0);
    bpf_program__set_autoload(skeleton.progs.message_is_read, skeleton.rodata->per_peer != 0);
    bpf_program__set_autoload(skeleton.progs.process_forks, skeleton.rodata->has_trees != 0);
    bpf_map__set_autocreate(skeleton.maps.marks, skeleton.rodata->has_trees != 0);
}

Lockdown read_lockdown()
{
    constexpr std::size_t limit = 100;
    std::string buffer;
    return parse_lockdown(read_file(AT_FDCWD, "/sys/kernel/security/lockdown", buffer, limit).value_or(""));
}

/// Runs the iterator `program` over the TCP sockets of each network namespace. `take` gets each row that the iterator
/// writes. Returns the number of namespaces that could not be entered.
template <typename Row, typename Take>
std::size_t list_tcp(const bpf_program* program, const Take& take)
{
    bpf_link* link = bpf_program__attach_iter(program, nullptr);
    if (link == nullptr) {
        throw errno_error("cannot list the TCP sockets through BPF");
    }
    const std::size_t refused = in_each(network_namespaces(list_processes()), [&](const NetworkNamespace&) {
        if (TcpInUse().read() != 0U) {
            read_rows<Row>(bpf_link__fd(link), take);
        }
    });
    bpf_link__destroy(link);
    return refused;
}

/// Attaches the program and detaches it again. Some kernels load fexit programs that they cannot attach (arm64 before
/// Linux 6.4). Returns the errno, or 0.
int try_attaching(const bpf_program* program)
{
    bpf_link* const link = bpf_program__attach(program);
    const int error = link == nullptr ? errno : 0;
    bpf_link__destroy(link);
    return error;
}

Unavailable refusal(int error, std::span<const RefusedVariant> refused)
{
    return bpf_refusal(
        error, {fmt::format("the kernel rejected every variant of the BPF programs: {}", describe_refusals(refused)),
                "use Linux 6.3 or later, or 5.12 or later with CONFIG_FUNCTION_TRACER and without lockdown"});
}

Fd open_process(Pid pid, unsigned int flags = 0)
{
    return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid.value, flags)));
}

constexpr unsigned int pidfd_thread = O_EXCL; // PIDFD_THREAD of <linux/pidfd.h>, since Linux 6.9

std::uint64_t recursion_misses_of(const bpf_program* program)
{
    bpf_prog_info info{};
    std::uint32_t size = sizeof info;
    return bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) == 0 ? info.recursion_misses : 0;
}

} // namespace

void Tally::Destroy::operator()(tally_bpf* skeleton) const { tally_bpf__destroy(skeleton); }

std::variant<Tally, Unavailable> Tally::load(Detail detail, Windows windows, Trees trees, Facts facts)
{
    libbpf_set_print(say_nothing); // libbpf prints nothing, because refusal() explains its errors
    const std::uint32_t buffers = windows == Windows::many ? TALLY_BUFFERS : 1;
    std::vector<RefusedVariant> refused;
    int error = 0;
    for (const Variant& variant : variants) {
        Skeleton skeleton(tally_bpf__open());
        if (!skeleton) {
            return refusal(errno, refused);
        }
        skeleton->rodata->per_socket = detail != Detail::processes ? 1 : 0;
        skeleton->rodata->per_tuple = detail >= Detail::tuples ? 1 : 0;
        skeleton->rodata->per_peer = detail == Detail::peers ? 1 : 0;
        skeleton->rodata->has_trees = trees == Trees::watched ? 1 : 0;
        skeleton->rodata->keeps_facts = facts == Facts::kept ? 1 : 0;
        skeleton->rodata->process_limit = most_processes;
        skeleton->rodata->buffer_mask = buffers - 1;
        // Kernels with these tracepoints (6.3) also have bpf_rdonly_cast (6.2).
        skeleton->rodata->has_casts = variant.tracepoints ? 1 : 0;
        bpf_map__set_max_entries(skeleton->maps.process_counters, buffers * most_processes);
        bpf_map__set_max_entries(skeleton->maps.processes, buffers * most_processes);
        bpf_map__set_max_entries(skeleton->maps.flows, detail != Detail::processes ? buffers * most_flows : 1);
        bpf_map__set_max_entries(skeleton->maps.closed, facts == Facts::kept ? most_flows : 1);
        bpf_map__set_max_entries(skeleton->maps.peers, detail == Detail::peers ? most_threads : 1);
        choose_programs(*skeleton, variant);
        choose_pid_namespace(*skeleton);
        error = -tally_bpf__load(skeleton.get());
        if (error == 0 && !variant.tracepoints) {
            error = try_attaching(skeleton->progs.inet_recvmsg_returns);
        }
        if (error == 0) {
            return Tally(std::move(skeleton), describe_choice(variant.name, refused), windows);
        }
        refused.push_back({variant.name, why_refused(variant, error, read_lockdown())});
        if (error == EPERM && !has_capability(CAP_BPF) && !has_capability(CAP_SYS_ADMIN)) {
            break;
        }
    }
    return refusal(error, refused);
}

Tally::PeerMaps Tally::peer_maps() const
{
    return {bpf_map__fd(skeleton_->maps.peers), bpf_map__fd(skeleton_->maps.raw_peers)};
}

void Tally::attach()
{
    if (const int error = -tally_bpf__attach(skeleton_.get()); error != 0) {
        throw errno_error("cannot attach the BPF programs", error);
    }
    // The programs now see each connection that begins. The iterator note_existing() finds the connections that exist
    // already. It writes no rows.
    namespaces_refused_ = list_tcp<std::byte>(skeleton_->progs.note_existing, [](std::byte) {});
}

/// Marks all processes of the tree. A new process inherits the marks of its parent. If the parent is not marked yet,
/// the new process gets no mark. So this function reads /proc again until it finds no new process. If a thread calls
/// exec, it becomes the process and keeps its own marks. So each thread is marked too, if the kernel allows that.
void Tally::mark(ProcessTree& tree)
{
    const int map = bpf_map__fd(skeleton_->maps.marks);
    const Fd proc(::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const auto put = [map](const Fd& process, std::uint64_t trees) {
        const int fd = process.get();
        return bpf_map_update_elem(map, &fd, &trees, BPF_ANY) == 0;
    };
    std::set<Pid> marked;
    std::size_t before = 0;
    do {
        before = marked.size();
        tree.look();
        for (const auto& [pid, trees] : tree.members()) {
            const Fd process = open_process(pid);
            if (process && marked.insert(pid).second && !put(process, trees)) {
                throw errno_error("cannot mark a process for the BPF programs");
            }
            for (const std::int32_t thread : list_pids(proc.get(), fmt::format("{}/task", pid.value).c_str())) {
                const Fd opened = open_process(Pid{thread}, pidfd_thread);
                if (opened && marked.insert(Pid{thread}).second) {
                    put(opened, trees);
                }
            }
        }
    } while (marked.size() != before);
}

std::optional<std::uint64_t> Tally::trees_of(Pid pid) const
{
    const Fd process = open_process(pid);
    const int fd = process.get();
    std::uint64_t trees = 0;
    if (!process || (bpf_map_lookup_elem(bpf_map__fd(skeleton_->maps.marks), &fd, &trees) != 0 && errno != ENOENT)) {
        return std::nullopt;
    }
    return trees == 0 && has_lost_marks() ? std::nullopt : std::optional(trees);
}

bool Tally::has_lost_marks() const
{
    return skeleton_->bss->mark_lost != 0 || recursion_misses_of(skeleton_->progs.process_forks) != 0;
}

void Tally::start()
{
    misses_before_ = recursion_misses();
    skeleton_->bss->latest_epoch = epoch_;
    skeleton_->bss->epoch = epoch_;
}

void Tally::end_window()
{
    auto& shared = *skeleton_->bss;
    if (windows_ == Windows::one) {
        shared.epoch = 0;
    } else {
        shared.latest_epoch = epoch_ + 1;
        shared.epoch = epoch_ + 1;
    }
    const std::uint64_t misses = recursion_misses();
    missed_calls_ = misses - std::exchange(misses_before_, misses);
}

/// Returns how often the kernel has skipped a program that counts bytes. Four programs are left out, because a skipped
/// run of theirs loses no bytes: state_changes (tcp_consumes() then makes the sequence_note), process_ends (the name of
/// a process is read again), message_is_read (an address stays unknown) and process_forks (see has_lost_marks()).
std::uint64_t Tally::recursion_misses() const
{
    std::uint64_t misses = 0;
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, skeleton_->obj)
    {
        const auto& programs = skeleton_->progs;
        const bool counts = program != programs.state_changes && program != programs.process_ends &&
                            program != programs.message_is_read && program != programs.process_forks;
        misses += counts ? recursion_misses_of(program) : 0;
    }
    return misses;
}

std::uint32_t Tally::buffer() const { return windows_ == Windows::many ? epoch_ % TALLY_BUFFERS : 0; }

std::uint32_t Tally::slots_in_use() const { return std::min(skeleton_->data->next_slot[buffer()], most_processes); }

std::vector<std::pair<std::uint32_t, tally_counters>> Tally::counters() const
{
    std::vector<std::pair<std::uint32_t, tally_counters>> result;
    const std::uint32_t end = slots_in_use();
    for (std::uint32_t slot = TALLY_OVERFLOW_SLOT; slot < end; ++slot) {
        const std::uint32_t index = buffer() * most_processes + slot;
        tally_counters counters{};
        if (bpf_map_lookup_elem(bpf_map__fd(skeleton_->maps.process_counters), &index, &counters) == 0) {
            result.emplace_back(slot, counters);
        }
    }
    return result;
}

std::vector<std::pair<tally_flow_key, tally_flow>> Tally::flows() const
{
    std::vector<std::pair<tally_flow_key, tally_flow>> result;
    const int map = bpf_map__fd(skeleton_->maps.flows);
    for (tally_flow_key key : keys_of<tally_flow_key>(map)) {
        tally_flow flow{};
        if (key.slot / most_processes == buffer() && bpf_map_lookup_elem(map, &key, &flow) == 0) {
            key.slot %= most_processes;
            result.emplace_back(key, flow);
        }
    }
    return result;
}

std::vector<tally_connection> Tally::connections()
{
    std::vector<tally_connection> result = std::exchange(closed_, {});
    for (tally_connection& connection : result) {
        connection.retransmitted_bytes = 0; // the last call has returned these bytes
    }
    list_tcp<tally_connection>(skeleton_->progs.write_connections,
                               [&](const tally_connection& connection) { result.push_back(connection); });
    const int map = bpf_map__fd(skeleton_->maps.closed);
    for (const std::uint64_t cookie : keys_of<std::uint64_t>(map)) {
        tally_connection connection{};
        if (bpf_map_lookup_and_delete_elem(map, &cookie, &connection) == 0) {
            closed_.push_back(connection);
        }
    }
    result.insert(result.end(), closed_.begin(), closed_.end());
    return result;
}

void Tally::forget_window()
{
    const int flows = bpf_map__fd(skeleton_->maps.flows);
    for (const auto& key : keys_of<tally_flow_key>(flows)) {
        if (key.slot / most_processes == buffer()) {
            bpf_map_delete_elem(flows, &key);
        }
    }
    const int processes = bpf_map__fd(skeleton_->maps.processes);
    for (const auto& key : keys_of<tally_process>(processes)) {
        if (key.epoch == epoch_) {
            bpf_map_delete_elem(processes, &key);
        }
    }
    const std::uint32_t end = slots_in_use();
    for (std::uint32_t slot = TALLY_OVERFLOW_SLOT; slot < end; ++slot) {
        constexpr tally_counters empty{};
        const std::uint32_t index = buffer() * most_processes + slot;
        bpf_map_update_elem(bpf_map__fd(skeleton_->maps.process_counters), &index, &empty, BPF_ANY);
    }
    skeleton_->data->next_slot[buffer()] = TALLY_FIRST_SLOT;
    auto& shared = *skeleton_->bss;
    shared.flows_dropped[buffer()] = 0;
    shared.crowded_in[buffer()] = 0;
    shared.untracked_in[buffer()] = 0;
    shared.out_of_memory_in[buffer()] = 0;
    shared.unclaimed_in[buffer()] = 0;
    ++epoch_;
}

EbpfFaults Tally::faults()
{
    EbpfFaults faults;
    const auto& shared = *skeleton_->bss;
    faults.flows_dropped = shared.flows_dropped[buffer()];
    faults.crowded_sockets = shared.crowded_in[buffer()];
    const std::uint64_t dropped = shared.closed_dropped; // what is dropped from here on belongs to the next window
    faults.closed_dropped = dropped - std::exchange(closed_dropped_, dropped);
    faults.unreached_namespaces = shared.untracked_in[buffer()] != 0 ? namespaces_refused_ : 0;
    faults.unclaimed = shared.unclaimed_in[buffer()];
    faults.missed_calls = missed_calls_;
    faults.had_no_room = shared.out_of_memory_in[buffer()] != 0;
    return faults;
}

} // namespace socktally
