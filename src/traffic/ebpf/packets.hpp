// SPDX-License-Identifier: MIT
// The packet programs, loaded: what they count on the whole machine, per socket. Which process moves the packets is not
// known here.
#pragma once

#include "linux/fd.hpp"
#include "traffic/backend.hpp"
#include "traffic/ebpf/join_packets.hpp"
#include "traffic/ebpf/tally.hpp"

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
    /// `windows` as for the programs that count payload.
    static std::variant<Packets, Unavailable> load(Tally::Windows windows);

    /// From here on every packet counts. An Unavailable where the kernel refuses to attach.
    std::optional<Unavailable> start();
    /// From here on every packet counts for the next window; none does where there is but one. Programs under way may
    /// still count for the one that is over.
    void end_window();

    /// Of the window that is over: all that had packets, and who holds them by now, where that can be seen.
    PacketSockets sockets();
    /// Packets of sockets that found no room in the map.
    std::uint64_t dropped() const;
    /// Makes room for another window. Nothing may count for the one that is over any more.
    void forget_window();
    /// False where only a part of the control groups is in sight: packets of the others are not seen.
    bool sees_all() const { return sees_all_; }

private:
    struct Destroy {
        void operator()(packets_bpf* skeleton) const;
        void operator()(bpf_link* link) const;
    };
    using Skeleton = std::unique_ptr<packets_bpf, Destroy>;
    using Link = std::unique_ptr<bpf_link, Destroy>;
    Packets(Skeleton skeleton, Fd cgroup, bool sees_all, Tally::Windows windows)
        : skeleton_(std::move(skeleton)), cgroup_(std::move(cgroup)), sees_all_(sees_all), windows_(windows)
    {
    }
    void note_holders();

    Skeleton skeleton_;
    Fd cgroup_;
    bool sees_all_;
    Tally::Windows windows_;
    std::uint64_t epoch_ = 1; // the one that is over, or counts if none is
    std::array<Link, 2> links_;
};

} // namespace socktally
