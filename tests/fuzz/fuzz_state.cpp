// SPDX-License-Identifier: MIT
// The state file of --since: what is taken of it is written the same again, and what only its check sum keeps out is
// tried with a good one.
#include "commands/state.hpp"
#include "fuzz.hpp"

#include <string>
#include <variant>

using namespace socktally;

namespace {

void check_state(std::string_view text)
{
    const auto read = read_state(text);
    if (const auto* state = std::get_if<State>(&read)) {
        require(state->uptime.count() >= 0 && state->taken_at.time_since_epoch().count() >= 0);
        const auto again = read_state(write_state(*state));
        const auto* same = std::get_if<State>(&again);
        require(same != nullptr && same->snapshot.sockets == state->snapshot.sockets &&
                same->snapshot.opens == state->snapshot.opens && same->series == state->series &&
                same->boot_id == state->boot_id);
    } else {
        require(!std::get<BadState>(read).why.empty());
    }
}

} // namespace

FUZZ_DRIVER(state)
{
    const std::string_view text = as_text(input);
    check_state(text);
    check_state(with_check_sum(std::string(text.substr(0, text.rfind("\ncheck ") + 1))));
}
