// SPDX-License-Identifier: MIT
// Loads the BPF programs that count payload, and reads their counters. Class Tally wraps the skeleton that bpftool
// generates. Nothing is pinned, so the kernel removes the programs and maps however this process ends.
#pragma once

#include "traffic/backend.hpp"
#include "traffic/ebpf/tally.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

struct tally_bpf;

namespace socktally {

/// Counts of the events and bytes that the BPF programs missed in a window.
struct EbpfFaults {
    bool interrupted = false;
    std::size_t foreign_processes = 0; // processes that have no pid in our namespace
    bool too_many_processes = false;   // more processes than slots
    std::uint64_t flows_dropped = 0;   // flows that had no room in the map
    std::uint64_t crowded_sockets = 0; // sockets with more peers than TALLY_MOST_PEERS
    std::uint64_t closed_dropped = 0;  // closed connections that had no room for what TCP tells of them
    /// Network namespaces that could not be entered; 0 unless connections were read in the window that note_existing()
    /// had not reached.
    std::size_t unreached_namespaces = 0;
    /// Number of connections that note_existing() had not reached, and that only splice(2) has read in the window.
    std::uint64_t unclaimed = 0;
    /// Number of socket calls that were not counted. The kernel skips a program if the same program is already running
    /// on that CPU. This happens if an interrupt comes while the program runs or, with fexit programs on a preemptible
    /// kernel, if the scheduler switches to another process.
    std::uint64_t missed_calls = 0;
    /// Some connections got no sequence_note, because memory was used up. Bytes that splice(2) read from these
    /// connections are not counted.
    bool had_no_room = false;
};

class Tally {
public:
    enum class Detail : std::uint8_t { processes, sockets, tuples, peers };
    /// Whether one window or several will be measured. Several windows need twice the memory.
    enum class Windows : std::uint8_t { one, many };
    /// Whether the programs mark the descendants of processes.
    enum class Trees : std::uint8_t { none, watched };
    /// Whether the programs report the state and the retransmissions of TCP connections, for connections().
    enum class Facts : std::uint8_t { left_out, kept };
    /// Loads the first variant of the programs that the kernel accepts. If it accepts none, returns why.
    static std::variant<Tally, Unavailable> load(Detail detail, Windows windows, Trees trees, Facts facts);

    /// Returns the name of the loaded variant, and why the others are not used.
    const std::string& variant() const { return variant_; }

    /// Descriptors of two maps, for Detail::peers. The hooks of class Peers write remote ends into these maps.
    struct PeerMaps {
        int peers;
        int raw_peers;
    };
    PeerMaps peer_maps() const;

    /// Attaches the programs, and notes the TCP connections that exist already. Throws if the kernel refuses.
    void attach();
    /// Marks all processes of the tree. Call it after attach() and before start(). Each process that a marked process
    /// starts later is marked by a BPF program.
    void mark(ProcessTree& tree);
    /// Returns the trees to which a living process belongs. Returns null if the process has ended, or if its mark may
    /// be lost.
    std::optional<std::uint64_t> trees_of(Pid pid) const;
    bool has_lost_marks() const;
    /// Starts to count bytes.
    void start();
    /// Ends the window. Later bytes belong to the next window, or to none if only one window is measured. Programs that
    /// are running may still count for the ended window. All programs stay attached, because fexit programs take long
    /// to detach.
    void end_window();

    /// counters() returns the counters of the last window by slot, including the slots that belong to no process
    /// (tally.h). flows() returns the flows of the last window. The `slot` of a flow is one of the slots of counters().
    std::vector<std::pair<std::uint32_t, tally_counters>> counters() const;
    std::vector<std::pair<tally_flow_key, tally_flow>> flows() const;
    /// Returns the state and the figures of each TCP connection that is open, or that has closed since the last call. A
    /// connection that closes during the call has two rows, whose retransmitted bytes must be added. A connection that
    /// the last call found closed is returned once more, with no retransmitted bytes, because it may have moved bytes
    /// in this window.
    std::vector<tally_connection> connections();
    /// Clears the counters of the last window. Before this call, all programs that count for that window must have
    /// ended.
    void forget_window();
    /// Returns what the programs could not see in the last window.
    EbpfFaults faults();

private:
    struct Destroy {
        void operator()(tally_bpf* skeleton) const;
    };
    using Skeleton = std::unique_ptr<tally_bpf, Destroy>;
    Tally(Skeleton skeleton, std::string variant, Windows windows)
        : skeleton_(std::move(skeleton)), variant_(std::move(variant)), windows_(windows)
    {
    }
    /// Returns the sum of EbpfFaults::missed_calls since the programs were loaded.
    std::uint64_t recursion_misses() const;
    std::uint32_t buffer() const;
    std::uint32_t slots_in_use() const;

    Skeleton skeleton_;
    std::string variant_;
    Windows windows_;
    std::uint32_t epoch_ = 1; // epoch of the open window; after end_window(), still that of the ended window
    std::size_t namespaces_refused_ = 0;
    std::uint64_t misses_before_ = 0; // result of recursion_misses() when the window began
    std::uint64_t missed_calls_ = 0;
    std::vector<tally_connection> closed_; // at the last call of connections()
    std::uint64_t closed_dropped_ = 0;     // as faults() has last told
};

} // namespace socktally
