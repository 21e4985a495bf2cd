// SPDX-License-Identifier: MIT
// User names, from the system's own databases (nsswitch.conf). Each uid is asked for once a minute at most.
#pragma once

#include "model/ids.hpp"
#include "processes/lookups.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace socktally {

class Users {
public:
    explicit Users(Lookups& lookups) : lookups_(lookups) {}

    /// Forgets the users that the last window did not have.
    void begin_window();
    /// Returns the name, or the number in digits if there is none or no answer in time. If a database stops answering,
    /// the earlier name is kept.
    const std::string& name(Uid uid);
    /// Users of this window whose names are not known because a database did not answer.
    std::size_t unanswered() const;

private:
    struct Known {
        std::string name;
        bool is_answered = false;
        Lookups::Clock::time_point asked_again{}; // not before this time
        std::uint64_t window = 0;
    };

    Lookups& lookups_;
    std::map<Uid, Known> names_;
    std::uint64_t window_ = 0;
};

/// By name, or by number in digits. Null if there is no such user. Throws std::runtime_error if a database does not
/// answer, and the text is no number.
std::optional<Uid> find_user(const std::string& name);

} // namespace socktally
