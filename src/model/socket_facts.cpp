// SPDX-License-Identifier: MIT
#include "model/socket_facts.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace socktally {

namespace {

constexpr std::array<std::string_view, 12> state_names{"unconnected", "established", "syn-sent",  "syn-recv",
                                                       "fin-wait-1",  "fin-wait-2",  "time-wait", "closed",
                                                       "close-wait",  "last-ack",    "listening", "closing"};

/// The names that ss(8) and netstat(8) print.
constexpr std::array<std::pair<std::string_view, ConnectionState>, 7> short_names{{
    {"unconn", ConnectionState::unconnected},
    {"estab", ConnectionState::established},
    {"fin-wait1", ConnectionState::fin_wait_1},
    {"fin-wait2", ConnectionState::fin_wait_2},
    {"timewait", ConnectionState::time_wait},
    {"close", ConnectionState::closed},
    {"listen", ConnectionState::listening},
}};

} // namespace

std::span<const std::string_view> connection_state_names() { return state_names; }

std::string_view to_string(ConnectionState state) { return state_names.at(static_cast<std::size_t>(state)); }

std::optional<ConnectionState> parse_connection_state(std::string_view text)
{
    const auto* name = std::find(state_names.begin(), state_names.end(), text);
    if (name != state_names.end()) {
        return static_cast<ConnectionState>(name - state_names.begin());
    }
    const auto* other =
        std::find_if(short_names.begin(), short_names.end(), [text](const auto& each) { return each.first == text; });
    return other != short_names.end() ? std::optional(other->second) : std::nullopt;
}

} // namespace socktally
