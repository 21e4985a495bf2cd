// SPDX-License-Identifier: MIT
#include "traffic/ebpf/peers.hpp"

#include "traffic/ebpf/refusal.hpp"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <peers.skel.h>

#include <cerrno>
#include <memory>
#include <utility>

namespace socktally {

namespace {

constexpr std::array types{BPF_CGROUP_UDP4_SENDMSG, BPF_CGROUP_UDP6_SENDMSG, BPF_CGROUP_UDP4_RECVMSG,
                           BPF_CGROUP_UDP6_RECVMSG, BPF_CGROUP_INET_EGRESS};

bool is_receive(bpf_attach_type type) { return type == BPF_CGROUP_UDP4_RECVMSG || type == BPF_CGROUP_UDP6_RECVMSG; }

/// Attaches a hook, so that it sees the address on the wire. BPF programs of others may rewrite the destination before
/// a datagram is sent, or the source before the receiver sees it. So our hooks of receives run before all others (this
/// needs Linux 6.15), and our hooks of sends run after those of descendant cgroups.
Fd attach(int program, int cgroup, bpf_attach_type type)
{
    constexpr std::uint32_t first = 1U << 6U; // BPF_F_PREORDER
    if (is_receive(type)) {
        LIBBPF_OPTS(bpf_link_create_opts, options, .flags = first);
        if (Fd link(::bpf_link_create(program, cgroup, type, &options)); link) {
            return link;
        }
    }
    return Fd(::bpf_link_create(program, cgroup, type, nullptr));
}

} // namespace

Peers::Peers(Tally::PeerMaps maps) : refusal_(load(maps)) {}

std::optional<Unavailable> Peers::load(Tally::PeerMaps maps)
{
    auto opened = open_cgroup_root();
    if (auto* refusal = std::get_if<Unavailable>(&opened)) {
        return std::move(*refusal);
    }
    root_ = std::move(std::get<CgroupRoot>(opened).directory);
    sees_all_ = std::get<CgroupRoot>(opened).sees_all;
    const std::unique_ptr<peers_bpf, void (*)(peers_bpf*)> skeleton(peers_bpf__open(), peers_bpf__destroy);
    if (!skeleton) {
        return cgroup_refusal("cannot open the BPF programs that see peers", errno);
    }
    int error = -bpf_map__reuse_fd(skeleton->maps.peers, maps.peers);
    error = error == 0 ? -bpf_map__reuse_fd(skeleton->maps.raw_peers, maps.raw_peers) : error;
    error = error == 0 ? -peers_bpf__load(skeleton.get()) : error;
    if (error != 0) {
        return cgroup_refusal("the kernel rejected the BPF programs that see peers", error);
    }
    const auto& loaded = skeleton->progs;
    const std::array order{loaded.datagram_goes4, loaded.datagram_goes6, loaded.datagram_comes4, loaded.datagram_comes6,
                           loaded.datagram_leaves};
    for (std::size_t index = 0; index < count; ++index) {
        programs_.at(index) = Fd(::fcntl(bpf_program__fd(order.at(index)), F_DUPFD_CLOEXEC, 0));
    }
    return std::nullopt;
}

void Peers::attach()
{
    for (std::size_t index = 0; !refusal_ && index < count; ++index) {
        links_.at(index) = socktally::attach(programs_.at(index).get(), root_.get(), types.at(index));
        if (!links_.at(index)) {
            refusal_ = cgroup_refusal("cannot attach the BPF programs that see peers to the control groups", errno);
        }
    }
    if (refusal_) {
        links_ = {};
    }
}

std::optional<Note> Peers::note() const
{
    if (refusal_) {
        return Note{NoteCode::no_peers, "the peers of unconnected UDP sockets are unknown: " + refusal_->why,
                    refusal_->remedy};
    }
    if (!sees_all_) {
        return Note{
            NoteCode::no_peers,
            "some control groups are not visible here: the peers of unconnected UDP sockets in them are unknown",
            "run socktally outside the container"};
    }
    return std::nullopt;
}

} // namespace socktally
