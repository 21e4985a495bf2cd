// SPDX-License-Identifier: MIT
// The BPF programs that count payload, loaded: a class around the skeleton that bpftool generates. Nothing is pinned:
// the kernel removes all of it when the descriptors are closed, however this process ends.
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

/// Counts of what the programs could not see in a window.
struct EbpfFaults {
    bool interrupted = false;
    std::size_t foreign_processes = 0; // that have no pid in our namespace
    bool too_many_processes = false;   // for the slots
    std::uint64_t flows_dropped = 0;   // found no room in the map
    std::uint64_t crowded_sockets = 0; // sockets with more peers than TALLY_MOST_PEERS
    /// Network namespaces that could not be entered, if connections were read in the window that were not noted before.
    std::size_t unreached_namespaces = 0;
    /// Connections of such namespaces that were first read in the window, and by splice(2) only.
    std::uint64_t unclaimed = 0;
    /// Calls that the kernel did not show to the programs, because the same program was under way on that processor: an
    /// interrupt came in between, or, with fexit programs on a preemptible kernel, another process.
    std::uint64_t missed_calls = 0;
    /// There was no memory for the notes on a connection: what was read from it by splice(2) is not counted.
    bool had_no_room = false;
};

class Tally {
public:
    enum class Detail : std::uint8_t { processes, sockets, tuples, peers };
    /// One window, or several; several need twice the memory.
    enum class Windows : std::uint8_t { one, many };
    /// Whether processes are told by their ancestors too.
    enum class Trees : std::uint8_t { none, watched };
    /// Whether what TCP tells of connections is kept too, for connections().
    enum class Facts : std::uint8_t { left_out, kept };
    /// Loads the first variant of the programs that the kernel takes.
    static std::variant<Tally, Unavailable> load(Detail detail, Windows windows, Trees trees, Facts facts);

    /// Says which variant it is, and why not the others.
    const std::string& variant() const { return variant_; }

    /// Descriptors of the maps in which the hooks of Peers leave what they see; for Detail::peers.
    struct PeerMaps {
        int peers;
        int raw_peers;
    };
    PeerMaps peer_maps() const;

    /// Throws if the kernel refuses to attach.
    void attach();
    /// Marks the members of the tree, before counting begins. What they start is marked by the kernel.
    void mark(ProcessTree& tree);
    /// Returns the trees of a process that lives; null if it has ended, or marks were lost.
    std::optional<std::uint64_t> trees_of(Pid pid) const;
    bool has_lost_marks() const;
    /// From here on every byte counts.
    void start();
    /// From here on every byte counts for the next window; for none if there is only one. Programs under way may still
    /// count for the one that is over. All stay attached, because fexit programs take long to detach.
    void end_window();

    /// Returns the counters of the last window by slot, also those without a process (see tally.h); and the
    /// flows, whose `slot` is one of these.
    std::vector<std::pair<std::uint32_t, tally_counters>> counters() const;
    std::vector<std::pair<tally_flow_key, tally_flow>> flows() const;
    /// Returns what TCP tells of each connection that is open now or has closed since the last call; if one closed
    /// meanwhile it has two rows, whose bytes add up. Those that had closed before the last call are there too, since
    /// the window that follows may have bytes of them.
    std::vector<tally_connection> connections();
    /// Clears the counters of the last window. No program may count for it any more.
    void forget_window();
    /// Returns what the programs could not see of the window that is over.
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
    /// Since the programs were loaded.
    std::uint64_t recursion_misses() const;
    std::uint32_t buffer() const;
    std::uint32_t slots_in_use() const;

    Skeleton skeleton_;
    std::string variant_;
    Windows windows_;
    std::uint32_t epoch_ = 1; // the one that is over, or counts if none is
    std::size_t namespaces_refused_ = 0;
    std::uint64_t misses_before_ = 0; // the window
    std::uint64_t missed_calls_ = 0;
    std::vector<tally_connection> closed_; // at the last call of connections()
};

} // namespace socktally
