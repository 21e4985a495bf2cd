// SPDX-License-Identifier: MIT
#include "backend/ebpf/packets.hpp"

#include "backend/ebpf/bpf_process.hpp"
#include "backend/ebpf/map_keys.hpp"
#include "backend/ebpf/read_rows.hpp"
#include "sys/capability.hpp"
#include "sys/cgroup2.hpp"
#include "sys/file.hpp"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <packets.skel.h>
#include <sys/vfs.h>

#include <optional>
#include <string>
#include <system_error>

namespace socktally {

namespace {

/// In one window. About 200 bytes each when they come, and 16 bytes a bucket from the start.
constexpr std::uint32_t most_sockets = 131'072;

std::optional<Cgroup2Mount> own_cgroup2()
{
    constexpr std::size_t limit = 16U << 20U;
    std::string buffer;
    const auto text = read_file(AT_FDCWD, "/proc/self/mountinfo", buffer, limit);
    return text ? find_cgroup2(*text) : std::nullopt;
}

/// Something else may be mounted over it.
bool is_cgroup2(const Fd& directory)
{
    struct statfs status {};
    return directory && ::fstatfs(directory.get(), &status) == 0 && status.f_type == CGROUP2_SUPER_MAGIC;
}

Unavailable refusal(std::string_view what, int error)
{
    Unavailable result{fmt::format("{}: {}", what, std::generic_category().message(error)), ""};
    if (error != EPERM && error != EACCES) {
        result.remedy = "a kernel with CONFIG_CGROUP_BPF";
    } else if (!has_capability(CAP_NET_ADMIN)) {
        result.remedy = setcap_remedy;
    } else { // one that was attached without leave for others
        result.remedy = "bpftool cgroup tree: a program is in the way";
    }
    return result;
}

} // namespace

void Packets::Destroy::operator()(packets_bpf* skeleton) const { packets_bpf__destroy(skeleton); }
void Packets::Destroy::operator()(bpf_link* link) const { bpf_link__destroy(link); }

std::variant<Packets, Unavailable> Packets::load(Tally::Windows windows)
{
    const auto mount = own_cgroup2();
    Fd cgroup(mount ? ::open(mount->path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1);
    if (!is_cgroup2(cgroup)) {
        return Unavailable{"version 2 of the control groups is not mounted here",
                           "mount -t cgroup2 none /sys/fs/cgroup/unified"};
    }
    Skeleton skeleton(packets_bpf__open());
    if (!skeleton) {
        return refusal("the packet programs cannot be read", errno);
    }
    const std::uint32_t halves = windows == Tally::Windows::many ? TALLY_HALVES : 1;
    bpf_map__set_max_entries(skeleton->maps.sockets, halves * most_sockets);
    if (const int error = -packets_bpf__load(skeleton.get()); error != 0) {
        return refusal("the kernel does not take the packet programs", error);
    }
    return Packets(std::move(skeleton), std::move(cgroup), mount->is_whole && is_in_first_cgroup_namespace(), windows);
}

std::optional<Unavailable> Packets::start()
{
    const std::array programs{skeleton_->progs.packet_comes, skeleton_->progs.packet_goes};
    for (std::size_t index = 0; index < programs.size(); ++index) {
        links_.at(index).reset(bpf_program__attach_cgroup(programs.at(index), cgroup_.get()));
        if (!links_.at(index)) {
            const int error = errno;
            links_ = {};
            return refusal("the packet programs cannot be attached to the control groups", error);
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
