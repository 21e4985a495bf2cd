// SPDX-License-Identifier: MIT
// Remembers which times the snapshots cover, to find out which lines belong to the same snapshot, and which snapshots
// repeat or overlap others. The memory grows only with the number of hosts and of their boots.
#pragma once

#include "report/snapshot.hpp"
#include "util/timestamp.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace socktally {

/// The windows of one boot of one host, as stretches of time. Keeps at most about a thousand stretches. If there are
/// more, pairs of neighbours become one stretch each, including the gap between them.
class Coverage {
public:
    static constexpr std::size_t most = 1024;

    enum class Verdict : std::uint8_t {
        fresh,
        repeated,    // the same window with the same text was added before
        overlapping, // part of the window is in another window, or in the gap between two joined windows
    };
    /// Adds a window. `text` is the hash of the snapshot's text or, with JSON lines, of its first line. An overlap of
    /// up to a hundredth of the shorter window is ignored, because the system clock may be set or corrected between two
    /// windows.
    Verdict add(TimePoint begin, std::chrono::nanoseconds duration, std::size_t text);

private:
    /// The window of one snapshot, or several windows that were joined.
    struct Stretch {
        TimePoint begin;
        TimePoint end;
        std::size_t text = 0;
        bool operator==(const Stretch&) const = default;
    };

    void join_neighbours();

    std::vector<Stretch> stretches_; // sorted by Stretch::end, earliest first
};

/// Finds out which lines of all inputs belong to the same snapshot, and which snapshots repeat or overlap others.
class Snapshots {
public:
    struct Finding {
        bool is_new = true; // false: the text belongs to the same snapshot as the previous line of this host
        Coverage::Verdict verdict = Coverage::Verdict::fresh;
    };
    /// Finds the snapshot to which the last text of `parser` belongs. The lines of one snapshot must follow each other,
    /// but lines of other hosts may be between them.
    Finding find(const SnapshotParser& parser);

    /// Ends an input. The next line begins a new snapshot.
    void end_input() { ++input_; }

private:
    /// One boot of one host: its windows, and the snapshot of its last line.
    struct Source {
        Coverage coverage;
        std::size_t input = 0; // number of the input that had the last line; 0: the last text was a document
        TimePoint started_at;
        std::chrono::nanoseconds duration{0};
        GroupBy by;
        bool complete = true;
        Coverage::Verdict verdict = Coverage::Verdict::fresh;
    };

    std::unordered_map<std::string, Source> sources_; // by host, boot, and whether the rows are interfaces
    std::string key_;                                 // the key of the last search; a member to reuse its memory
    std::size_t input_ = 1;
};

} // namespace socktally
