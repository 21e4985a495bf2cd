// SPDX-License-Identifier: MIT
// Tells snapshots apart: which one a line is a row of, and whether one was there before. What is kept depends on the
// number of hosts and of their boots.
#pragma once

#include "report/coverage.hpp"
#include "report/snapshot.hpp"

#include <optional>
#include <string>
#include <unordered_map>

namespace socktally {

class Snapshots {
public:
    struct Finding {
        bool is_new = true; // false: the snapshot that the line before of this host was of
        Coverage::Verdict verdict = Coverage::Verdict::fresh;
    };
    /// Of what `parser` parsed last. The lines of one snapshot follow each other, as far as those of one host do.
    Finding find(const SnapshotParser& parser);

    /// What follows is another input: a line of it begins a snapshot.
    void end_input() { ++input_; }

private:
    /// What comes from one boot of one host.
    struct Origin {
        Coverage coverage;
        // The snapshot that the last line was of.
        std::size_t input = 0;
        TimePoint started_at;
        std::chrono::nanoseconds duration{0};
        GroupBy by = GroupBy::process;
        bool complete = true;
        Coverage::Verdict verdict = Coverage::Verdict::fresh;
    };

    Origin& origin_of(const Heading& heading);
    bool continues(const Origin& origin, const Heading& heading) const;

    std::unordered_map<std::string, Origin> origins_;
    std::size_t input_ = 1;

    // That of the last snapshot, since the next is mostly of the same one.
    Origin* last_ = nullptr;
    std::optional<std::string> last_host_;
    std::optional<std::string> last_boot_id_;
    bool last_is_of_interfaces_ = false;
};

} // namespace socktally
