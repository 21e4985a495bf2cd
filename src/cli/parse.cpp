// SPDX-License-Identifier: MIT
// argv -> Options: every option with its help and its effect. What their values may look like is in values.cpp.
// An option given twice: the last one wins; a filter takes both.
#include "cli/command_line.hpp"
#include "cli/options.hpp"
#include "cli/values.hpp"
#include "util/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

namespace socktally {

namespace {

constexpr std::string_view introduction =
    R"(Usage: socktally [OPTION]...
       socktally report [OPTION]... [FILE]...
       socktally doctor [-b NAME] [OUTPUT OPTION]...

Says which process moved how many bytes over the network: takes one sample and
prints one row per process. report adds up samples that were saved as json or
jsonl. doctor says which backends work and what they need.
)";

constexpr std::string_view examples = R"(
Examples:
  socktally -d 5s --top 10
  socktally --by connection --remote 10.0.0.0/8 --sort tx_bytes
  socktally -f json | jq '.processes[] | select(.tx_bytes > 1000000)'

See socktally(1), socktally-output(5) and socktally-backends(7).
)";

constexpr OptionGroup sampling{"Sampling", true, false, false};
constexpr OptionGroup choosing{"Sampling", true, false, true};
constexpr OptionGroup judging{"Sampling", true, true, false};
constexpr OptionGroup rows{"Rows and columns, of report too", true, true, false};
constexpr OptionGroup filters{"Filters (repeatable), of report too", true, true, false};
constexpr OptionGroup sample_filters{"Filters (repeatable)", true, false, false};
constexpr OptionGroup reporting{"Of report only", false, true, false};
constexpr OptionGroup output{"Output, of report and doctor too", true, true, true};

void add_sampling(CommandLine& line, Options& o)
{
    line.value(sampling, "-d,--duration", "TIME",
               "window: 5, 500ms, 1.5s, 2m, 1h; default 1s;\n0: totals since each open socket was opened",
               [&o](const std::string& text) { o.duration = duration_value(text); });
    line.value(sampling, "--interval", "TIME", "windows of this length, one after another, until\nstopped",
               [&o](const std::string& text) { o.interval = interval_value(text); });
    line.value(sampling, "--count", "N", "so many windows; 0: until stopped",
               [&o](const std::string& text) { o.count = count_value(text); });
    line.value(sampling, "--since", "FILE",
               "what moved since the last run with FILE; waits for\nnothing; the first run: totals",
               [&o](const std::string& text) { o.since = text; });
    line.flag(sampling, "--wait", "wait for another run with the same FILE", [&o] { o.wait = true; });
    line.value(choosing, "-b,--backend", "NAME", "ebpf, netlink, packet or procfs; default auto: the\nbest that works",
               [&o](const std::string& text) { o.backend = text; });
    line.value(sampling, "--capture-buffer", "SIZE", "room for captured packets; default 8M",
               [&o](const std::string& text) { o.capture_buffer = capture_buffer_value(text); });
    line.flag(judging, "--strict", "exit code 3 when the result is not complete", [&o] { o.strict = true; });
}

void add_rows(CommandLine& line, Options& o)
{
    line.value(rows, "--by", "KEY",
               "one row per KEY: process (default), connection,\nname, user, remote, port, protocol, cgroup, "
               "unit,\ncontainer, pod, netns or interface",
               [&o](const std::string& text) { o.by = group_by_value(text); });
    line.value(rows, "--sort", "COLUMN",
               "sort by it, largest number first, or by a sum of\n"
               "columns; default rx_bytes+tx_bytes",
               [&o](const std::string& text) { o.sort = text; });
    line.value(rows, "--top", "N", "the first N rows; the others summed in one",
               [&o](const std::string& text) { o.top = top_value(text); });
    line.flag(rows, "--all", "also the rows without traffic", [&o] { o.all = true; });
    line.value(rows, "--alert", "EXPR",
               "only rows like tx_bytes_per_sec>10M; exit code 10\nwhere there are any; repeatable",
               [&o](const std::string& text) { o.alerts.push_back(text); });
    line.value(rows, "-o,--output", "COLUMN,...",
               "print these, as in pid,rx_bytes; a + before them\nadds to the default ones",
               [&o](const std::string& text) { o.columns = text; });
    line.value(rows, "--output-file", "FILE", "replace this file instead of printing",
               [&o](const std::string& text) { o.output_file = text; });
    line.flag(rows, "-H,--list-columns", "list all columns instead of sampling",
              [&o] { o.command = Command::list_columns; });
}

/// A filter option, and the value of --exclude with the same name.
struct FilterOption {
    enum class Takes : std::uint8_t { list, text }; // a text may have commas in it

    FilterKind kind;
    const char* names;
    const char* type;
    const char* help;
    void (*add)(Criteria& criteria, std::string_view value);
    Takes takes = Takes::list;
    bool of_report = true;
};

constexpr std::array filter_options{
    FilterOption{FilterKind::pid, "--pid", "PID,...", "the process with this id",
                 [](Criteria& c, std::string_view value) { c.pids.push_back(pid_value(value)); }},
    FilterOption{FilterKind::name, "--name", "NAME", "processes with this whole name; not a list",
                 [](Criteria& c, std::string_view value) { c.names.emplace_back(value); }, FilterOption::Takes::text},
    FilterOption{FilterKind::filter, "--filter", "TEXT", "processes with this text in their name; not a list",
                 [](Criteria& c, std::string_view value) { c.substrings.emplace_back(value); },
                 FilterOption::Takes::text},
    FilterOption{FilterKind::user, "--user", "USER,...", "processes of this user, by name or number",
                 [](Criteria& c, std::string_view value) { c.users.push_back({std::string(value)}); }},
    FilterOption{FilterKind::port, "--port", "PORT,...", "connections with this port at either end",
                 [](Criteria& c, std::string_view value) { c.ports.push_back(port_value(value)); }},
    FilterOption{FilterKind::remote, "--remote", "ADDRESS,...", "connections to this address, or 10.0.0.0/8",
                 [](Criteria& c, std::string_view value) { c.remotes.push_back(remote_value(value)); }},
    FilterOption{FilterKind::protocol, "--protocol", "PROTO,...", "tcp, udp, icmp, sctp, ...: see socktally(1)",
                 [](Criteria& c, std::string_view value) { c.protocols.push_back(protocol_value(value)); }},
    FilterOption{FilterKind::container, "--container", "NAME,...", "processes in this container, by name or id",
                 [](Criteria& c, std::string_view value) { c.containers.emplace_back(value); }},
    FilterOption{FilterKind::pod, "--pod", "NAME,...", "processes in this pod, by name or uid",
                 [](Criteria& c, std::string_view value) { c.pods.emplace_back(value); }},
    FilterOption{FilterKind::unit, "--unit", "UNIT,...", "processes of this systemd unit; .service is implied",
                 [](Criteria& c, std::string_view value) { c.units.emplace_back(value); }},
    FilterOption{FilterKind::netns, "--netns", "NAME,...",
                 "sockets in this network namespace: a name, a number,\na process id, current or all (default)",
                 [](Criteria& c, std::string_view value) { c.namespaces.push_back({std::string(value)}); }},
    FilterOption{FilterKind::interface, "--interface", "NAME,...", "connections over this network interface",
                 [](Criteria& c, std::string_view value) { c.interfaces.push_back({std::string(value)}); },
                 FilterOption::Takes::text, false}, // may be a list, which find_interfaces() decides
};

/// A list means the same as repeating the option for each part.
void add_values(Criteria& criteria, const FilterOption& option, const std::string& text)
{
    if (option.takes == FilterOption::Takes::text) {
        option.add(criteria, text);
        return;
    }
    for (const auto part : list_value(text)) {
        option.add(criteria, part);
    }
}

void add_excluded(Options& o, const std::string& text)
{
    const auto equals = text.find('=');
    const std::string name = text.substr(0, equals);
    std::vector<std::string_view> valid;
    for (const FilterOption& option : filter_options) {
        valid.push_back(to_string(option.kind));
        if (valid.back() != name) {
            continue;
        }
        if (equals == text.npos || equals + 1 == text.size()) {
            throw UsageError(fmt::format("--exclude {} needs a value, as in {}=VALUE", name, name));
        }
        if (o.command == Command::report && !option.of_report) {
            throw UsageError(fmt::format("report takes no sample, so it does not take --exclude {}", name));
        }
        add_values(o.filter.excluded, option, text.substr(equals + 1));
        return;
    }
    throw UsageError(fmt::format("unknown filter {} of --exclude: {}", quote(name), suggest(name, valid)));
}

void add_filters(CommandLine& line, Options& o)
{
    for (const FilterOption& option : filter_options) {
        line.value(option.of_report ? filters : sample_filters, option.names, option.type, option.help,
                   [&](const std::string& text) { add_values(o.filter, option, text); });
    }
    line.flag(sample_filters, "--no-loopback", "leave out traffic between two ends of this machine",
              [&o] { o.filter.loopback = false; });
    line.value(filters, "--exclude", "FILTER=V", "leave out what --FILTER V lets through",
               [&o](const std::string& text) { add_excluded(o, text); });
}

void add_report(CommandLine& line, Options& o)
{
    line.value(reporting, "--host", "NAME", "snapshots of this host; repeatable",
               [&o](const std::string& text) { o.hosts.push_back(text); });
    line.value(reporting, "--from", "WHEN", "snapshots since 2026-11-20 or\n2026-11-20T21:00:00Z, by their beginning",
               [&o](const std::string& text) { o.from = begin_value(text); });
    line.value(reporting, "--to", "WHEN", "snapshots before this, or to the end of this day",
               [&o](const std::string& text) { o.to = end_value(text); });
    line.value(reporting, "--per", "PIECE", "cut into pieces: hour or day, in UTC",
               [&o](const std::string& text) { o.per = per_value(text); });
}

void add_output(CommandLine& line, Options& o)
{
    line.value(output, "-f,--format", "FORMAT",
               "tsv, csv, json, jsonl, pretty, prom or influx;\ndefault pretty on a terminal, else tsv",
               [&o](const std::string& text) { o.format = format_value(text); });
    line.flag(output, "-n,--no-header", "no header row", [&o] { o.header = false; });
    line.value(output, "--color", "WHEN", "auto (default), always or never",
               [&o](const std::string& text) { o.color = color_value(text); });
    line.flag(output, "--no-progress", "no progress line", [&o] { o.progress = false; });
    line.flag(output, "-q,--quiet", "no notes and no progress line", [&o] { o.quiet = true; });
    line.flag(output, "-v,--verbose",
              "say which backend was taken and why, and print\nevery note; -vv: trace decisions too",
              [&o] { o.trace = std::exchange(o.verbose, true); });
}

/// Both TIMEs are the length of a window, and totals are no windows.
void settle_windows(Options& o, const CommandLine& line)
{
    if (o.interval && line.is_given("--duration")) {
        throw UsageError("--interval is the length of each window: it goes without --duration");
    }
    o.duration = o.interval.value_or(o.duration);
    if (o.interval && !o.count) {
        o.count = 0;
    }
    if (o.count && o.duration.count() == 0) {
        throw UsageError("--count needs windows, and --duration 0 is none");
    }
    if (o.count && o.count != 1U && o.format != nullptr && o.format->is_one_set && !o.output_file) {
        throw UsageError("prom is read as one set of figures: several windows go to an --output-file");
    }
}

void refuse_output(const Options& options)
{
    const Format* format = options.format;
    if (options.command == Command::doctor && format != nullptr && !format->is_of_doctor) {
        throw UsageError("doctor prints pretty, tsv or json only");
    }
    if (options.command == Command::list_columns && format != nullptr && format->list == nullptr) {
        throw UsageError("prom and influx print samples only, not the list of columns");
    }
    if (options.command == Command::list_columns && options.output_file) {
        throw UsageError("--list-columns prints the list, and takes no --output-file");
    }
}

void complete_report(Options& options)
{
    if (options.from && options.to && *options.from >= *options.to) {
        throw UsageError("--from is not before --to");
    }
    if (options.per && options.format != nullptr && options.format->is_one_set) {
        throw UsageError("--per makes rows of an hour or a day, for which prom has no place");
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

/// The interval is what has passed since the run before.
void settle_since(Options& o, const CommandLine& line)
{
    if (o.since.empty()) {
        if (o.wait) {
            throw UsageError("--wait goes with --since: it waits for another run with the same file");
        }
        return;
    }
    if (line.is_given("--duration") && o.duration.count() != 0) {
        throw UsageError("--since measures from the run before: it goes without --duration");
    }
    if (o.interval || o.count) {
        throw UsageError("--since measures from the run before: it goes without --interval and --count");
    }
    const std::filesystem::path state(o.since);
    const auto beside = [&](std::string_view format) {
        return state.parent_path() / fmt::format(fmt::runtime(format), state.filename().string());
    };
    for (const std::string_view format : {"{}", "{}.lock", "{}.bad", ".socktally.{}"}) {
        if (o.output_file && is_same_place(*o.output_file, beside(format))) {
            throw UsageError("--output-file is a file that --since keeps its state in");
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
        throw UsageError("--by interface counts all traffic of an interface: it takes no filter but --interface");
    }
}

} // namespace

Options parse_options(int argc, const char* const* argv)
{
    Options options;
    CommandLine line(introduction, examples);
    add_sampling(line, options);
    add_rows(line, options);
    add_filters(line, options);
    add_report(line, options);
    add_output(line, options);
    line.parse(argc, argv, options);
    settle_since(options, line);
    settle_windows(options, line);
    auto& namespaces = options.filter.namespaces;
    if (std::find(namespaces.begin(), namespaces.end(), Named<Inode>{"all"}) != namespaces.end()) {
        namespaces.clear();
    }
    refuse_output(options);
    if (options.command == Command::report) {
        complete_report(options);
    } else if (options.by == GroupBy::interface) {
        refuse_filters_by_interface(options);
    }
    return options;
}

} // namespace socktally
