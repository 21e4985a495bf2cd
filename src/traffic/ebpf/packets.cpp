// SPDX-License-Identifier: MIT
#include "traffic/ebpf/packets.hpp"

#include "linux/bpf_rows.hpp"
#include "traffic/ebpf/refusal.hpp"
#include "traffic/ebpf/tally_flows.hpp"
#include "util/number.hpp"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <packets.skel.h>

#include <map>
#include <utility>

namespace socktally {

namespace {

/// The most sockets with packets in one window. A socket takes about 200 bytes when it has its first packet. The hash
/// table also takes 16 bytes (a bucket) for each possible socket from the start.
constexpr std::uint32_t most_sockets = 131'072;

PacketCounts counts_of(const packets_socket& socket)
{
    return {socket.rx_packets, socket.tx_packets, socket.flow.rx_bytes, socket.flow.tx_bytes};
}

/// Returns whether the packets of this protocol can be counted by socket. AF_PACKET frames pass none of the hooks. The
/// hooks count packets of MPTCP for subflows, which have other cookies than the MPTCP socket.
bool is_counted(Protocol protocol) { return protocol != Protocol::packet && protocol != Protocol::mptcp; }

class Join {
public:
    Join(Sample& sample, const PacketSockets& sockets, Unlisted unlisted)
        : sample_(sample), sockets_(sockets), unlisted_(unlisted)
    {
        for (const Flow& flow : sample.flows) {
            const auto [users, is_new] = users_.try_emplace(flow.cookie.value, Users{0, flow.attribution});
            ++users->second.flows;
            if (flow.attribution.process != users->second.attribution.process) {
                users->second.attribution = unattributed;
            }
        }
        for (std::uint32_t index = 0; index < sample.processes.size(); ++index) {
            const Process& process = sample.processes[index];
            processes_.emplace(std::pair(process.pid, process.start_time), index);
        }
    }

    PacketCounts of(const Flow& flow) const
    {
        constexpr PacketCounts none{0, 0, 0, 0};
        constexpr PacketCounts unknown{};
        if (flow.cookie.value == 0 || !is_counted(flow.tuple.protocol)) {
            return unknown;
        }
        const auto socket = sockets_.find(flow.cookie.value);
        if (socket == sockets_.end()) {
            return unlisted_ == Unlisted::none ? none : unknown;
        }
        return users(flow.cookie.value) == 1 ? counts_of(socket->second) : unknown;
    }

    std::size_t users(std::uint64_t cookie) const
    {
        const auto found = users_.find(cookie);
        return found == users_.end() ? 0 : found->second.flows;
    }

    void add(std::uint64_t cookie, const packets_socket& socket)
    {
        const bool is_used = users(cookie) != 0;
        Flow flow;
        flow.tuple = tuple_of(socket.flow);
        flow.cookie = Cookie{cookie};
        flow.netns = Inode{socket.flow.netns};
        flow.uid = Uid{socket.flow.uid};
        flow.rx_bytes = 0;
        flow.tx_bytes = 0;
        flow.packets = counts_of(socket);
        flow.sockets = is_used ? 0 : 1; // a socket that has users is counted in their flows
        flow.attribution = is_used ? users_.at(cookie).attribution : unattributed;
        if (!is_used && socket.holder_start_ns != 0 && socket.is_shared == 0) {
            flow.attribution = {holder_of(socket), Cause::none, Quality::owner};
        }
        sample_.flows.push_back(flow);
    }

private:
    static constexpr Attribution unattributed{std::nullopt, Cause::unknown, Quality::unknown};
    /// The flows of one socket in the sample: one for each pair of a process and a remote end.
    struct Users {
        std::size_t flows;
        Attribution attribution; // of all flows of the socket; unattributed if they differ
    };

    std::uint32_t holder_of(const packets_socket& socket)
    {
        Process holder = process_of(static_cast<std::int32_t>(socket.holder_tgid), socket.holder_start_ns,
                                    socket.holder_uid, socket.holder_name);
        const auto next = static_cast<std::uint32_t>(sample_.processes.size());
        const auto [known, is_new] = processes_.try_emplace(std::pair(holder.pid, holder.start_time), next);
        if (is_new) {
            sample_.processes.push_back(std::move(holder));
        }
        return known->second;
    }

    Sample& sample_;
    const PacketSockets& sockets_;
    Unlisted unlisted_;
    std::unordered_map<std::uint64_t, Users> users_; // by cookie
    std::map<std::pair<Pid, StartTime>, std::uint32_t> processes_;
};

} // namespace

std::size_t join_packets(Sample& sample, const PacketSockets& sockets, Unlisted unlisted)
{
    Join join(sample, sockets, unlisted);
    for (Flow& flow : sample.flows) {
        flow.packets = join.of(flow);
    }
    std::size_t shared = 0;
    for (const auto& [cookie, socket] : sockets) {
        const std::size_t users = join.users(cookie);
        shared += users > 1 ? 1 : 0;
        if (users != 1) {
            join.add(cookie, socket);
        }
    }
    return shared;
}

void Packets::Destroy::operator()(packets_bpf* skeleton) const { packets_bpf__destroy(skeleton); }
void Packets::Destroy::operator()(bpf_link* link) const { bpf_link__destroy(link); }

std::optional<Unavailable> Packets::load()
{
    auto opened = open_cgroup_root();
    if (auto* refusal = std::get_if<Unavailable>(&opened)) {
        return std::move(*refusal);
    }
    auto& root = std::get<CgroupRoot>(opened);
    cgroup_ = std::move(root.directory);
    sees_all_ = root.sees_all;
    skeleton_.reset(packets_bpf__open());
    if (!skeleton_) {
        return cgroup_refusal("cannot open the BPF programs that count packets", errno);
    }
    const std::uint32_t buffers = windows_ == Tally::Windows::many ? TALLY_BUFFERS : 1;
    bpf_map__set_max_entries(skeleton_->maps.sockets, buffers * most_sockets);
    if (const int error = -packets_bpf__load(skeleton_.get()); error != 0) {
        return cgroup_refusal("the kernel rejected the BPF programs that count packets", error);
    }
    return std::nullopt;
}

void Packets::start()
{
    if (refusal_) {
        return;
    }
    const std::array programs{skeleton_->progs.packet_comes, skeleton_->progs.packet_goes};
    for (std::size_t index = 0; index < programs.size(); ++index) {
        links_.at(index).reset(bpf_program__attach_cgroup(programs.at(index), cgroup_.get()));
        if (!links_.at(index)) {
            const int error = errno;
            links_ = {};
            refusal_ = cgroup_refusal("cannot attach the BPF programs that count packets to the control groups", error);
            return;
        }
    }
}

void Packets::end_window()
{
    if (windows_ == Tally::Windows::one) {
        links_ = {};
    } else if (!refusal_) {
        skeleton_->data->epoch = epoch_ + 1;
    }
}

void Packets::forget_window()
{
    if (refusal_) {
        return;
    }
    const int map = bpf_map__fd(skeleton_->maps.sockets);
    for (const auto& key : keys_of<packets_key>(map)) {
        if (key.epoch == epoch_) {
            bpf_map_delete_elem(map, &key);
        }
    }
    skeleton_->bss->packets_dropped[epoch_ % TALLY_BUFFERS] = 0;
    ++epoch_;
}

void Packets::note_holders()
{
    skeleton_->data->holders_epoch = epoch_;
    const Link link(bpf_program__attach_iter(skeleton_->progs.note_holders, nullptr));
    if (link) {
        run_iterator(bpf_link__fd(link.get()));
    }
}

PacketSockets Packets::sockets()
{
    if (!own_pid_namespace()) { // null: our pid namespace is the initial one, so /proc shows the kernel's ids
        note_holders();
    }
    PacketSockets result;
    const int map = bpf_map__fd(skeleton_->maps.sockets);
    for (const auto& key : keys_of<packets_key>(map)) {
        packets_socket socket{};
        if (key.epoch == epoch_ && bpf_map_lookup_elem(map, &key, &socket) == 0) {
            result.emplace(key.cookie, socket);
        }
    }
    return result;
}

void Packets::add_to(Sample& sample)
{
    if (refusal_) {
        sample.notes.push_back({NoteCode::no_packets, "packets are not counted: " + refusal_->why, refusal_->remedy});
        return;
    }
    const std::uint64_t dropped = skeleton_->bss->packets_dropped[epoch_ % TALLY_BUFFERS];
    const bool is_all = sees_all_ && dropped == 0;
    const std::size_t shared = join_packets(sample, sockets(), is_all ? Unlisted::none : Unlisted::unknown);
    if (shared > 0) {
        sample.notes.push_back({NoteCode::shared_packets,
                                fmt::format("packets of {} are in [unknown] (several processes) or without a remote "
                                            "address (several peers)",
                                            plural(shared, "shared socket"))});
    }
    if (!sees_all_) {
        sample.notes.emplace_back(NoteCode::packets_partly);
    }
    if (dropped > 0) {
        sample.notes.push_back({NoteCode::packets_dropped, fmt::format("too many sockets had packets: {} not counted",
                                                                       plural(dropped, "packet was", "packets were"))});
    }
}

} // namespace socktally
