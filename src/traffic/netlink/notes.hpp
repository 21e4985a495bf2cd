// SPDX-License-Identifier: MIT
// What the netlink backend could not see, in words. Each code stands in socktally-output(5).
#pragma once

#include "model/sample.hpp"
#include "traffic/backend.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace socktally {

struct NetlinkFaults {
    bool interrupted = false;
    bool not_listening = false; // no destroy events at all
    bool late_events = false;   // not all had come when we stopped waiting
    std::uint64_t events_lost = 0;
    std::uint64_t garbled = 0;
    bool disturbed = false;           // no dump without repeats
    std::size_t unborn = 0;           // connections taken for new that were there before
    std::size_t missed = 0;           // connections opened that no dump and no event showed
    std::size_t vanished = 0;         // connections that ended in neither
    std::size_t belated = 0;          // connections that had vanished in another window and came back
    std::size_t begun_late = 0;       // namespaces that could not be entered before the window
    std::size_t resets = 0;           // connections whose counters began anew
    std::size_t without_counters = 0; // connections for which an old kernel has no counters
    std::size_t failed_looks = 0;     // lists in the window that the kernel refused
    std::size_t unread = 0;           // looks at a process's descriptors that failed for want of ours or of memory
    bool totals = false;              // no window
    bool udp_silent = true;           // no datagram moved
    bool udp_unlisted = false;        // the kernel cannot list UDP sockets
};

/// What could not be seen in one network namespace as well as in another.
void add(NetlinkFaults& faults, const NetlinkFaults& more);

std::vector<Note> notes_of(const NetlinkFaults& faults);
/// What it never sees, for doctor.
std::vector<Note> netlink_limits();
Unavailable netlink_refusal(int error);

} // namespace socktally
