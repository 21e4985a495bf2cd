// SPDX-License-Identifier: MIT
// The request of the user as plain data. option_table.cpp has the options that set it.
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
    std::optional<std::chrono::nanoseconds> interval; // the value of --interval, which also sets `duration`
    std::optional<std::uint64_t> count;               // number of windows; 0: until stopped; null: one window
    /// The value of --since: the state file. Empty without --since. If it is set, `duration` is 0.
    std::string since;
    bool wait = false; // wait for another run that uses the state file
    std::string backend = "auto";
    std::size_t capture_buffer = std::size_t{8} << 20;

    std::optional<std::string> output_file; // null: standard output
    std::string columns;                    // the value of -o; empty: the default columns
    const Format* format = nullptr;         // null: pretty on a terminal, otherwise tsv
    bool header = true;
    Units units;
    bool resolve = false;         // look up the names of remote addresses
    bool resolve_private = false; // with `resolve`: ask any resolver for the names of private addresses
    std::chrono::nanoseconds resolve_timeout{std::chrono::seconds(1)}; // for all look-ups of a window together
    bool service_names = false;                                        // in pretty, names of services in place of ports
    bool all_rows = false;                                             // print more rows than the terminal has lines
    bool all = false;
    GroupBy by;
    bool is_by_given = false;
    std::string sort; // the value of --sort; empty: rx_bytes+tx_bytes
    std::optional<std::size_t> top;
    std::vector<std::string> alerts; // the values of --alert

    std::string filter_text; // the filters as typed: "--port 8080 --no-loopback"
    Filter filter;           // resolve_filter() later turns names into numbers, and fills in the interfaces

    // Only for ports.
    std::optional<std::chrono::nanoseconds> wait_for; // how long to wait for a socket that matches

    // Only for run.
    std::optional<std::chrono::nanoseconds> detached_too; // how long to wait for processes that outlive the command

    // Only for report.
    std::vector<std::string> hosts; // the values of --host; empty: all
    std::optional<TimePoint> from;  // start of the time to report
    std::optional<TimePoint> to;    // end of the time to report; this moment is excluded
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
