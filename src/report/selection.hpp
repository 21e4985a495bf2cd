// SPDX-License-Identifier: MIT
// Which saved rows are wanted, as far as what was saved can tell.
#pragma once

#include "report/snapshot.hpp"
#include "table/filter.hpp"

#include <optional>
#include <string>
#include <vector>

namespace socktally {

struct Wanted {
    Filter filter; // names of users and network namespaces are compared as they were saved
    std::vector<std::string> hosts;
    std::optional<TimePoint> from; // the first moment
    std::optional<TimePoint> to;   // the first moment past the last
};

/// The time that a row is of.
TimePoint time_of(const Heading& heading, const SavedRow& row);

class Selection {
public:
    explicit Selection(Wanted wanted);

    bool takes_time(TimePoint time) const;
    bool takes_host(const SavedRow& row) const;

    /// For the times and hosts that are asked for.
    bool takes_every_row() const { return takes_every_row_; }
    struct Verdict {
        Judged judged;
        bool lacks_column = false; // that was asked for
    };
    Verdict judge(const SavedRow& row) const;

private:
    Wanted wanted_;
    bool takes_every_row_;
};

} // namespace socktally
