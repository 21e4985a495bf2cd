// SPDX-License-Identifier: MIT
// The packets of a sample: counted per socket by packets.bpf.c on the whole machine, and joined with the flows of the
// programs that count payload, which know the processes.
#pragma once

#include "linux/fd.hpp"
#include "model/sample.hpp"
#include "traffic/backend.hpp"
#include "traffic/ebpf/tally.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>

struct bpf_link;
struct packets_bpf;

namespace socktally {

class Packets {
public:
    /// Loads the programs. If the kernel does not take them, the sample gets a note that says why. `windows` as for the
    /// programs that count payload.
    explicit Packets(Tally::Windows windows) : windows_(windows), refusal_(load()) {}

    /// From here on every packet counts.
    void start();
    /// Packets count for the next window from here on, or not at all if there is none. Running programs may
    /// still count for the last one.
    void end_window();
    /// Adds the counters of the last window, or a note why there are none.
    void add_to(Sample& sample);
    /// Clears the counters of the last window. No program may count for it any more.
    void forget_window();

private:
    struct Destroy {
        void operator()(packets_bpf* skeleton) const;
        void operator()(bpf_link* link) const;
    };
    using Link = std::unique_ptr<bpf_link, Destroy>;

    std::optional<Unavailable> load();
    void note_holders();
    std::unordered_map<std::uint64_t, packets_socket> sockets();

    std::unique_ptr<packets_bpf, Destroy> skeleton_;
    Fd cgroup_;
    bool sees_all_ = false; // else packets of sockets in other control groups are not seen
    Tally::Windows windows_;
    std::uint64_t epoch_ = 1; // the one that is over, or counts if none is
    std::array<Link, 2> links_;
    std::optional<Unavailable> refusal_;
};

/// Sockets that had packets, by their cookies.
using PacketSockets = std::unordered_map<std::uint64_t, packets_socket>;

/// How an unlisted socket counts: without packets, or unknown.
enum class Unlisted : std::uint8_t { none, unknown };

/// Fills `packets` of the sample's flows, and adds a flow for each socket whose packets none of them can take. The
/// packets of a socket belong to the one process that moved payload through it in the window, whatever its other ends.
/// If none did, they belong to the one process that holds it; if several did or do, to none. Returns the number of
/// sockets whose packets cannot be told apart by process or other end. Pure.
std::size_t join_packets(Sample& sample, const PacketSockets& sockets, Unlisted unlisted);

} // namespace socktally
