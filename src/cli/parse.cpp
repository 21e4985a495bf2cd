// SPDX-License-Identifier: MIT
// Turns argv into Options, and checks which options go together.
#include "cli/option_table.hpp"
#include "cli/options.hpp"
#include "util/text.hpp"
#include "util/timestamp.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

namespace socktally {

namespace {

/// Checks --duration, --interval and --count. Both --duration and --interval set the length of a window. With a
/// duration of 0 there is no window, and the sample has totals.
void settle_windows(Options& o)
{
    if (o.interval && o.is_duration_given) {
        throw UsageError("--interval and --duration cannot be combined: --interval is the length of each window");
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
        throw UsageError("--to is not later than --from: use a later --to");
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

/// Whether a text looks like what other programs take as the beginning of a time: "2026-11-01", "yesterday".
bool is_time(const std::string& text)
{
    constexpr std::array<std::string_view, 6> words{"boot", "today", "yesterday", "week", "month", "year"};
    return std::find(words.begin(), words.end(), text) != words.end() || parse_period(text) || parse_timestamp(text);
}

/// Checks the options that go with --since. Sets `duration` to 0, because --since measures no window, but the time
/// since the last run.
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
    if (is_time(o.since) && !std::filesystem::exists(state)) {
        throw UsageError(fmt::format("--since takes a state file, and {} is a time: to add up saved samples, use "
                                     "socktally report FILE --from {}; if it is a file, write ./{}",
                                     quote(o.since), o.since, o.since));
    }
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

/// Throws UsageError for any filter except --interface. Drivers count the bytes of an interface, but do not know whose
/// they are.
void refuse_filters_by_interface(const Filter& filter)
{
    const auto& terms = filter.terms();
    if (std::any_of(terms.begin(), terms.end(),
                    [](const FilterTerm& term) { return term.kind->name() != "interface"; })) {
        throw UsageError(
            "--by interface counts whole interfaces, so its only filter is --interface; with other filters, "
            "use --by process --interface eth0");
    }
}

/// Removes filters that let everything pass: all namespaces, all states, or both IP families.
void settle_filter(Filter& filter)
{
    const auto has = [&](std::string_view kind, std::string_view value, bool is_excluded) {
        return std::any_of(filter.terms().begin(), filter.terms().end(), [&](const FilterTerm& term) {
            return term.kind->name() == kind && term.value.text == value && term.is_excluded == is_excluded;
        });
    };
    for (const std::string_view kind : {"netns", "state"}) {
        if (has(kind, "all", true)) {
            throw UsageError(fmt::format("--exclude {}=all would leave out everything", kind));
        }
        if (has(kind, "all", false)) {
            filter.remove(kind);
        }
    }
    if (filter.asks("ipv4") && filter.asks("ipv6")) {
        filter.remove("ipv4");
        filter.remove("ipv6");
    }
}

/// Sets what `ports` lists by default: sockets that listen, or that receive datagrams from any sender.
void settle_ports(Options& o)
{
    o.duration = std::chrono::nanoseconds(0);
    if (o.wait_for == o.duration) {
        throw UsageError("--wait-for must be greater than 0");
    }
    if (!o.is_by_given) {
        o.by = GroupBy::sockets();
    } else if (o.by.is_by_interface()) {
        throw UsageError("ports lists sockets, which belong to no interface: use socktally --by interface");
    } else {
        o.by = o.by.listed();
        o.sort = o.sort.empty() ? "connections" : o.sort;
    }
    const FilterKind& state = *find_filter_kind("state");
    const auto& terms = o.filter.terms();
    const auto is_asked_for = [&](const FilterTerm& term) { return term.kind == &state && !term.is_excluded; };
    if (o.all) {
        o.filter.remove("state");
    } else if (std::none_of(terms.begin(), terms.end(), is_asked_for)) {
        o.filter.add(state, state.parse("listening"));
        o.filter.add(state, state.parse("unconnected"));
    }
}

/// Sets what `dns` shows by default, one row for each name that a process asked for.
void settle_dns(Options& o)
{
    settle_windows(o);
    if (o.duration.count() == 0) {
        throw UsageError("dns needs a window: use --duration 1s, or another time greater than 0");
    }
    if (o.by.is_by_interface()) {
        throw UsageError("dns counts look-ups of processes, so it does not take --by interface");
    }
    o.by = (o.is_by_given ? o.by : GroupBy("process,query,query_type,resolver")).of_lookups();
    o.sort = o.sort.empty() ? "lookups" : o.sort;
}

/// Checks the options of `run`. Without --interval, its window lasts as long as the command. With --interval, `run`
/// measures several windows.
void settle_run(Options& o)
{
    if (o.words.empty()) {
        throw UsageError("run needs a command, such as socktally run curl https://example.com/");
    }
    if (o.by.is_by_interface()) {
        throw UsageError("run counts what its command moves, not whole interfaces: use run --interface eth0");
    }
    o.progress = false; // progress would disturb the output of the command
    if (o.interval) {
        settle_windows(o);
    } else {
        constexpr std::chrono::days longest(36'500);
        o.duration = longest;
    }
}

void settle(Options& options)
{
    switch (options.command) {
    case Command::ports: settle_ports(options); break;
    case Command::run: settle_run(options); break;
    case Command::dns: settle_dns(options); break;
    default: settle_since(options); settle_windows(options);
    }
    settle_filter(options.filter);
    const bool is_of_lookups = options.by.requires_any(Requirement::lookups);
    if (is_of_lookups && options.command != Command::dns) {
        throw UsageError(fmt::format("--by {} is only for look-ups: use socktally dns", options.by.name()));
    }
    refuse_output(options);
    if (options.command == Command::report) {
        complete_report(options);
    } else if (options.by.is_by_interface()) {
        refuse_filters_by_interface(options.filter);
    }
}

} // namespace

Options parse_options(int argc, const char* const* argv)
{
    Options options;
    try {
        read_command_line(argc, argv, options,
                          [&](const Option& option, const std::string& text) { option.take(options, text); });
        settle(options);
    } catch (UsageError& error) {
        error.command = options.command;
        throw;
    }
    return options;
}

} // namespace socktally
