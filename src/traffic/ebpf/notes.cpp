// SPDX-License-Identifier: MIT
#include "traffic/ebpf/notes.hpp"

#include "traffic/ebpf/tally.h"

#include <fmt/format.h>

namespace socktally {

namespace {

} // namespace

std::vector<Note> notes_of(const EbpfFaults& faults)
{
    std::vector<Note> notes;
    if (faults.foreign_processes > 0) {
        notes.push_back({"other-pidns",
                         fmt::format("{} processes that moved bytes live in pid namespaces that are not visible here",
                                     faults.foreign_processes),
                         "run socktally outside of the container", false});
    }
    if (faults.interrupted) {
        notes.push_back({"interrupted", "a signal ended the window early", "", makes_incomplete, Note::About::window});
    }
    if (faults.too_many_processes) {
        notes.push_back({"too-many-processes",
                         "more processes moved bytes than there is room for: the rest is in [unknown]", "",
                         makes_incomplete});
    }
    if (faults.strange_namespaces > 0) {
        notes.push_back(
            {"other-netns",
             fmt::format("{} network namespace{} could not be entered: of connections that were there before, what "
                         "several threads read first at once may be missing",
                         faults.strange_namespaces, faults.strange_namespaces == 1 ? "" : "s"),
             "run socktally as root", makes_incomplete});
    }
    if (faults.unclaimed > 0) {
        notes.push_back(
            {"spliced-bytes",
             fmt::format("{} connections of other network namespaces were read by splice(2), which is not counted "
                         "for those that were there before",
                         faults.unclaimed),
             "run socktally as root", makes_incomplete});
    }
    if (faults.had_no_room) {
        notes.push_back({"socket-memory",
                         "the kernel had no memory left for notes on some TCP sockets: what was read from them "
                         "by splice(2) is not counted, nor are all of them counted as connections",
                         "sysctl net.core.optmem_max=131072", makes_incomplete});
    }
    if (faults.missed_calls > 0) {
        notes.push_back({"missed-calls",
                         fmt::format("the BPF programs were not shown {} calls, which came while they were at work on "
                                     "the same processor: those bytes are not counted",
                                     faults.missed_calls),
                         "", makes_incomplete});
    }
    if (faults.flows_dropped > 0) {
        notes.push_back({"too-many-sockets",
                         "more sockets moved bytes than there is room for: the rest has a process but no addresses", "",
                         makes_incomplete});
    }
    if (faults.crowded_sockets > 0) {
        notes.push_back({"too-many-peers",
                         fmt::format("{} socket{} had more than {} other ends: the bytes of the rest have a socket but "
                                     "no remote address",
                                     faults.crowded_sockets, faults.crowded_sockets == 1 ? "" : "s", TALLY_MOST_PEERS),
                         "", makes_incomplete});
    }
    return notes;
}

} // namespace socktally
