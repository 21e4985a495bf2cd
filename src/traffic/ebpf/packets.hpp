// SPDX-License-Identifier: MIT
// The packets of a sample. packets.bpf.c counts them per socket on the whole machine; here they are joined with the
// flows of the programs that count payload, which know the processes.
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
    /// Loads the programs. If the kernel rejects them, the sample gets a note that says why. `windows` must be that of
    /// the programs that count payload.
    explicit Packets(Tally::Windows windows) : windows_(windows), refusal_(load()) {}

    /// Starts to count packets.
    void start();
    /// Ends the window: later packets count for the next one, or not at all if there is none. Programs that run now may
    /// still count for the last one.
    void end_window();
    /// Adds the counters of the last window, or a note that says why there are none.
    void add_to(Sample& sample);
    /// Clears the counters of the last window. No program may still count for it.
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
    std::uint64_t epoch_ = 1; // the current epoch, or the last one if nothing is counted
    std::array<Link, 2> links_;
    std::optional<Unavailable> refusal_;
};

/// The sockets that had packets, by cookie.
using PacketSockets = std::unordered_map<std::uint64_t, packets_socket>;

/// Whether a socket that is not in the list had no packets, or an unknown number.
enum class Unlisted : std::uint8_t { none, unknown };

/// Sets `packets` of the sample's flows. Adds a flow for each socket whose packets no flow can take. The packets of a
/// socket belong to the one process that moved payload through it in the window, whatever its remote ends. If none did,
/// they belong to the one process that holds it. If several processes did or do, they belong to none. Returns the
/// number of sockets whose packets cannot be divided among processes or remote ends. Pure.
std::size_t join_packets(Sample& sample, const PacketSockets& sockets, Unlisted unlisted);

} // namespace socktally
