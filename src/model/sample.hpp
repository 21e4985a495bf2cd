// SPDX-License-Identifier: MIT
// The result of one window: what a backend hands to everything after it.
#pragma once

#include "model/flow.hpp"
#include "model/interfaces.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

/// What is missing according to a note. Null: not known.
struct Missing {
    std::optional<std::uint64_t> sockets;
    std::optional<std::uint64_t> rx_bytes; // of the sockets whose bytes are known
    std::optional<std::uint64_t> tx_bytes;
};

/// One thing this sample could not see, or could not see for sure.
struct Note {
    /// What a note is about. Where a filter leaves nothing of that, the note does not concern what is printed.
    enum class About : std::uint8_t { everything, window, protocol, shared_sockets };

    std::string code;        // stable, kebab-case: "udp-bytes"
    std::string message;     // one line for people
    std::string remedy;      // one line that would fix it; empty where nothing would
    bool incomplete = false; // a figure may be short because of it
    About about = About::everything;
    std::optional<Missing> missing = std::nullopt; // if it can be told
    Protocol protocol = Protocol::udp;             // where it is about one
};
inline constexpr bool makes_incomplete = true; // Note::incomplete

/// Whether no figure is short.
inline bool is_complete(const std::vector<Note>& notes)
{
    return std::none_of(notes.begin(), notes.end(), [](const Note& note) { return note.incomplete; });
}

/// Everything that any backend can use, in one line: setcap(8) replaces what was set before.
inline constexpr std::string_view setcap_remedy =
    "setcap cap_bpf,cap_perfmon,cap_net_admin,cap_net_raw,cap_dac_read_search,cap_sys_ptrace=ep \"$(command -v "
    "socktally)\"";

struct Sample {
    std::chrono::system_clock::time_point started_at;
    std::chrono::nanoseconds duration{0}; // 0: totals since each socket was opened
    std::string backend;                  // "netlink"
    std::vector<Flow> flows;
    std::vector<Process> processes;
    std::vector<Holder> holders;
    std::map<std::size_t, std::vector<std::uint32_t>> sharers; // the other owners, as indices of processes, of a flow's
                                                               // socket, by the index of the flow; see find_sharers()
    std::map<std::uint64_t, std::shared_ptr<const Identity>> groups; // what the cgroup of a socket without a process
                                                                     // tells, by Flow::cgroup_id
    std::vector<Note> notes;
    std::vector<InterfaceTraffic> interfaces; // deltas, without lo
};

} // namespace socktally
