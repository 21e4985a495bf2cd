// SPDX-License-Identifier: MIT
#include "traffic/ebpf/packets.hpp"

#include "linux/bpf_rows.hpp"
#include "owners/bpf_process.hpp"
#include "traffic/ebpf/cgroup_root.hpp"
#include "traffic/ebpf/map_keys.hpp"

#include <bpf/bpf.h>
#include <packets.skel.h>

#include <optional>

namespace socktally {

namespace {

/// In one window. About 200 bytes each when they come, and 16 bytes a bucket from the start.
constexpr std::uint32_t most_sockets = 131'072;

} // namespace

void Packets::Destroy::operator()(packets_bpf* skeleton) const { packets_bpf__destroy(skeleton); }
void Packets::Destroy::operator()(bpf_link* link) const { bpf_link__destroy(link); }

std::variant<Packets, Unavailable> Packets::load(Tally::Windows windows)
{
    auto opened = open_cgroup_root();
    if (auto* refusal = std::get_if<Unavailable>(&opened)) {
        return std::move(*refusal);
    }
    auto& root = std::get<CgroupRoot>(opened);
    Skeleton skeleton(packets_bpf__open());
    if (!skeleton) {
        return cgroup_refusal("the packet programs cannot be read", errno);
    }
    const std::uint32_t halves = windows == Tally::Windows::many ? TALLY_HALVES : 1;
    bpf_map__set_max_entries(skeleton->maps.sockets, halves * most_sockets);
    if (const int error = -packets_bpf__load(skeleton.get()); error != 0) {
        return cgroup_refusal("the kernel does not take the packet programs", error);
    }
    return Packets(std::move(skeleton), std::move(root.directory), root.sees_all, windows);
}

std::optional<Unavailable> Packets::start()
{
    const std::array programs{skeleton_->progs.packet_comes, skeleton_->progs.packet_goes};
    for (std::size_t index = 0; index < programs.size(); ++index) {
        links_.at(index).reset(bpf_program__attach_cgroup(programs.at(index), cgroup_.get()));
        if (!links_.at(index)) {
            const int error = errno;
            links_ = {};
            return cgroup_refusal("the packet programs cannot be attached to the control groups", error);
        }
    }
    return std::nullopt;
}

void Packets::end_window()
{
    if (windows_ == Tally::Windows::one) {
        links_ = {};
        return;
    }
    skeleton_->data->epoch = epoch_ + 1;
}

void Packets::forget_window()
{
    const int map = bpf_map__fd(skeleton_->maps.sockets);
    for (const auto& key : keys_of<packets_key>(map)) {
        if (key.epoch == epoch_) {
            bpf_map_delete_elem(map, &key);
        }
    }
    skeleton_->bss->packets_dropped[epoch_ % TALLY_HALVES] = 0;
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
    if (!own_pid_namespace()) { // the kernel would give other numbers than /proc here
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

std::uint64_t Packets::dropped() const { return skeleton_->bss->packets_dropped[epoch_ % TALLY_HALVES]; }

} // namespace socktally
