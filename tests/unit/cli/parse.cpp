// SPDX-License-Identifier: MIT
// argv -> Options: defaults, spelling, repetition, and one clear line for every misuse.
#include "cli/options.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <initializer_list>
#include <sstream>
#include <string>
#include <vector>

using namespace socktally;
using namespace std::chrono_literals;

namespace {

Options parse(std::initializer_list<const char*> arguments)
{
    std::vector<const char*> argv{"socktally"};
    argv.insert(argv.end(), arguments);
    return parse_options(static_cast<int>(argv.size()), argv.data());
}

std::string error_of(std::initializer_list<const char*> arguments)
{
    try {
        parse(arguments);
    } catch (const UsageError& error) {
        return error.what();
    }
    return "no error";
}

} // namespace

TEST_CASE("no arguments: the defaults")
{
    const Options options = parse({});
    CHECK(options.command == Command::sample);
    CHECK(options.duration == 1s);
    CHECK(options.backend == "auto");
    CHECK_FALSE(options.format);
    CHECK(options.columns.empty());
    CHECK(options.header);
    CHECK(options.by == GroupBy("process"));
    CHECK(options.filter.loopback);
    CHECK(parse_options(0, nullptr).command == Command::sample);
}

TEST_CASE("every option reaches its field")
{
    const Options o =
        parse({"-d",       "2m",       "-f",           "json",   "-o",      "+uid",    "-n",    "-b",
               "netlink",  "--by",     "port",         "--sort", "port",    "--top",   "7",     "--all",
               "--filter", "sql",      "--strict",     "-q",     "-v",      "--color", "never", "--protocol",
               "udp",      "--remote", "fe80::/10",    "--user", "alice",   "--name",  "curl",  "--no-loopback",
               "--unit",   "a,b",      "--container",  "web",    "--netns", "blue",    "--pid", "12",
               "--port",   "443",      "--no-progress"});
    CHECK(o.duration == 2min);
    CHECK(o.format == find_format("json"));
    CHECK(o.columns == "+uid");
    CHECK_FALSE(o.header);
    CHECK(o.backend == "netlink");
    CHECK(o.by == GroupBy("port"));
    CHECK(o.sort == "port");
    CHECK(o.top == 7);
    CHECK(o.all);
    CHECK(o.filter.substrings == std::vector<std::string>{"sql"});
    CHECK(o.strict);
    CHECK(o.quiet);
    CHECK(o.verbose);
    CHECK_FALSE(o.trace);
    CHECK(o.color == ColorWhen::never);
    CHECK(o.filter.protocols == std::vector{Protocol::udp});
    REQUIRE(o.filter.remotes.size() == 1);
    CHECK(o.filter.remotes[0].length == 10);
    CHECK(o.filter.users == std::vector<Named<Uid>>{{"alice"}});
    CHECK(o.filter.names == std::vector<std::string>{"curl"});
    CHECK_FALSE(o.filter.loopback);
    CHECK(o.filter.pids == std::vector{Pid{12}});
    CHECK(o.filter.units == std::vector<std::string>{"a", "b"});
    CHECK(o.filter.containers == std::vector<std::string>{"web"});
    CHECK(o.filter.namespaces == std::vector<Named<Inode>>{{"blue"}});
    CHECK(o.filter.ports == std::vector<std::uint16_t>{443});
    CHECK_FALSE(o.progress);
}

TEST_CASE("--since has no window of its own")
{
    const Options options = parse({"--since", "state", "--wait", "-d", "0"});
    CHECK(options.since == "state");
    CHECK(options.wait);
    CHECK(options.duration.count() == 0);
    CHECK(parse({"--since", "state"}).duration.count() == 0);
    const char* no_duration = "--since and --duration cannot be combined: --since measures from the last run";
    CHECK(error_of({"--since", "state", "-d", "1"}) == no_duration);
    const char* state = "--output-file and --since need different files";
    CHECK(error_of({"--since", "/tmp/f", "--output-file", "/tmp/f"}) == state);
    CHECK(error_of({"--since", "/tmp/f", "--output-file", "/tmp/./f.lock"}) == state);
    CHECK(error_of({"--since", "/tmp/f", "--output-file", "/tmp/.socktally.f"}) == state);
    CHECK(parse({"--since", "/tmp/f", "--output-file", "/tmp/f.prom"}).output_file == "/tmp/f.prom");
    const char* no_windows = "--since cannot be combined with --interval or --count: it measures from the last run";
    CHECK(error_of({"--since", "state", "--interval", "1"}) == no_windows);
    CHECK(error_of({"--since", "state", "--count", "2"}) == no_windows);
    CHECK(error_of({"--wait"}) == "--wait needs --since: it waits for another run with the same file");
}

TEST_CASE("windows that follow each other are as long as --interval says, and as many as --count says")
{
    CHECK_FALSE(parse({}).count);
    const Options endless = parse({"--interval", "250ms"});
    CHECK(endless.interval == 250ms);
    CHECK(endless.duration == 250ms);
    CHECK(endless.count == 0U);
    CHECK(parse({"--count", "3", "--interval", "2"}).count == 3U);
    CHECK(parse({"--count", "3"}).duration == 1s);
    CHECK(parse({"--count", "3", "-d", "5"}).duration == 5s);
    CHECK(parse({"--count", "0"}).count == 0U);
    CHECK(error_of({"--interval", "1", "-d", "1"}) == "--interval and --duration cannot be combined");
    CHECK(error_of({"--interval", "0"}) == "--interval must be greater than 0");
    CHECK(error_of({"--count", "2", "-d", "0"}) ==
          "--count needs windows: use --duration 1s, or another time greater than 0");
    CHECK(error_of({"--count", "-1"}).starts_with("bad number of windows \"-1\": "));
    const char* one_set = "-f prom with several windows needs --output-file";
    CHECK(error_of({"--interval", "1", "-f", "prom"}) == one_set);
    CHECK(parse({"--count", "1", "-f", "prom"}).count == 1);
    CHECK(parse({"--interval", "1", "-f", "prom", "--output-file", "f"}).count == 0);
    CHECK(error_of({"doctor", "--count", "1"}) == "doctor does not take --count: it takes no sample");
}

TEST_CASE("spellings of an option and its value")
{
    CHECK(parse({"--duration", "5"}).duration == 5s);
    CHECK(parse({"--duration=5"}).duration == 5s);
    CHECK(parse({"-d5"}).duration == 5s);
    CHECK(parse({"-nqd5"}).duration == 5s);
    CHECK(parse({"-q", "-q"}).quiet);
    CHECK(parse({"--"}).command == Command::sample);
}

TEST_CASE("given twice: the last one wins, a filter takes both")
{
    CHECK(parse({"-d", "5", "--duration", "7"}).duration == 7s);
    CHECK(parse({"-o", "pid", "-o", "user"}).columns == "user");
    CHECK(parse({"--pid", "1", "--pid", "2,3"}).filter.pids == std::vector{Pid{1}, Pid{2}, Pid{3}});
    CHECK(parse({"--pid", "1\n2"}).filter.pids == std::vector{Pid{1}, Pid{2}}); // as pgrep prints them
    const Criteria excluded =
        parse({"--exclude", "port=22,80", "--exclude=name=a=b,c", "--exclude", "user=root"}).filter.excluded;
    CHECK(excluded.ports == std::vector<std::uint16_t>{22, 80});
    CHECK(excluded.names == std::vector<std::string>{"a=b,c"});
    CHECK(excluded.users == std::vector<Named<Uid>>{{"root"}});
    CHECK(parse({"--port", "22,80"}).filter.ports == std::vector<std::uint16_t>{22, 80});
    CHECK(parse({"--user", "alice,bob"}).filter.users == std::vector<Named<Uid>>{{"alice"}, {"bob"}});
    CHECK(parse({"--protocol", "tcp,udp"}).filter.protocols == std::vector{Protocol::tcp, Protocol::udp});
    CHECK(parse({"--remote", "10.0.0.1,10.0.0.2"}).filter.remotes.size() == 2);
}

TEST_CASE("rows by interface take no filter but --interface")
{
    CHECK(parse({"--by", "interface", "--interface", "eth0,eth1"}).filter.interfaces ==
          std::vector<Named<std::uint32_t>>{{"eth0,eth1"}});
    CHECK(parse({"--by", "interface", "--all", "--top", "1"}).by.is_by_interface());
    const std::string refusal = "--by interface counts all traffic of an interface: the only filter is --interface";
    for (const char* option : {"--pid=1", "--name=a", "--filter=a", "--user=root", "--port=1", "--remote=10.0.0.1",
                               "--protocol=udp", "--unit=a", "--container=a", "--netns=current", "--no-loopback"}) {
        CAPTURE(option);
        CHECK(error_of({"--by", "interface", option}) == refusal);
        CHECK(error_of({option, "--by", "port"}) == "no error");
    }
}

TEST_CASE("names are taken as they are")
{
    const auto names = parse({"--name", "[exited]", "--name", "a,b", "--name={}", "--name", "%%", "--name", "--all",
                              "--name", "\xff\n", "--name", "doctor"})
                           .filter.names;
    CHECK(names == std::vector<std::string>{"[exited]", "a,b", "{}", "%%", "--all", "\xff\n", "doctor"});
    CHECK(parse({"--filter", "a,b"}).filter.substrings == std::vector<std::string>{"a,b"});
}

TEST_CASE("a value may begin with a dash, so a bad one is named")
{
    CHECK(error_of({"--duration", "-1"}).starts_with("bad duration \"-1\": "));
    CHECK(error_of({"--duration=-1"}).starts_with("bad duration \"-1\": "));
    CHECK(error_of({"-d", "-1"}).starts_with("bad duration \"-1\": "));
    CHECK(error_of({"-d-1"}).starts_with("bad duration \"-1\": "));
    CHECK(error_of({"-d", "--quiet"}).starts_with("bad duration \"--quiet\": "));
    CHECK(error_of({"--top", "-1"}).starts_with("bad number of rows \"-1\": "));
    CHECK(parse({"--sort", "-x"}).sort == "-x");
}

TEST_CASE("missing and empty values")
{
    CHECK(error_of({"-d"}) == "--duration needs a value");
    CHECK(error_of({"--top"}) == "--top needs a value");
    for (const auto* option :
         {"--duration", "--format", "--output", "--backend", "--by", "--sort", "--top", "--pid", "--name", "--user",
          "--port", "--remote", "--protocol", "--filter", "--color", "--container", "--unit", "--netns"}) {
        const std::string expected = std::string(option) + " needs a value, not an empty one";
        CHECK(error_of({option, ""}) == expected);
        CHECK(error_of({(std::string(option) + "=").c_str(), "-q"}) == expected);
    }
    CHECK(error_of({"--quiet=false"}) == "--quiet takes no value");
}

TEST_CASE("all network namespaces are what no --netns stands for")
{
    CHECK(parse({"--pod", "a,b", "--pod", "c"}).filter.pods == std::vector<std::string>{"a", "b", "c"});
    CHECK(parse({"--netns", "blue,current"}).filter.namespaces == std::vector<Named<Inode>>{{"blue"}, {"current"}});
    CHECK(parse({"--netns", "blue", "--netns", "all"}).filter.namespaces.empty());
    CHECK(parse({"--by", "interface", "--netns", "all"}).filter.namespaces.empty());
}

TEST_CASE("unknown options name the nearest one")
{
    CHECK(error_of({"--foramt", "json"}) == "unknown option \"--foramt\": did you mean \"--format\"?");
    CHECK(error_of({"--duratoin=5"}) == "unknown option \"--duratoin\": did you mean \"--duration\"?");
    CHECK(error_of({"doctor", "--quite"}) == "unknown option \"--quite\": did you mean \"--quiet\"?");
    CHECK(error_of({"--process", "curl"}) == "unknown option \"--process\": did you mean \"--name\"?");
    CHECK(error_of({"-qx5"}).starts_with("unknown option \"-x\": see --help"));
    CHECK(error_of({"--a\nb"}).find('\n') == std::string::npos);
    CHECK(error_of({"-1"}).starts_with("unknown option \"-1\": "));
}

TEST_CASE("arguments that have no place")
{
    CHECK(error_of({"foo"}) == "unexpected argument \"foo\"; the commands are doctor and report");
    CHECK(error_of({"foo", "-q", "ba\nr"}) ==
          "unexpected argument \"foo\", \"ba\\nr\"; the commands are doctor and report");
    CHECK(error_of({"--", "-q"}) == "unexpected argument \"-q\"; the commands are doctor and report");
    CHECK(error_of({"doctor", "foo"}) ==
          "unexpected argument \"foo\"; doctor takes no arguments; choose a backend with --backend");
    CHECK(error_of({"doctor", "doctor"}) ==
          "unexpected argument \"doctor\"; doctor takes no arguments; choose a backend with --backend");
    CHECK(error_of({""}) == "unexpected argument \"\"; the commands are doctor and report");
    CHECK(error_of({"a", "b", "c", "d", "e"}) ==
          "unexpected argument \"a\", \"b\", \"c\", …; the commands are doctor and report");
}

TEST_CASE("an error never echoes more than a line can bear")
{
    const std::string huge(131'000, 'x');
    for (const auto* option : {"-d", "-f", "--by", "--color", "--pid", "--port", "--remote", "--protocol", "--top"}) {
        const std::string error = error_of({option, huge.c_str()});
        CHECK_MESSAGE(error.size() < 250, option);
        CHECK_MESSAGE(error.find("x…\"") != std::string::npos, option);
    }
    for (const std::string& argument : {huge, "--" + huge, "--quiet=" + huge, "--pid=," + huge, "-q" + huge})
        CHECK_MESSAGE(error_of({argument.c_str()}).size() < 250, argument.substr(0, 10));
    CHECK(error_of({huge.c_str(), huge.c_str(), huge.c_str(), huge.c_str(), huge.c_str()}).size() < 300);
}

TEST_CASE("doctor takes the output options only")
{
    CHECK(parse({"doctor"}).command == Command::doctor);
    CHECK(parse({"doctor", "-f", "json"}).format == find_format("json"));
    CHECK(parse({"-f", "tsv", "doctor"}).format == find_format("tsv"));
    CHECK(parse({"doctor", "-f", "pretty", "-q", "-v", "-n", "--color=never", "--no-progress"}).quiet);
    for (const auto* format : {"csv", "jsonl", "prom", "influx"})
        CHECK(error_of({"doctor", "-f", format}) ==
              "doctor cannot print " + std::string(format) + "; use pretty, tsv or json");
    CHECK(error_of({"doctor", "-d", "1"}) == "doctor does not take --duration: it takes no sample");
    CHECK(error_of({"--pid", "1", "doctor"}) == "doctor does not take --pid: it takes no sample");
    CHECK(error_of({"doctor", "--output-file", "x"}) == "doctor does not take --output-file: it takes no sample");
    CHECK(error_of({"doctor", "-H"}) == "doctor does not take --list-columns: it takes no sample");
    CHECK(error_of({"doctor", "--strict"}) == "doctor does not take --strict: it takes no sample");
}

TEST_CASE("list-columns, version and help")
{
    CHECK(parse({"-H"}).command == Command::list_columns);
    CHECK(parse({"--list-columns", "-f", "json"}).format == find_format("json"));
    CHECK(error_of({"-H", "-f", "prom"}) == "prom is a format for samples, not for lists");
    CHECK(error_of({"--output-file", "x", "-H"}) == "--list-columns and --output-file cannot be combined");
    CHECK(parse({"--version"}).command == Command::version);
    CHECK(parse({"-V"}).command == Command::version);
    CHECK(parse({"--version"}).text.starts_with("socktally "));
    CHECK(parse({"-h"}).command == Command::help);
    CHECK(parse({"doctor", "--help"}).command == Command::help);
    CHECK(parse({"-d", "x", "--help"}).command == Command::help);
    CHECK(parse({"help"}).command == Command::help);
    CHECK(parse({"help"}).text == parse({"--help"}).text);
    CHECK(parse({"help", "doctor"}).command == Command::help);
    CHECK(parse({"-n", "help"}).command == Command::help);
    CHECK(error_of({"help", "\x1b[31m"}) == "unexpected argument \"\\x1b[31m\"; help takes no arguments");
    CHECK(parse({"--name", "help"}).command == Command::sample);
}

TEST_CASE("alerts add up, and the last file counts")
{
    CHECK(parse({"--alert", "rx_bytes>1", "--alert=share>2"}).alerts ==
          std::vector<std::string>{"rx_bytes>1", "share>2"});
    CHECK(parse({"--output-file", "a", "--output-file=b"}).output_file == "b");
    CHECK(error_of({"--output-file", ""}) == "--output-file needs a value, not an empty one");
}

TEST_CASE("the help text fits a terminal and knows the options")
{
    const std::string text = parse({"--help"}).text;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        CAPTURE(line);
        CHECK(line.size() <= 80);
        CHECK_FALSE(line.ends_with(' '));
    }
    CHECK(text.starts_with("Usage: socktally "));
    CHECK(text.find("  -d, --duration TIME ") != std::string::npos);
    CHECK(text.find("      --no-loopback ") != std::string::npos);
    CHECK(text.find("  -V, --version ") != std::string::npos);
    CHECK(std::count(text.begin(), text.end(), '\n') <= 90);
}
