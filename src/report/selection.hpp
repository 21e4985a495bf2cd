// SPDX-License-Identifier: MIT
// Which saved rows are wanted, as far as what was saved can tell.
#pragma once

#include "model/filter.hpp"
#include "report/snapshot.hpp"

#include <optional>
#include <string>
#include <vector>

namespace socktally {

/// Values of one list are alternatives; lists that are not empty must all match.
struct Wanted {
    Filter filter; // what asks for interfaces and loopback in it is not looked at
    std::vector<std::string> users;
    std::vector<std::string> namespaces;
    std::vector<std::string> hosts;
    std::optional<TimePoint> from; // the first moment
    std::optional<TimePoint> to;   // the first moment past the last
};

/// Whether the row says what it has in this column: null does where there is nothing, and not where the row sums up
/// what differs in it, or where the column was not saved.
bool tells(const Heading& heading, const SavedRow& row, Member member);

/// The time that a row is of.
TimePoint time_of(const Heading& heading, const SavedRow& row);

class Selection {
public:
    explicit Selection(Wanted wanted);

    bool takes_time(TimePoint time) const;
    bool takes_host(const SavedRow& row) const;

    bool takes_every_row() const { return takes_every_row_; }

    enum class Verdict : std::uint8_t {
        out,
        in,
        unanswered, // it may be, but the column that would tell was not saved, or has several values in one row
    };
    Verdict judge(const Heading& heading, const SavedRow& row) const;

private:
    Wanted wanted_;
    bool takes_every_row_; // of the times and hosts that are wanted
};

} // namespace socktally
