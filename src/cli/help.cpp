// SPDX-License-Identifier: MIT
// The texts of -h and --help, for each command. -h is written by hand, --help comes from the table of options.
#include "cli/option_table.hpp"
#include "formats/width.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace socktally {

namespace {

/// The texts of a command that -h and --help print. --help also lists its options.
struct Help {
    Command command;
    std::string_view usage;
    std::string_view summary;  // only in --help
    std::string_view options;  // only in -h
    std::string_view examples; // a command in each line
};

constexpr std::array helps{
    Help{Command::sample,
         R"(Usage: socktally [OPTION]...       which process moves how many bytes
       socktally run COMMAND...    how many bytes a command moves
       socktally ports             which process listens on which port
       socktally dns               which process looks up which names
       socktally report [FILE]...  add up samples that -f jsonl >> FILE saved
       socktally doctor            which backends work here, what others need
)",
         R"(Shows which process moved how many bytes over the network. Takes one sample and
prints one row per process. run measures a command until it ends, with all
processes that it starts. ports lists sockets and who holds them. dns shows who
looks up names. report adds up samples saved as json or jsonl. doctor shows
which backends work here and what they need.
)",
         R"(  -d TIME          measure this long: 5s, 500ms, 1m30s; default 1s
  --interval TIME  measure again and again, until stopped, or --count N times
  --by KEY,...     a row per process (default), remote (--resolve names it), ...
  --top N          the N largest rows, the others summed in one
  --port PORT,...  only this port; also --protocol udp, --name, --user, --unit,
                   --container, --remote, --external, --exclude FILTER=VALUE
  --alert EXPR     only rows with 'tx_bytes_per_sec>10MB/s'; exit code 10 if any
  -f FORMAT        pretty, csv, json, prom, ...; --bits: in Mbit/s, --si: in MB
)",
         "socktally -d 5s --by process,remote --external --top 10\n"},
    Help{Command::ports, "Usage: socktally ports [OPTION]...  which process listens on which port\n",
         R"(Lists sockets as they are now, in every network namespace, and the processes
that hold them: TCP sockets that listen, UDP and other sockets that are bound.
)",
         R"(  --port PORT,...     only this port, service or range: 8080, http, 8000-8099
  --name NAME         only processes called so; also --pid, --user, --unit,
                      --container, --protocol, -4, -6, --exclude FILTER=VALUE
  --all               connections too: sockets in every state
  --state STATE,...   established, time-wait, ...; default listening,unconnected
  --wait-for TIME     wait until a socket matches, at most this long: 30s
  --by KEY,...        count the sockets of each process, user, port, ...
  -o COLUMN,...       columns to print; +shared_with: all holders of a socket
  -f FORMAT           pretty (default on a terminal), tsv, csv, json, ...
)",
         R"(socktally ports --port 8080
socktally ports --all --protocol tcp -o +remote_address,remote_port
socktally ports --wait-for 30s --port 8080 && curl http://localhost:8080/
)"},
    Help{Command::dns, "Usage: socktally dns [OPTION]...  which process looks up which names\n",
         R"(Shows the DNS look-ups of a window: who looked up what, of which resolver, with
what answer and how fast. Reads DNS, mDNS and LLMNR in every network namespace.
)",
         R"(  -d TIME          measure this long: 5s, 500ms, 1m30s; default 1s
  --interval TIME  measure again and again, until stopped
  --query NAME,... only names that contain this, or are below *.example.org
  --name NAME      only processes called so; also --pid, --user, --unit, ...
  --by KEY,...     a row per process, query, query_type, resolver, outcome, ...
  --alert EXPR     only rows such as 'failed>0'; exit with 10 if there are any
  -f FORMAT        pretty (default on a terminal), tsv, csv, json, ...
)",
         R"(socktally dns -d 10s
socktally dns --interval 10s -f jsonl
socktally dns -d 1m --query '*.example.org' --by user,query
)"},
    Help{Command::run, "Usage: socktally run [OPTION]... COMMAND [ARGUMENT]...  what a command moves\n",
         R"(Runs a command. When it ends, prints on standard error how many bytes it and all
processes that it started have moved. Exits with the status of the command.
)",
         R"(  --by KEY,...         a row per process (default), remote, connection, port...
  --interval TIME      also print while the command runs: every 10s, 1m, ...
  --detached-too TIME  then wait for what it left in the background: 1m
  --output-file FILE   write the result to this file, not to standard error
  -o COLUMN,...        columns to print: process,rx_bytes; +COLUMN adds one
  -f FORMAT            pretty (default on a terminal), tsv, csv, json, ...
  --bits, --si         rates in Mbit/s, bytes in MB
)",
         R"(socktally run curl -sO https://example.com/file
socktally run --by process,remote sh -c 'cd src && git pull'
socktally run -f json --output-file moved.json curl -sO example.com/file
)"},
    Help{Command::report, "Usage: socktally report [OPTION]... [FILE]...  add up samples that were saved\n",
         R"(Adds up samples that were saved with -f json or -f jsonl, in files or on
standard input, as if they were one.
)",
         R"(  --by KEY,...  a row per process (default), user, unit, container, port, ...
  --per PIECE   separate rows for each hour or day
  --from WHEN   only from then on: 2026-11, 2026-11-20, 2026-11-20T21:00:00Z
  --to WHEN     only until then, with the whole day or month
  --host NAME   only samples of this machine
  --top N       the N largest rows, the others summed in one
  --name NAME   only this process; also --user, --unit, --container, --port, ...
  -f FORMAT     pretty (default on a terminal), tsv, csv, json, ...
)",
         R"(socktally --interval 1m --count 1440 -f jsonl >> day.jsonl
socktally report --top 10 day.jsonl
socktally report --by user --per hour day.jsonl
)"},
    Help{Command::doctor, "Usage: socktally doctor [OPTION]...  which backends work here\n",
         R"(Shows which backends work here, what each cannot see, and what the others need.
)",
         R"(  -b NAME    only this backend: ebpf, netlink, packet or procfs; also prints how
             to run it without root, and what that exposes
  -f FORMAT  pretty (default on a terminal), tsv or json
)",
         R"(socktally doctor
socktally doctor -b ebpf
)"},
};

const Help& help_of(Command command)
{
    const auto* const found =
        std::find_if(helps.begin(), helps.end(), [=](const Help& help) { return help.command == command; });
    return found == helps.end() ? helps.front() : *found;
}

/// Puts `first` before the first line, and as many blanks before the others.
std::string indented(std::string_view first, std::string_view lines)
{
    std::string text;
    for (auto end = lines.find('\n'); end != lines.npos; end = lines.find('\n')) {
        text += fmt::format("{:<{}}{}\n", text.empty() ? first : "", first.size(), lines.substr(0, end));
        lines.remove_prefix(end + 1);
    }
    return text;
}

/// Returns "  -d, --duration TIME  window: 5, ..."; without a short name, blanks take its place.
std::string help_line(const Option& option, Command command)
{
    constexpr std::size_t indent = 28; // the last of its blanks is there after a long name too
    constexpr std::size_t width = 80;
    const std::string_view name = option.long_name();
    const std::string short_name = option.names == name ? "    " : fmt::format("{}, ", option.names.substr(0, 2));
    const std::string value = option.value != nullptr ? fmt::format(" {}", option.value) : "";
    const std::string left = fmt::format("  {}{}{}", short_name, name, value);
    return fmt::format("{:<{}} {}\n", left, indent - 1, wrap(option.full_help(command), width, indent, indent));
}

} // namespace

std::string short_help(Command command)
{
    const Help& help = help_of(command);
    const CommandWord* const word = find_word(command);
    const std::string of_command = word != nullptr ? fmt::format(" {}", word->word) : "";
    const std::string page = word != nullptr && command != Command::doctor ? fmt::format("-{}", word->word) : "";
    return fmt::format("{}\n{}{}All options: socktally{} --help; the manual: man socktally{}\n", help.usage,
                       help.options, indented("Try: ", help.examples), of_command, page);
}

/// CLI11's own help neither aligns the options nor keeps our order of groups.
std::string long_help(Command command)
{
    const Help& help = help_of(command);
    const bool is_of_all = help.command == Command::sample;
    std::string text = fmt::format("{}\n{}", help.usage, help.summary);
    std::string_view title;
    for (const Option& option : option_table()) {
        if (*option.help == '\0' || !(is_of_all || option.group.has(command))) {
            continue;
        }
        if (option.group.title != title) {
            title = option.group.title;
            text +=
                fmt::format("\n{}:\n", is_of_all ? title : title.substr(0, title.find(" ("))); // without the brackets
        }
        text += help_line(option, command);
    }
    text += "\nExamples:\n";
    text += indented("  ", help.examples);
    if (is_of_all) {
        text += R"(  socktally run curl -O https://example.com/file
  socktally --by connection --remote 10.0.0.0/8 --sort tx_bytes
  socktally -f json | jq '.processes[] | select(.tx_bytes > 1000000)'
)";
    }
    text += R"(
See socktally(1), socktally-run(1), -ports(1), -dns(1) and -report(1),
socktally-output(5), socktally-backends(7) and socktally-since(7).
)";
    return text;
}

} // namespace socktally
