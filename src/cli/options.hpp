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
    Command listed = Command::sample; // the command whose options --list-options prints

    std::chrono::nanoseconds duration{std::chrono::seconds(1)}; // of a window
    bool is_duration_given = false;
    std::optional<std::chrono::nanoseconds> interval; // the value of --interval; `duration` is then the same
    std::optional<std::uint64_t> count;               // number of windows; 0: until stopped; null: a single window
    std::string since;                                // the state file, empty without --since; `duration` is then 0
    bool wait = false;                                // wait for another run that uses the state file
    std::string backend = "auto";
    std::size_t capture_buffer = std::size_t{8} << 20;

    std::optional<std::string> output_file; // null: standard output
    std::string columns;                    // the value of -o; empty: the default columns
    const Format* format = nullptr;         // null: pretty on a terminal, else tsv
    bool header = true;
    Units units;
    bool all_rows = false; // print more rows than the terminal has lines
    bool all = false;
    GroupBy by;
    bool is_by_given = false;
    std::string sort; // the value of --sort; empty: rx_bytes+tx_bytes
    std::optional<std::size_t> top;
    std::vector<std::string> alerts; // the values of --alert

    std::string filter_text; // the filters as typed: "--port 8080 --no-loopback"
    Filter filter;           // numbers for names, and this machine's interfaces, are filled in later

    // Only for ports.
    std::optional<std::chrono::nanoseconds> wait_for; // how long to wait until a socket matches

    // Only for run.
    std::optional<std::chrono::nanoseconds> detached_too; // how long to wait for processes that outlive the command

    // Only for report.
    std::vector<std::string> hosts; // the values of --host; empty: all
    std::optional<TimePoint> from;  // start of the time to report
    std::optional<TimePoint> to;    // end of the time to report, exclusive
    std::optional<Per> per;

    bool quiet = false;
    bool verbose = false;
    bool trace = false;
    bool progress = true;
    bool strict = false;
    ColorWhen color = ColorWhen::automatic;
};

/// Parses argv, without `argv[0]`. Throws UsageError.
Options parse_options(int argc, const char* const* argv);

} // namespace socktally
