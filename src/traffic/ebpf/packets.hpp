// SPDX-License-Identifier: MIT
// Adds packet counts to a sample. packets.bpf.c counts the packets of every socket on the whole machine. join_packets()
// adds these counts to the flows of Tally, because only Tally knows the processes.
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
    /// Loads the programs. If the kernel rejects them, the sample gets a note that says why. `windows` must be the same
    /// as for Tally.
    explicit Packets(Tally::Windows windows) : windows_(windows), refusal_(load()) {}

    /// Starts to count packets.
    void start();
    /// Ends the window. Later packets belong to the next window, or to none if only one window is measured. Programs
    /// that are running may still count for the ended window.
    void end_window();
    /// Adds the counters of the last window to the sample, or a note that says why there are none.
    void add_to(Sample& sample);
    /// Clears the counters of the last window. Before this call, all programs that count for that window must have
    /// ended.
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
    bool sees_all_ = false; // true: cgroup_ is the machine's root, so the programs see all sockets
    Tally::Windows windows_;
    std::uint64_t epoch_ = 1; // epoch of the open window; after end_window(), still that of the ended window
    std::array<Link, 2> links_;
    std::optional<Unavailable> refusal_;
};

/// The sockets that had packets, by cookie.
using PacketSockets = std::unordered_map<std::uint64_t, packets_socket>;

/// Whether a socket that is missing from PacketSockets had no packets, or an unknown number of packets.
enum class Unlisted : std::uint8_t { none, unknown };

/// Sets Flow::packets. A socket's packets go to its flow if it has exactly one flow. Otherwise they go to a new flow.
/// The process of the new flow is the one that moved payload through the socket in the window or, if none did, the one
/// that holds the socket. If there are several such processes, the new flow has no process. Returns the number of
/// sockets with several flows. Pure.
std::size_t join_packets(Sample& sample, const PacketSockets& sockets, Unlisted unlisted);

} // namespace socktally
