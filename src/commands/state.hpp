// SPDX-License-Identifier: MIT
// The data that one run of --since leaves to the next, and its text in a file. Pure.
#pragma once

#include "table/row.hpp"
#include "traffic/snapshot.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace socktally {

struct State {
    std::string boot_id;
    Inode netns;                                    // that the run was in
    std::string purpose;                            // what the series are by; empty if there are none
    std::chrono::system_clock::time_point taken_at; // in whole microseconds
    std::chrono::nanoseconds uptime{0};             // at that time, suspended time included
    Snapshot snapshot;
    std::vector<GrowingSeries> series;
};

std::string write_state(const State& state);
/// Appends the check sum and the end to the lines of a state.
std::string with_check_sum(std::string lines);

/// Why a text is no state.
struct BadState {
    std::string why;
};
/// The text is hostile: nothing of it is taken unless all of it is as it was written.
std::variant<State, BadState> read_state(std::string_view text);

} // namespace socktally
