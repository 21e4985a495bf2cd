// SPDX-License-Identifier: MIT
// The packet programs, loaded: what they count on the whole machine, per socket. Which process moves the packets is not
// known here.
#pragma once

#include "backend/backend.hpp"
#include "backend/ebpf/join_packets.hpp"
#include "sys/fd.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

struct bpf_link;
struct packets_bpf;

namespace socktally {

class Packets {
public:
    static std::variant<Packets, Unavailable> load();

    /// From here on every packet counts. An Unavailable where the kernel refuses to attach.
    std::optional<Unavailable> start();
    /// From here on none does.
    void stop();

    /// All that had packets, and who holds them by now, where that can be seen.
    PacketSockets sockets();
    /// Packets of sockets that found no room in the map.
    std::uint64_t dropped() const;
    /// False where only a part of the control groups is in sight: packets of the others are not seen.
    bool sees_all() const { return sees_all_; }

private:
    struct Destroy {
        void operator()(packets_bpf* skeleton) const;
        void operator()(bpf_link* link) const;
    };
    using Skeleton = std::unique_ptr<packets_bpf, Destroy>;
    using Link = std::unique_ptr<bpf_link, Destroy>;
    Packets(Skeleton skeleton, Fd cgroup, bool sees_all)
        : skeleton_(std::move(skeleton)), cgroup_(std::move(cgroup)), sees_all_(sees_all)
    {
    }
    void note_holders();

    Skeleton skeleton_;
    Fd cgroup_;
    bool sees_all_;
    std::array<Link, 2> links_;
};

} // namespace socktally
