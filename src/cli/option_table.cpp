// SPDX-License-Identifier: MIT
// Every option with its help and its effect. values.cpp parses their values.
// If an option is repeated, the last one wins; a filter takes both.
#include "cli/option_table.hpp"

#include "cli/options.hpp"
#include "cli/values.hpp"
#include "traffic/backend.hpp"
#include "util/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace socktally {

namespace {

constexpr OptionGroup sampling{"Sampling", true, false, false};
constexpr OptionGroup choosing{"Sampling", true, false, true};
constexpr OptionGroup judging{"Sampling", true, true, false};
constexpr OptionGroup rows{"Rows and columns (also for report)", true, true, false};
constexpr OptionGroup filters{"Filters (repeatable, also for report)", true, true, false};
constexpr OptionGroup sample_filters{"Filters (repeatable)", true, false, false};
constexpr OptionGroup reporting{"Only for report", false, true, false};
constexpr OptionGroup output{"Output (also for report and doctor)", true, true, true};
constexpr OptionGroup about{"About", true, true, true};

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

std::vector<std::string> backend_words(Command)
{
    return names_of(backends(), [](const BackendEntry& entry) { return entry.name; });
}

std::vector<std::string> key_words(Command)
{
    return names_of(keys(), [](const Key& key) { return key.name; });
}

std::vector<std::string> protocol_words(Command)
{
    return names_of(protocol_names(), [](std::string_view name) { return name; });
}

constexpr Option filter(const OptionGroup& group, const char* names, const char* value, const char* help,
                        void (*add)(Criteria&, std::string_view), const char* offers = "", bool is_one_value = false)
{
    return {.group = group,
            .names = names,
            .value = value,
            .help = help,
            .offers = offers,
            .add = add,
            .is_one_value = is_one_value};
}
constexpr bool one_value = true;

std::vector<std::string> excludable(Command command);
void exclude(Options& options, std::string_view text);

constexpr std::array table{
    Option{sampling, "-d,--duration", "TIME",
           "window length: 500ms, 5s, 2m; default 1s; 0: totals since each open socket was opened",
           [](Options& o, std::string_view text) {
               o.duration = duration_value(text);
               o.is_duration_given = true;
           },
           "0 500ms 1s 5s 1m"},
    Option{sampling, "--interval", "TIME", "measure one window after another, until stopped",
           [](Options& o, std::string_view text) { o.interval = interval_value(text); }, "1s 5s 10s 1m"},
    Option{sampling, "--count", "N", "stop after N windows; 0: never",
           [](Options& o, std::string_view text) { o.count = count_value(text); }, "0 10 60"},
    Option{sampling, "--since", "FILE",
           "print at once what moved since the last run with FILE (TCP only); the first run prints totals",
           [](Options& o, std::string_view text) { o.since = text; }, "@files"},
    Option{sampling, "--wait", nullptr, "with --since: wait while another run uses FILE",
           [](Options& o, std::string_view) { o.wait = true; }},
    Option{choosing, "-b,--backend", "NAME", "{}; default auto: the best that works",
           [](Options& o, std::string_view text) { o.backend = text; }, "auto", backend_words},
    Option{sampling, "--capture-buffer", "SIZE", "size of the buffer for captured packets; default 8M",
           [](Options& o, std::string_view text) { o.capture_buffer = capture_buffer_value(text); }, "4M 16M 64M 256M"},
    Option{judging, "--strict", nullptr, "exit with 3 if the result is incomplete",
           [](Options& o, std::string_view) { o.strict = true; }},

    Option{rows, "--by", "KEY,...", "one row per KEY: {}; default process",
           [](Options& o, std::string_view text) { o.by = group_by_value(text); }, "", key_words},
    Option{rows, "--sort", "COLUMN", "sort by this column or sum of columns, largest first; default rx_bytes+tx_bytes",
           [](Options& o, std::string_view text) { o.sort = text; }, "@columns"},
    Option{rows, "--top", "N", "print the first N rows and the sum of the others",
           [](Options& o, std::string_view text) { o.top = top_value(text); }},
    Option{rows, "--all", nullptr, "also print rows without traffic",
           [](Options& o, std::string_view) { o.all = true; }},
    Option{rows, "--alert", "EXPR",
           "print only rows such as tx_bytes_per_sec>10M; exit with 10 if there are any; repeatable",
           [](Options& o, std::string_view text) { o.alerts.emplace_back(text); }, "@columns"},
    Option{rows, "-o,--output", "COLUMN,...",
           "print these columns, such as pid,rx_bytes; +COLUMN adds to the default columns",
           [](Options& o, std::string_view text) { o.columns = text; }, "@columns"},
    Option{rows, "--output-file", "FILE", "write to this file instead of standard output",
           [](Options& o, std::string_view text) { o.output_file = text; }, "@files"},
    Option{rows, "--bits", nullptr, "in pretty, rates in bits: 8.4 Mbit/s",
           [](Options& o, std::string_view) { o.units.bits = true; }},
    Option{rows, "--si", nullptr, "in pretty, units of 1000: MB, not MiB",
           [](Options& o, std::string_view) { o.units.si = true; }},
    Option{rows, "--all-rows", nullptr, "in pretty, also rows past the end of the terminal",
           [](Options& o, std::string_view) { o.all_rows = true; }},
    Option{rows, "-H,--list-columns", nullptr, "list all columns instead of sampling",
           [](Options& o, std::string_view) { o.command = Command::list_columns; }},

    filter(
        filters, "--pid", "PID,...", "the process with this id",
        [](Criteria& c, std::string_view value) { c.pids.push_back(pid_value(value)); }, "@pids"),
    filter(
        filters, "--name", "NAME", "processes with exactly this name, commas included",
        [](Criteria& c, std::string_view value) { c.names.emplace_back(value); }, "", one_value),
    filter(
        filters, "--filter", "TEXT", "processes with this text in their name",
        [](Criteria& c, std::string_view value) { c.substrings.emplace_back(value); }, "", one_value),
    filter(
        filters, "--user", "USER,...", "processes of this user, by name or number",
        [](Criteria& c, std::string_view value) { c.users.push_back({std::string(value)}); }, "@users"),
    filter(filters, "--port", "PORT,...", "connections with this port at either end",
           [](Criteria& c, std::string_view value) { c.ports.push_back(port_value(value)); }),
    filter(filters, "--remote", "ADDRESS,...", "connections to this address, or 10.0.0.0/8",
           [](Criteria& c, std::string_view value) { c.remotes.push_back(remote_value(value)); }),
    Option{.group = filters,
           .names = "--protocol",
           .value = "PROTO,...",
           .help = "tcp, udp, icmp, sctp, ...: see socktally(1)",
           .words = protocol_words,
           .add = [](Criteria& c, std::string_view value) { c.protocols.push_back(protocol_value(value)); }},
    filter(filters, "--container", "NAME,...", "processes in this container, by name or id",
           [](Criteria& c, std::string_view value) { c.containers.emplace_back(value); }),
    filter(filters, "--pod", "NAME,...", "processes in this pod, by name or uid",
           [](Criteria& c, std::string_view value) { c.pods.emplace_back(value); }),
    filter(filters, "--unit", "UNIT,...", "processes of this systemd unit; .service is implied",
           [](Criteria& c, std::string_view value) { c.units.emplace_back(value); }),
    filter(
        filters, "--netns", "NAME,...",
        "sockets in this network namespace: a name, a number, a process id, current or all (default)",
        [](Criteria& c, std::string_view value) { c.namespaces.push_back({std::string(value)}); }, "@netns"),
    Option{filters, "--exclude", "FILTER=V", "leave out what --FILTER V selects", exclude, "", excludable},
    // One name may look like a list; find_interfaces() decides.
    filter(
        sample_filters, "--interface", "NAME,...", "connections over this network interface",
        [](Criteria& c, std::string_view value) { c.interfaces.push_back({std::string(value)}); }, "@interfaces",
        one_value),
    Option{sample_filters, "--no-loopback", nullptr, "leave out traffic within this machine",
           [](Options& o, std::string_view) { o.filter.loopback = false; }},

    Option{reporting, "--host", "NAME", "snapshots of this host; repeatable",
           [](Options& o, std::string_view text) { o.hosts.emplace_back(text); }},
    Option{reporting, "--from", "WHEN",
           "snapshots that began at this time or later: 2026-11-20 or 2026-11-20T21:00:00Z",
           [](Options& o, std::string_view text) { o.from = begin_value(text); }},
    Option{reporting, "--to", "WHEN", "snapshots that began before this time, or by the end of this day",
           [](Options& o, std::string_view text) { o.to = end_value(text); }},
    Option{reporting, "--per", "PIECE", "separate rows for each hour or day, in UTC",
           [](Options& o, std::string_view text) { o.per = per_value(text); }, "hour day"},

    Option{output, "-f,--format", "FORMAT", "{}; default pretty on a terminal, else tsv",
           [](Options& o, std::string_view text) { o.format = format_value(text); }, "", format_words},
    Option{output, "-n,--no-header", nullptr, "no header row", [](Options& o, std::string_view) { o.header = false; }},
    Option{output, "--color", "WHEN", "auto (default), always or never",
           [](Options& o, std::string_view text) { o.color = color_value(text); }, "auto always never"},
    Option{output, "--no-progress", nullptr, "no progress line",
           [](Options& o, std::string_view) { o.progress = false; }},
    Option{output, "-q,--quiet", nullptr, "no notes and no progress line",
           [](Options& o, std::string_view) { o.quiet = true; }},
    Option{output, "-v,--verbose", nullptr,
           "print which backend is used and why, and every note; -vv: also trace decisions",
           [](Options& o, std::string_view) { o.trace = std::exchange(o.verbose, true); }},
    Option{output, "--list-options", nullptr, "",
           [](Options& o, std::string_view) { o.listed = std::exchange(o.command, Command::list_options); }},

    Option{about, "-h,--help", nullptr, "print this help"},
    Option{about, "-V,--version", nullptr, "print the version"},
};

/// A list means the same as repeating the option for each part.
void add_values(Criteria& criteria, const Option& option, std::string_view text)
{
    if (option.is_one_value) {
        option.add(criteria, text);
        return;
    }
    for (const auto part : list_value(text)) {
        option.add(criteria, part);
    }
}

std::vector<std::string> excludable(Command command)
{
    std::vector<std::string> words;
    for (const Option& option : table) {
        if (option.add != nullptr && option.group.has(command)) {
            words.push_back(std::string(option.long_name().substr(2)) + '=');
        }
    }
    return words;
}

void exclude(Options& options, std::string_view text)
{
    const auto equals = text.find('=');
    const std::string_view name = text.substr(0, equals);
    std::vector<std::string_view> valid;
    for (const Option& option : table) {
        if (option.add == nullptr) {
            continue;
        }
        valid.push_back(option.long_name().substr(2));
        if (valid.back() != name) {
            continue;
        }
        if (equals == text.npos || equals + 1 == text.size()) {
            throw UsageError(fmt::format("--exclude {} needs a value, as in {}=VALUE", name, name));
        }
        if (!option.group.has(options.command)) {
            throw UsageError(fmt::format("report does not take --exclude {}: it takes no sample", name));
        }
        add_values(options.filter.excluded, option, text.substr(equals + 1));
        return;
    }
    throw UsageError(fmt::format("unknown filter {} of --exclude: {}", quote(name), suggest(name, valid)));
}

} // namespace

std::string_view Option::long_name() const
{
    const std::string_view all = names;
    return all.substr(all.find("--"));
}

std::string Option::full_help() const
{
    std::string choice; // "a, b or c"
    const auto all = words != nullptr ? words(Command::sample) : std::vector<std::string>();
    for (std::size_t i = 0; i < all.size(); ++i) {
        choice += i == 0 ? "" : i + 1 == all.size() ? " or " : ", ";
        choice += all[i];
    }
    return fmt::format(fmt::runtime(help), choice);
}

void Option::take(Options& options, const std::string& text) const
{
    if (&group == &filters || &group == &sample_filters) {
        options.filter_text += options.filter_text.empty() ? "" : " ";
        options.filter_text += long_name();
        options.filter_text += value != nullptr ? " " + text : "";
    }
    if (add != nullptr) {
        add_values(options.filter, *this, text);
    } else {
        apply(options, text);
    }
}

std::span<const Option> option_table() { return table; }

} // namespace socktally
