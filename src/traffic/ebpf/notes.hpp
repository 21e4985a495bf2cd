// SPDX-License-Identifier: MIT
// What the ebpf backend could not see in a window, in words. Each code stands in socktally-output(5).
#pragma once

#include "model/sample.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace socktally {

struct EbpfFaults {
    bool interrupted = false;
    std::size_t foreign_processes = 0; // that have no pid in our namespace
    bool too_many_processes = false;   // for the cells
    std::uint64_t flows_dropped = 0;   // found no room in the map
    std::uint64_t crowded_sockets = 0; // sockets with more peers than TALLY_MOST_PEERS
    /// Network namespaces that could not be entered, where connections were read in the window that were not noted.
    std::size_t strange_namespaces = 0;
    /// Connections of such a namespace that were read first in the window, by splice(2) only.
    std::uint64_t unclaimed = 0;
    /// Calls that the kernel did not show to the programs, because the same program was under way on that processor: an
    /// interrupt came, or, for fexit ones on a preemptible kernel, another process.
    std::uint64_t missed_calls = 0;
    /// A connection had no room for what is remembered of it: what was read from it by splice(2) is not counted.
    bool had_no_room = false;
};

std::vector<Note> notes_of(const EbpfFaults& faults);

} // namespace socktally
