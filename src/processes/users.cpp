// SPDX-License-Identifier: MIT
#include "processes/users.hpp"

#include "linux/proc.hpp"
#include "util/quote.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace socktally {

namespace {

using namespace std::chrono_literals;

constexpr auto longest_for_name = 2s;
constexpr auto good_for = 1min;          // windows may follow each other every few milliseconds
constexpr auto longest_for_filter = 10s; // a filter needs it before anything is measured

} // namespace

void Users::begin_window()
{
    std::erase_if(names_, [this](const auto& entry) { return entry.second.window != window_; });
    ++window_;
}

const std::string& Users::name(Uid uid)
{
    Known& known = names_[uid];
    const bool is_asked = known.window == window_;
    known.window = window_;
    if (is_asked || Lookups::Clock::now() < known.asked_again) {
        return known.name;
    }
    const UserAnswer answer = lookups_.find_user(uid, longest_for_name);
    if (answer.in_time) {
        known.is_answered = true;
        known.asked_again = Lookups::Clock::now() + good_for;
        known.name = answer.user ? answer.user->name : std::to_string(uid.value);
    } else if (!known.is_answered) {
        known.name = std::to_string(uid.value);
    }
    return known.name;
}

std::size_t Users::unanswered() const
{
    return static_cast<std::size_t>(std::count_if(names_.begin(), names_.end(), [this](const auto& entry) {
        return entry.second.window == window_ && !entry.second.is_answered;
    }));
}

std::optional<Uid> find_user(const std::string& name)
{
    const UserAnswer answer = Lookups().find_user(name, longest_for_filter);
    if (answer.user) {
        return answer.user->uid;
    }
    const auto number = parse_number(name);
    if (!answer.in_time && !number) {
        throw std::runtime_error(
            fmt::format("the user database did not answer for {}: give the number of the user", quote(name)));
    }
    return number && *number <= UINT32_MAX ? std::optional(Uid{static_cast<std::uint32_t>(*number)}) : std::nullopt;
}

} // namespace socktally
