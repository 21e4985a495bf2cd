// SPDX-License-Identifier: MIT
// The table of options, with the help and the effect of each. values.cpp parses the values; table/filter_kinds.cpp has
// the filters. If an option is repeated, the last one wins, but filters add up.
#include "cli/option_table.hpp"

#include "cli/options.hpp"
#include "cli/values.hpp"
#include "traffic/backend.hpp"
#include "util/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace socktally {

namespace {

constexpr unsigned bit(Command command) { return 1U << static_cast<unsigned>(command); }
constexpr unsigned in_sample = bit(Command::sample);
constexpr unsigned in_report = bit(Command::report);
constexpr unsigned in_ports = bit(Command::ports);
constexpr unsigned in_run = bit(Command::run);
constexpr unsigned in_doctor = bit(Command::doctor);

constexpr unsigned in_dns = bit(Command::dns);

constexpr OptionGroup of_sampling{"Sampling", in_sample};
constexpr OptionGroup of_durations{"Sampling", in_sample | in_dns};
constexpr OptionGroup of_windows{"Sampling", in_sample | in_run | in_dns};
constexpr OptionGroup of_choice{"Sampling", in_sample | in_run | in_ports | in_dns | in_doctor};
constexpr OptionGroup of_verdict{"Sampling", in_sample | in_run | in_ports | in_dns | in_report};
constexpr OptionGroup of_rows{"Rows and columns (also for report, ports, run and dns)",
                              in_sample | in_run | in_ports | in_dns | in_report};
constexpr OptionGroup of_names{of_rows.title, in_sample | in_run | in_ports};
constexpr OptionGroup of_filters{"Filters (repeatable, also for report, ports, run and dns)",
                                 in_sample | in_run | in_ports | in_dns | in_report};
constexpr OptionGroup of_sample_filters{"Filters (repeatable, also for ports, run and dns)",
                                        in_sample | in_run | in_ports | in_dns};
constexpr OptionGroup of_trees{of_sample_filters.title, in_sample | in_ports | in_dns};
constexpr OptionGroup of_dns{"Only for dns, ports or run", in_dns};
constexpr OptionGroup of_ports{of_dns.title, in_ports};
constexpr OptionGroup of_run{of_dns.title, in_run};
constexpr OptionGroup of_report{"Only for report", in_report};
constexpr OptionGroup of_output{"Output (for all commands)",
                                in_sample | in_run | in_ports | in_dns | in_report | in_doctor};
constexpr OptionGroup of_program{"About", in_sample | in_run | in_ports | in_dns | in_report | in_doctor};

const OptionGroup& group_of(const FilterKind& kind)
{
    switch (kind.takers) {
    case FilterKind::Takers::samples: return of_sample_filters;
    case FilterKind::Takers::all_but_run: return of_trees;
    case FilterKind::Takers::lookups: return of_dns;
    case FilterKind::Takers::all: break;
    }
    return of_filters;
}

template <typename List, typename Name>
std::vector<std::string> names_of(const List& list, Name name)
{
    std::vector<std::string> names;
    std::transform(list.begin(), list.end(), std::back_inserter(names),
                   [name](const auto& each) { return std::string(name(each)); });
    return names;
}

std::vector<std::string> format_words(Command command)
{
    std::vector<std::string> words;
    for (const Format* format : formats()) {
        if (command != Command::doctor || format->is_of_doctor) {
            words.emplace_back(format->name);
        }
    }
    return words;
}

std::vector<std::string> backend_words(Command command)
{
    const auto table = command == Command::ports ? socket_lists()
                       : command == Command::dns ? lookup_readers()
                                                 : backends();
    return names_of(table, [](const BackendEntry& entry) { return entry.name; });
}

std::vector<std::string> key_words(Command command)
{
    std::vector<std::string> words;
    for (const Key& key : keys()) {
        if (command == Command::dns || key.requirement != Requirement::lookups) {
            words.emplace_back(key.name);
        }
    }
    return words;
}

std::vector<std::string> excludable(Command command);
void exclude(Options& options, std::string_view text);
void exclude_internal(Options& options, std::string_view text);
void add_values(Filter& filter, const FilterKind& kind, std::string_view text, bool is_excluded,
                std::string_view option = {});

/// Stores the value of -o. Refuses a value that looks like a file name, which was probably meant for --output-file.
void take_columns(Options& options, std::string_view text)
{
    if (text.find_first_of("./") != text.npos) {
        // True if quote() neither escapes nor cuts the text.
        const bool is_plain = quote(text).size() == text.size() + 2;
        const Format* format = find_format(text.substr(text.rfind('.') + 1)); // npos + 1 is 0
        throw UsageError(fmt::format("-o takes columns, and {} is none: to write to a file, use --output-file {}{}",
                                     quote(text), is_plain ? text : "FILE",
                                     format != nullptr ? fmt::format(" -f {}", format->name) : ""));
    }
    options.columns = text;
}

// The options that come before the filters in the help text. The filters have a table of their own
// (table/filter_kinds.cpp).
constexpr std::array before_filters{
    Option{of_durations, "-d,--duration", "TIME",
           "window length: 500ms, 5s, 1m30s; default 1s; 0: bytes since each open socket was opened",
           [](Options& o, std::string_view text) {
               o.duration = duration_value(text);
               o.is_duration_given = true;
           },
           "0 500ms 1s 5s 1m"},
    Option{of_windows, "--interval", "TIME", "measure one window after another, until stopped",
           [](Options& o, std::string_view text) { o.interval = interval_value(text); }, "1s 5s 10s 1m"},
    Option{of_durations, "--count", "N", "stop after N windows; 0: never",
           [](Options& o, std::string_view text) { o.count = count_value(text); }, "0 10 60"},
    Option{of_sampling, "--since", "FILE",
           "print at once what moved since the last run with FILE (TCP only); the first run prints totals",
           [](Options& o, std::string_view text) { o.since = text; }, "@files"},
    Option{of_sampling, "--wait", nullptr, "with --since: wait while another run uses FILE",
           [](Options& o, std::string_view) { o.wait = true; }},
    Option{of_choice, "-b,--backend", "NAME", "{}; default auto: the best that works",
           [](Options& o, std::string_view text) { o.backend = text; }, "auto", backend_words},
    Option{of_windows, "--capture-buffer", "SIZE", "size of the buffer for captured packets; default 8M",
           [](Options& o, std::string_view text) { o.capture_buffer = capture_buffer_value(text); }, "4M 16M 64M 256M"},
    Option{of_verdict, "--strict", nullptr, "exit with 3 if the result is incomplete",
           [](Options& o, std::string_view) { o.strict = true; }},

    Option{of_rows, "--by", "KEY,...", "one row per KEY: {}; default process",
           [](Options& o, std::string_view text) {
               o.by = GroupBy(text);
               o.is_by_given = true;
           },
           "", key_words},
    Option{of_rows, "--sort", "COLUMN",
           "sort by this column or sum of columns, largest first; default rx_bytes+tx_bytes",
           [](Options& o, std::string_view text) { o.sort = text; }, "@columns"},
    Option{of_rows, "--top", "N", "print the first N rows and the sum of the others",
           [](Options& o, std::string_view text) { o.top = top_value(text); }},
    Option{of_rows, "--all", nullptr, "also print rows without traffic; for ports, sockets in every state",
           [](Options& o, std::string_view) { o.all = true; }},
    Option{of_rows, "--alert", "EXPR",
           "print only rows such as 'tx_bytes_per_sec>10M', in quotes; exit with 10 if there are any; repeatable",
           [](Options& o, std::string_view text) { o.alerts.emplace_back(text); }, "@columns"},
    Option{of_rows, "-o,--output", "COLUMN,...", "print these columns: pid,rx_bytes; +COLUMN adds one", take_columns,
           "@columns"},
    Option{of_rows, "--output-file", "FILE", "write to this file instead of standard output",
           [](Options& o, std::string_view text) { o.output_file = text; }, "@files"},
    Option{of_rows, "--bits", nullptr, "in pretty, rates in bits: 8.4 Mbit/s",
           [](Options& o, std::string_view) { o.units.bits = true; }},
    Option{of_rows, "--si", nullptr, "in pretty, units of 1000: MB, not MiB",
           [](Options& o, std::string_view) { o.units.si = true; }},
    Option{of_names, "--resolve", nullptr, "names of remote addresses; in pretty, in their place",
           [](Options& o, std::string_view) { o.resolve = true; }},
    Option{of_names, "--resolve-timeout", "TIME", "for all names together; default 1s",
           [](Options& o, std::string_view text) {
               o.resolve = true;
               o.resolve_timeout = duration_value(text);
           },
           "200ms 1s 5s"},
    Option{of_names, "--resolve-private", nullptr, "ask any resolver about private addresses too",
           [](Options& o, std::string_view) { o.resolve = o.resolve_private = true; }},
    Option{of_rows, "--service-names", nullptr, "in pretty, names of ports: https, not 443",
           [](Options& o, std::string_view) { o.service_names = true; }},
    Option{of_rows, "--all-rows", nullptr, "in pretty, also rows past the end of the terminal",
           [](Options& o, std::string_view) { o.all_rows = true; }},
    Option{of_rows, "-H,--list-columns", nullptr, "list all columns instead of sampling",
           [](Options& o, std::string_view) { o.command = Command::list_columns; }},
};

constexpr std::array beside_filters{
    Option{of_filters, "--exclude", "FILTER=V", "leave out what --FILTER V selects", exclude, "", excludable},
    Option{of_filters, "--external", nullptr,
           "only what leaves for others' networks: no private, loopback, multicast or own address", exclude_internal},
};

constexpr std::array after_filters{
    Option{of_ports, "--wait-for", "TIME", "ports: wait until a socket matches, exit code 1 if none does within TIME",
           [](Options& o, std::string_view text) { o.wait_for = duration_value(text); }, "5s 30s 1m"},

    Option{of_run, "--detached-too", "TIME",
           "run: also wait for processes that the command leaves running, for TIME at most",
           [](Options& o, std::string_view text) { o.detached_too = duration_value(text); }, "5s 30s 1m"},

    Option{of_report, "--host", "NAME", "snapshots of this host; repeatable",
           [](Options& o, std::string_view text) { o.hosts.emplace_back(text); }},
    Option{of_report, "--from", "WHEN",
           "snapshots that began at this time or later: 2026-11, 2026-11-20 or 2026-11-20T21:00:00Z",
           [](Options& o, std::string_view text) { o.from = period_value(text).begin; }},
    Option{of_report, "--to", "WHEN", "snapshots that began before this time, or by the end of this day or month",
           [](Options& o, std::string_view text) { o.to = period_value(text).end; }},
    Option{of_report, "--per", "PIECE", "separate rows for each hour or day, in UTC",
           [](Options& o, std::string_view text) { o.per = per_value(text); }, "hour day"},

    Option{of_output, "-f,--format", "FORMAT", "{}; default pretty on a terminal, else tsv",
           [](Options& o, std::string_view text) { o.format = format_value(text); }, "", format_words},
    Option{of_output, "-n,--no-header", nullptr, "no header row",
           [](Options& o, std::string_view) { o.header = false; }},
    Option{of_output, "--color", "WHEN", "auto (default), always or never",
           [](Options& o, std::string_view text) { o.color = color_value(text); }, "auto always never"},
    Option{of_output, "--no-progress", nullptr, "no progress line",
           [](Options& o, std::string_view) { o.progress = false; }},
    Option{of_output, "-q,--quiet", nullptr, "no notes and no progress line",
           [](Options& o, std::string_view) { o.quiet = true; }},
    Option{of_output, "-v,--verbose", nullptr,
           "print which backend is used and why, and every note; -vv: also trace decisions",
           [](Options& o, std::string_view) { o.trace = std::exchange(o.verbose, true); }},
    Option{of_output, "--list-options", nullptr, "",
           [](Options& o, std::string_view) { o.listed = std::exchange(o.command, Command::list_options); }},

    Option{of_program, "-h,--help", nullptr,
           "print this help; -h: only what most people need; after a command, its own"},
    Option{of_program, "-V,--version", nullptr, "print the version"},
};

/// Adds the values of a filter. A list means the same as repeating the option for each part.
void add_values(Filter& filter, const FilterKind& kind, std::string_view text, bool is_excluded,
                std::string_view option)
{
    if (kind.value == nullptr) {
        filter.add(kind, kind.parse(""), is_excluded);
        return;
    }
    const bool is_list = std::string_view(kind.value).ends_with(",...");
    for (const std::string& part : is_list ? split_values(text) : std::vector{std::string(text)}) {
        filter.add(kind, kind.parse(part), is_excluded, option);
    }
}

std::vector<std::string> excludable(Command command)
{
    std::vector<std::string> words;
    for (const FilterKind& kind : filter_kinds()) {
        if (kind.value != nullptr && group_of(kind).has(command)) {
            words.push_back(std::string(kind.name()) + '=');
        }
    }
    return words;
}

void exclude(Options& options, std::string_view text)
{
    const auto equals = text.find('=');
    const std::string_view name = text.substr(0, equals);
    const FilterKind* const kind = find_filter_kind(name);
    if (kind == nullptr && equals == text.npos) {
        throw UsageError(
            fmt::format("--exclude takes a filter and its value, such as remote=10.0.0.0/8 or interface=lo, "
                        "not {}",
                        quote(text)));
    }
    if (kind == nullptr || kind->value == nullptr) {
        std::vector<std::string_view> valid;
        for (const FilterKind& each : filter_kinds()) {
            if (each.value != nullptr) {
                valid.push_back(each.name());
            }
        }
        throw UsageError(fmt::format("unknown filter {} of --exclude: {}", quote(name), suggest(name, valid)));
    }
    if (equals == text.npos || equals + 1 == text.size()) {
        throw UsageError(fmt::format("--exclude {} needs a value, as in {}=VALUE", name, name));
    }
    if (!group_of(*kind).has(options.command)) {
        throw UsageError(fmt::format("{} does not take --exclude {}: {}", find_word(options.command)->word, name,
                                     find_word(options.command)->why_not));
    }
    add_values(options.filter, *kind, text.substr(equals + 1), true);
}

/// Applies --external, which excludes internal addresses. In a report, it cannot exclude the machine's own addresses,
/// because samples do not save them.
void exclude_internal(Options& options, std::string_view /*text*/)
{
    const bool is_saved = options.command == Command::report;
    add_values(options.filter, *find_filter_kind("remote"),
               is_saved ? "private,loopback,multicast" : "private,loopback,multicast,own", true, "--external");
}

std::vector<Option> make_table()
{
    std::vector<Option> table(before_filters.begin(), before_filters.end());
    const auto add_kinds = [&](const OptionGroup& group) {
        for (const FilterKind& kind : filter_kinds()) {
            if (&group_of(kind) == &group) {
                table.push_back(Option{.group = group,
                                       .names = kind.names,
                                       .value = kind.value,
                                       .help = kind.help,
                                       .offers = kind.offers,
                                       .filter = &kind});
            }
        }
    };
    add_kinds(of_filters);
    std::copy(beside_filters.begin(), beside_filters.end(), std::back_inserter(table));
    add_kinds(of_sample_filters);
    add_kinds(of_trees);
    add_kinds(of_dns);
    std::copy(after_filters.begin(), after_filters.end(), std::back_inserter(table));
    return table;
}

} // namespace

const CommandWord* find_word(Command command)
{
    const auto* const found = std::find_if(command_words.begin(), command_words.end(),
                                           [=](const CommandWord& word) { return word.command == command; });
    return found == command_words.end() ? nullptr : found;
}

/// Returns whether the command takes the options of this group. Lists and help take the options of a sample.
bool OptionGroup::has(Command command) const
{
    return (commands & bit(find_word(command) != nullptr ? command : Command::sample)) != 0;
}

std::string_view Option::long_name() const { return names.substr(names.find("--")); }

std::vector<std::string> Option::valid_words(Command command) const
{
    if (filter != nullptr) {
        return filter->words != nullptr ? names_of(filter->words(), [](std::string_view word) { return word; })
                                        : std::vector<std::string>();
    }
    return words != nullptr ? words(command) : std::vector<std::string>();
}

std::string Option::full_help(Command command) const
{
    std::string choice; // "a, b or c"
    const auto all = valid_words(command);
    for (std::size_t i = 0; i < all.size(); ++i) {
        choice += i == 0 ? "" : i + 1 == all.size() ? " or " : ", ";
        choice += all[i];
    }
    return fmt::format(fmt::runtime(help), choice);
}

void Option::take(Options& options, const std::string& text) const
{
    if (filter != nullptr || &group == &of_filters) {
        options.filter_text += options.filter_text.empty() ? "" : " ";
        options.filter_text += long_name();
        options.filter_text += value != nullptr ? " " + text : "";
    }
    try {
        if (filter != nullptr) {
            add_values(options.filter, *filter, text, false);
        } else {
            apply(options, text);
        }
    } catch (const std::invalid_argument& error) {
        throw UsageError(error.what());
    }
}

std::span<const Option> option_table()
{
    static const std::vector<Option> table = make_table();
    return table;
}

} // namespace socktally
