// SPDX-License-Identifier: MIT
// Remembers which times were measured, to find the snapshot of a line, repeated snapshots, and snapshots that
// overlap. Its memory depends on the number of hosts and of their boots.
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

/// The windows of one boot of one host. They take no more room than a thousand stretches of time do: if there are more,
/// neighbours become one, gap and all.
class Coverage {
public:
    static constexpr std::size_t most = 1024;

    enum class Verdict : std::uint8_t {
        fresh,
        repeated,    // the same window with the same text
        overlapping, // some of it is in another one, or in the gap between two that became one stretch
    };
    /// `text` is a hash of what was read of the snapshot first. Windows follow each other by a clock that people set
    /// and programs trim, so a hundredth of the shorter one is no overlap.
    Verdict add(TimePoint begin, std::chrono::nanoseconds duration, std::size_t text);

private:
    /// The window of one snapshot, or what several became.
    struct Stretch {
        TimePoint begin;
        TimePoint end;
        std::size_t text = 0;
        bool operator==(const Stretch&) const = default;
    };

    void join_neighbours();

    std::vector<Stretch> stretches_; // by their ends
};

/// Tells the snapshots of all inputs apart.
class Snapshots {
public:
    struct Finding {
        bool is_new = true; // false: the snapshot that the line before of this host was of
        Coverage::Verdict verdict = Coverage::Verdict::fresh;
    };
    /// Finds the snapshot that `parser` parsed last. The lines of one snapshot follow each other, among the lines of
    /// one host.
    Finding find(const SnapshotParser& parser);

    /// Ends an input: the next line begins a new snapshot.
    void end_input() { ++input_; }

private:
    /// The windows of one boot of one host, and the snapshot of its last line.
    struct Source {
        Coverage coverage;
        std::size_t input = 0; // 0: it was no line
        TimePoint started_at;
        std::chrono::nanoseconds duration{0};
        GroupBy by;
        bool complete = true;
        Coverage::Verdict verdict = Coverage::Verdict::fresh;
    };

    std::unordered_map<std::string, Source> sources_; // by host, layer and boot
    std::string key_;                                 // used again
    std::size_t input_ = 1;
};

} // namespace socktally
