// SPDX-License-Identifier: MIT
// The user's request as plain data. The options that set it are in option_table.cpp.
#pragma once

#include "cli/invocation.hpp"
#include "formats/format.hpp"
#include "table/filter.hpp"
#include "table/row.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace socktally {

enum class ColorWhen : std::uint8_t { automatic, always, never };

struct Options : Invocation {
    Command listed = Command::sample; // its options are what --list-options lists

    std::chrono::nanoseconds duration{std::chrono::seconds(1)}; // of a window
    bool is_duration_given = false;
    std::optional<std::chrono::nanoseconds> interval; // as given; `duration` is then the same
    std::optional<std::uint64_t>
        count;         // windows, one after another, 0: until stopped; null: one, as no part of a series
    std::string since; // the state file; empty: no such thing. `duration` is then 0
    bool wait = false; // for another run to be done with the state file
    std::string backend = "auto";
    std::size_t capture_buffer = std::size_t{8} << 20;

    std::optional<std::string> output_file; // null: standard output
    std::string columns;                    // as given to -o; empty: the default ones
    const Format* format = nullptr;         // null: pretty on a terminal, else tsv
    bool header = true;
    Units units;
    bool all_rows = false; // also those past the height of the terminal
    bool all = false;
    GroupBy by;
    bool is_by_given = false;
    std::string sort; // as given; empty: rx_bytes+tx_bytes
    std::optional<std::size_t> top;
    std::vector<std::string> alerts; // as given

    std::string filter_text; // the filters as given: "--port 8080 --no-loopback"
    Filter filter;           // the ids of its names, and this machine's interfaces, are filled in later

    // Only for ports.
    std::optional<std::chrono::nanoseconds> wait_for; // until a socket matches

    // Only for run.
    std::optional<std::chrono::nanoseconds> detached_too; // how long processes that outlive the command are waited for

    // Only for report.
    std::vector<std::string> hosts; // --host as given, empty: all
    std::optional<TimePoint> from;  // the first moment
    std::optional<TimePoint> to;    // the first moment past the last
    std::optional<Per> per;

    bool quiet = false;
    bool verbose = false;
    bool trace = false;
    bool progress = true;
    bool strict = false;
    ColorWhen color = ColorWhen::automatic;
};

/// Throws UsageError. `argv[0]` is skipped.
Options parse_options(int argc, const char* const* argv);

} // namespace socktally
