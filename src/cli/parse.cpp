// SPDX-License-Identifier: MIT
// argv -> Options: what the options that were given mean together.
#include "cli/option_table.hpp"
#include "cli/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace socktally {

namespace {

/// Both TIMEs are the length of a window, and totals are no windows.
void settle_windows(Options& o)
{
    if (o.interval && o.is_duration_given) {
        throw UsageError("--interval and --duration cannot be combined");
    }
    o.duration = o.interval.value_or(o.duration);
    if (o.interval && !o.count) {
        o.count = 0;
    }
    if (o.count && o.duration.count() == 0) {
        throw UsageError("--count needs windows: use --duration 1s, or another time greater than 0");
    }
    if (o.count && o.count != 1U && o.format != nullptr && o.format->is_one_set && !o.output_file) {
        throw UsageError(fmt::format("-f {} with several windows needs --output-file", o.format->name));
    }
}

void refuse_output(const Options& options)
{
    const Format* format = options.format;
    if (options.command == Command::doctor && format != nullptr && !format->is_of_doctor) {
        throw UsageError(fmt::format("doctor cannot print {}; use pretty, tsv or json", format->name));
    }
    const bool is_list = options.command == Command::list_columns || options.command == Command::list_options;
    if (is_list && format != nullptr && format->list == nullptr) {
        throw UsageError(fmt::format("{} is a format for samples, not for lists", format->name));
    }
    if (is_list && options.output_file) {
        throw UsageError("--list-columns and --output-file cannot be combined");
    }
}

void complete_report(Options& options)
{
    if (options.from && options.to && *options.from >= *options.to) {
        throw UsageError("--from must be before --to");
    }
    if (options.per && options.format != nullptr && options.format->is_one_set) {
        throw UsageError(fmt::format("--per and -f {} cannot be combined", options.format->name));
    }
    if (options.files.empty()) {
        options.files.emplace_back("-");
    }
}

bool is_same_place(const std::string& path, const std::string& other)
{
    std::error_code ignored;
    return std::filesystem::weakly_canonical(path, ignored) == std::filesystem::weakly_canonical(other, ignored);
}

/// The interval is what has passed since the last run.
void settle_since(Options& o)
{
    if (o.since.empty()) {
        if (o.wait) {
            throw UsageError("--wait needs --since: it waits for another run with the same file");
        }
        return;
    }
    if (o.is_duration_given && o.duration.count() != 0) {
        throw UsageError("--since and --duration cannot be combined: --since measures from the last run");
    }
    if (o.interval || o.count) {
        throw UsageError("--since cannot be combined with --interval or --count: it measures from the last run");
    }
    const std::filesystem::path state(o.since);
    const auto beside = [&](std::string_view format) {
        return state.parent_path() / fmt::format(fmt::runtime(format), state.filename().string());
    };
    for (const std::string_view format : {"{}", "{}.lock", "{}.bad", ".socktally.{}"}) {
        if (o.output_file && is_same_place(*o.output_file, beside(format))) {
            throw UsageError("--output-file and --since need different files");
        }
    }
    o.duration = std::chrono::nanoseconds(0);
}

/// Drivers count what passes, not whose it is.
void refuse_filters_by_interface(const Options& o)
{
    Filter others = o.filter;
    others.interfaces.clear();
    others.excluded.interfaces.clear();
    if (!others.is_empty()) {
        throw UsageError("--by interface counts all traffic of an interface: the only filter is --interface");
    }
}

} // namespace

Options parse_options(int argc, const char* const* argv)
{
    Options options;
    read_command_line(argc, argv, options,
                      [&](const Option& option, const std::string& text) { option.take(options, text); });
    settle_since(options);
    settle_windows(options);
    auto& namespaces = options.filter.namespaces;
    if (std::find(namespaces.begin(), namespaces.end(), Named<Inode>{"all"}) != namespaces.end()) {
        namespaces.clear();
    }
    refuse_output(options);
    if (options.command == Command::report) {
        complete_report(options);
    } else if (options.by.is_by_interface()) {
        refuse_filters_by_interface(options);
    }
    return options;
}

} // namespace socktally
