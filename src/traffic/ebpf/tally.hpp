// SPDX-License-Identifier: MIT
// Loads the BPF programs that count payload: a class around the skeleton that bpftool generates. Nothing is pinned, so
// the kernel removes everything when the descriptors are closed, however this process ends.
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

/// Counts of things that the programs could not see in a window.
struct EbpfFaults {
    bool interrupted = false;
    std::size_t foreign_processes = 0; // processes that have no pid in our namespace
    bool too_many_processes = false;   // more processes than slots
    std::uint64_t flows_dropped = 0;   // flows that had no room in the map
    std::uint64_t crowded_sockets = 0; // sockets with more peers than TALLY_MOST_PEERS
    /// Network namespaces that could not be entered; 0 unless connections were read in the window that note_existing()
    /// had not reached.
    std::size_t unreached_namespaces = 0;
    /// Connections of such namespaces that were first read in the window, and only by splice(2).
    std::uint64_t unclaimed = 0;
    /// Calls that the kernel did not show to a program, because the same program was running on that processor: it was
    /// interrupted, or with fexit programs on a preemptible kernel, another process was scheduled.
    std::uint64_t missed_calls = 0;
    /// There was no memory for notes on connections: bytes read by splice(2) from these are not counted.
    bool had_no_room = false;
};

class Tally {
public:
    enum class Detail : std::uint8_t { processes, sockets, tuples, peers };
    /// Whether one window or several will be measured. Several need twice the memory.
    enum class Windows : std::uint8_t { one, many };
    /// Whether descendants of processes are marked.
    enum class Trees : std::uint8_t { none, watched };
    /// Whether what TCP tells of connections is kept too, for connections().
    enum class Facts : std::uint8_t { left_out, kept };
    /// Loads the first variant of the programs that the kernel accepts.
    static std::variant<Tally, Unavailable> load(Detail detail, Windows windows, Trees trees, Facts facts);

    /// Returns the name of the loaded variant, and why the others are not used.
    const std::string& variant() const { return variant_; }

    /// Descriptors of the maps in which the hooks of Peers leave their results, for Detail::peers.
    struct PeerMaps {
        int peers;
        int raw_peers;
    };
    PeerMaps peer_maps() const;

    /// Attaches the programs. Throws if the kernel refuses.
    void attach();
    /// Marks the members of the tree before counting begins. The kernel then marks the processes that they start.
    void mark(ProcessTree& tree);
    /// Returns the trees of a living process; null if it has ended, or if marks were lost.
    std::optional<std::uint64_t> trees_of(Pid pid) const;
    bool has_lost_marks() const;
    /// Starts to count bytes.
    void start();
    /// Ends the window: later bytes count for the next one, or not at all if there is only one. Programs that run now
    /// may still count for the last one. All programs stay attached, because fexit programs take long to detach.
    void end_window();

    /// Returns the counters of the last window by slot, including the slots without a process (tally.h), and the flows,
    /// whose `slot` is one of these.
    std::vector<std::pair<std::uint32_t, tally_counters>> counters() const;
    std::vector<std::pair<tally_flow_key, tally_flow>> flows() const;
    /// Returns what TCP tells of each connection that is open now or has closed since the last call; if one closed
    /// meanwhile it has two rows, whose bytes add up. Those that had closed before the last call are there too, since
    /// the window that follows may have bytes of them.
    std::vector<tally_connection> connections();
    /// Clears the counters of the last window. No program may still count for it.
    void forget_window();
    /// Returns what the programs could not see in the last window.
    EbpfFaults faults() const;

private:
    struct Destroy {
        void operator()(tally_bpf* skeleton) const;
    };
    using Skeleton = std::unique_ptr<tally_bpf, Destroy>;
    Tally(Skeleton skeleton, std::string variant, Windows windows)
        : skeleton_(std::move(skeleton)), variant_(std::move(variant)), windows_(windows)
    {
    }
    /// Counts from the loading of the programs on.
    std::uint64_t recursion_misses() const;
    std::uint32_t buffer() const;
    std::uint32_t slots_in_use() const;

    Skeleton skeleton_;
    std::string variant_;
    Windows windows_;
    std::uint32_t epoch_ = 1; // the current epoch, or the last one if nothing is counted
    std::size_t namespaces_refused_ = 0;
    std::uint64_t misses_before_ = 0; // missed calls before the window
    std::uint64_t missed_calls_ = 0;
    std::vector<tally_connection> closed_; // at the last call of connections()
};

} // namespace socktally
