// SPDX-License-Identifier: MIT
// The state file of --since: what is taken of it is written the same again, and what only its check sum keeps out is
// tried with a good one.
#include "fuzz.hpp"
#include "since/state_codec.hpp"

#include <string>
#include <variant>

using namespace socktally;

namespace {

void check_state(std::string_view text)
{
    const auto state = read_state(text);
    if (const auto* baseline = std::get_if<Baseline>(&state)) {
        require(baseline->uptime.count() >= 0 && baseline->taken_at.time_since_epoch().count() >= 0);
        const auto again = read_state(write_state(*baseline));
        const auto* same = std::get_if<Baseline>(&again);
        require(same != nullptr && same->sockets == baseline->sockets && same->opens == baseline->opens &&
                same->series == baseline->series && same->boot_id == baseline->boot_id);
    } else {
        require(!std::get<BadState>(state).why.empty());
    }
}

} // namespace

FUZZ_DRIVER(state)
{
    const std::string_view text = as_text(input);
    check_state(text);
    check_state(with_check_sum(std::string(text.substr(0, text.rfind(",\"check\"")))));
}
