// SPDX-License-Identifier: MIT
// Remembers which times are covered, to find the snapshot that a line belongs to, repeated snapshots, and overlapping
// ones. Its memory depends on the number of hosts and their boots.
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

/// The windows of one boot of one host. Keeps at most about a thousand stretches of time: if there are more, neighbours
/// are joined, with the gap between them.
class Coverage {
public:
    static constexpr std::size_t most = 1024;

    enum class Verdict : std::uint8_t {
        fresh,
        repeated,    // the same window with the same text
        overlapping, // part of it is in another window, or in the gap between two that were joined
    };
    /// `text` is a hash of the first text of the snapshot that was read. An overlap of up to a hundredth of the shorter
    /// window does not count, because windows follow each other by a clock that people set and programs correct.
    Verdict add(TimePoint begin, std::chrono::nanoseconds duration, std::size_t text);

private:
    /// The window of one snapshot, or several that were joined.
    struct Stretch {
        TimePoint begin;
        TimePoint end;
        std::size_t text = 0;
        bool operator==(const Stretch&) const = default;
    };

    void join_neighbours();

    std::vector<Stretch> stretches_; // sorted by their ends
};

/// Distinguishes the snapshots in all inputs.
class Snapshots {
public:
    struct Finding {
        bool is_new = true; // false: the same snapshot as the previous line of this host
        Coverage::Verdict verdict = Coverage::Verdict::fresh;
    };
    /// Finds the snapshot of the text that `parser` parsed last. The lines of one snapshot must follow each other, but
    /// lines of other hosts may be between them.
    Finding find(const SnapshotParser& parser);

    /// Ends an input: the next line begins a new snapshot.
    void end_input() { ++input_; }

private:
    /// The windows of one boot of one host, and the snapshot of the last line.
    struct Source {
        Coverage coverage;
        std::size_t input = 0; // number of the input; 0: the last text was a document, not a line
        TimePoint started_at;
        std::chrono::nanoseconds duration{0};
        GroupBy by;
        bool complete = true;
        Coverage::Verdict verdict = Coverage::Verdict::fresh;
    };

    std::unordered_map<std::string, Source> sources_; // by host, layer and boot
    std::string key_;                                 // a buffer, kept for its memory
    std::size_t input_ = 1;
};

} // namespace socktally
