// SPDX-License-Identifier: MIT
// The text of a state file: a baseline as one JSON object with a check sum. The text is hostile: nothing of it is taken
// that is not as it was written.
#pragma once

#include "since/baseline.hpp"

#include <string>
#include <string_view>
#include <variant>

namespace socktally {

std::string write_state(const Baseline& baseline);
/// The text of a state up to its check sum, with that and the end.
std::string with_check_sum(std::string body);

/// Why a text is no state.
struct BadState {
    std::string why;
};

std::variant<Baseline, BadState> read_state(std::string_view text);

} // namespace socktally
