// SPDX-License-Identifier: MIT
// What the packet backend could not see, in words. Each code stands in socktally-output(5).
#pragma once

#include "model/sample.hpp"
#include "traffic/backend.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace socktally {

struct PacketFaults {
    bool interrupted = false;
    std::uint64_t dropped = 0;          // found the buffer full
    bool late = false;                  // the kernel kept the last ones too long
    std::uint64_t malformed = 0;        // no socket got them
    std::uint64_t cut = 0;              // longer headers than were captured
    std::uint64_t unmatched = 0;        // fragments without a first one
    std::uint64_t holes = 0;            // what filled them was not counted
    std::size_t failed_lists = 0;       // of sockets
    std::size_t failed_links = 0;       // lists of interfaces
    std::uint64_t ended_unread = 0;     // TcpWindow, in connections
    std::uint64_t unsent_unknown = 0;   // likewise
    std::uint64_t forward_unsure = 0;   // flows taken for forwarded ones (sightings.hpp)
    std::uint64_t unread_datagrams = 0; // nobody read them, and their length is not known
    std::size_t unread = 0;             // HolderMap::failed()
    std::size_t begun_late = 0;         // namespaces whose packets were captured a while after the window began
};

/// What could not be seen in one network namespace as well as in another.
void add(PacketFaults& faults, const PacketFaults& more);

std::vector<Note> notes_of(const PacketFaults& faults);
/// What it never sees, for doctor.
std::vector<Note> packet_limits();
Unavailable packet_refusal(int error);

} // namespace socktally
