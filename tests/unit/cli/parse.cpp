// SPDX-License-Identifier: MIT
// argv -> Options: defaults, spelling, repetition, and one clear line for every misuse.
#include "cli/option_table.hpp"
#include "cli/options.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

using namespace socktally;
using namespace std::chrono_literals;

namespace {

using Words = std::vector<const char*>;

Options parse(const Words& arguments)
{
    Words argv{"socktally"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return parse_options(static_cast<int>(argv.size()), argv.data());
}

/// What was given to filters, as "pid=7" or "!pid=7".
std::vector<std::string> terms_of(const Words& arguments)
{
    std::vector<std::string> terms;
    const Options options = parse(arguments);
    for (const FilterTerm& term : options.filter.terms()) {
        terms.push_back((term.is_excluded ? "!" : "") + std::string(term.kind->name()) + "=" + term.value.text);
    }
    return terms;
}

using Terms = std::vector<std::string>;

std::string error_of(const Words& arguments)
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
    CHECK(options.filter.is_empty());
    CHECK(parse_options(0, nullptr).command == Command::sample);
}

TEST_CASE("every option reaches its field")
{
    const Options o = parse({"-d",       "2m",   "-f",   "json",    "-o",    "+uid",         "-n", "-b",
                             "netlink",  "--by", "port", "--sort",  "port",  "--top",        "7",  "--all",
                             "--strict", "-q",   "-v",   "--color", "never", "--no-progress"});
    CHECK(o.duration == 2min);
    CHECK(o.format == find_format("json"));
    CHECK(o.columns == "+uid");
    CHECK_FALSE(o.header);
    CHECK(o.backend == "netlink");
    CHECK(o.by == GroupBy("port"));
    CHECK(o.sort == "port");
    CHECK(o.top == 7);
    CHECK(o.all);
    CHECK(o.strict);
    CHECK(o.quiet);
    CHECK(o.verbose);
    CHECK_FALSE(o.trace);
    CHECK(o.color == ColorWhen::never);
    CHECK_FALSE(o.progress);
}

TEST_CASE("options on names imply that names are looked up")
{
    CHECK_FALSE(parse({}).resolve);
    CHECK(parse({"--resolve"}).resolve_timeout == 1s);
    CHECK_FALSE(parse({"--resolve"}).resolve_private);
    CHECK(parse({"--resolve-timeout", "200ms"}).resolve);
    CHECK(parse({"ports", "--resolve-private"}).resolve);
    CHECK(parse({"run", "--resolve-timeout", "0", "x"}).resolve_timeout == 0s);
}

TEST_CASE("every filter is one kind of term, and --exclude its opposite")
{
    CHECK(terms_of({"--filter", "sql",     "--protocol",  "udp",           "--remote", "fe80::/10", "--user",
                    "alice",    "--name",  "curl",        "--no-loopback", "--unit",   "a,b",       "--container",
                    "web",      "--netns", "blue",        "--pid",         "12",       "--port",    "443,8000-8099",
                    "--exe",    "/bin/a",  "--command",   "a,b",           "--cgroup", "/x",        "--local",
                    "private",  "-4",      "--interface", "eth0"}) ==
          Terms{"pid=12", "name=curl", "filter=sql", "exe=/bin/a", "command=a,b", "user=alice", "port=443",
                "port=8000-8099", "remote=fe80::/10", "local=private", "ipv4=", "protocol=udp", "container=web",
                "unit=a", "unit=b", "cgroup=/x", "netns=blue", "interface=eth0", "no-loopback="});
    CHECK(terms_of({"--exclude", "port=22,80", "--exclude=name=a=b,c", "--exclude", "user=root"}) ==
          Terms{"!name=a=b,c", "!user=root", "!port=22", "!port=80"});
    CHECK(parse({"--external"}).filter.terms().front().option == "--external");
    CHECK(terms_of({"--external"}) == Terms{"!remote=private", "!remote=loopback", "!remote=multicast", "!remote=own"});
    CHECK(terms_of({"report", "--external"}) == Terms{"!remote=private", "!remote=loopback", "!remote=multicast"});
    CHECK(terms_of({"-4", "-6"}).empty());
    CHECK(terms_of({"report", "-4"}) == Terms{"ipv4="});
    CHECK(terms_of({"report", "-6", "--port", "1", "file"}) == Terms{"port=1", "ipv6="});
    CHECK(error_of({"doctor", "-4"}) == "doctor does not take --ipv4: it only tries the backends");
    CHECK(error_of({"-5"}) == "unknown option \"-5\": see --help");
    CHECK(terms_of({"--ipv6"}) == Terms{"ipv6="});
    CHECK(terms_of({"--interface", R"(a\,b,c\d)", "--unit", R"(x\x2dy)"}) ==
          Terms{R"(unit=x\x2dy)", "interface=a,b", R"(interface=c\d)"});
    CHECK(terms_of({"--pid", "1", "--pid", "2,3"}) == Terms{"pid=1", "pid=2", "pid=3"});
    CHECK(terms_of({"--pid", "1\n2"}) == Terms{"pid=1", "pid=2"}); // as pgrep prints them
    CHECK(error_of({"--exclude", "pid"}) == "--exclude pid needs a value, as in pid=VALUE");
    CHECK(error_of({"--exclude", "prot=1"}) == "unknown filter \"prot\" of --exclude: did you mean \"protocol\"?");
    CHECK(error_of({"--exclude", "ipv4=1"}).starts_with("unknown filter \"ipv4\" of --exclude: valid ones are pid, "));
    CHECK(error_of({"report", "--exclude", "interface=lo"}) ==
          "report does not take --exclude interface: it adds up samples that were saved");
}

TEST_CASE("a value that no row could match is wrong usage")
{
    const std::pair<Words, const char*> cases[] = {
        {{"--port", "0"},
         "bad port \"0\": use a number from 1 to 65535, a range such as 8000-8099, or the name of a service"},
        {{"--port", "9-8"}, "bad port \"9-8\": use"},
        {{"--port", "1-65536"}, "bad port \"1-65536\": use"},
        {{"--port", "1-"}, "bad port \"1-\": use"},
        {{"--port", "::1"}, "bad port \"::1\": use"},
        {{"--port", "ht tp"}, "bad port \"ht tp\": use"},
        {{"--port", "\xff"}, "bad port \"\\xff\": use"},
        {{"--pid", "2147483648"}, "bad pid \"2147483648\": use a whole number from 1 to 2147483647"},
        {{"--pid", "0x10"}, "bad pid \"0x10\": use"},
        {{"--protocol", "upd"}, "unknown protocol \"upd\": did you mean \"udp\"?"},
        {{"--remote", "10.0.0.0/33"}, "bad address \"10.0.0.0/33\": use an address (10.0.0.1, "},
        {{"--remote", "10.0.0"}, "bad address \"10.0.0\": use"},
        {{"--remote", "10.0.0.1:80"}, "bad address \"10.0.0.1:80\": use 10.0.0.1, and --port 80"},
        {{"--port", "53/udp"}, "bad port \"53/udp\": use 53, and --protocol udp"},
        {{"--exclude", "10.0.0.0/8"},
         "--exclude takes a filter and its value, such as remote=10.0.0.0/8 or interface=lo, not \"10.0.0.0/8\""},
        {{"--local", "/8"}, "bad address \"/8\": use"},
        {{"--local", "-a"}, "bad address \"-a\": use"},
        {{"--remote", "a b"}, "bad address \"a b\": use"},
        {{"--pid", "1,,2"}, "bad list \"1,,2\": an item is empty"},
        {{"--exclude", "pid=1,"}, "bad list \"1,\": an item is empty"},
        {{"--name", "systemd-resolved"},
         "bad name \"systemd-resolved\": the kernel cuts process names to 15 bytes; use \"systemd-resolve\", or "
         "--command \"systemd-resolved\""},
        {{"--filter", "seventeen-letters"},
         "bad filter \"seventeen-letters\": the kernel cuts process names to 15 bytes"},
        {{"--exclude", "netns=all"}, "--exclude netns=all would leave out everything"},
    };
    for (const auto& [arguments, expected] : cases) {
        const std::string error = error_of(arguments);
        CHECK_MESSAGE(error.starts_with(expected), error);
    }
    CHECK(terms_of({"--remote", "www.example.org,localhost,a_b-c.9x"}).size() == 3); // resolved later
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
    CHECK(error_of({"--interval", "1", "-d", "1"}) ==
          "--interval and --duration cannot be combined: --interval is the length of each window");
    CHECK(error_of({"--interval", "0"}) == "--interval must be greater than 0");
    CHECK(error_of({"--count", "2", "-d", "0"}) ==
          "--count needs windows: use --duration 1s, or another time greater than 0");
    CHECK(error_of({"--count", "-1"}).starts_with("bad number of windows \"-1\": "));
    const char* one_set = "-f prom with several windows needs --output-file";
    CHECK(error_of({"--interval", "1", "-f", "prom"}) == one_set);
    CHECK(parse({"--count", "1", "-f", "prom"}).count == 1);
    CHECK(parse({"--interval", "1", "-f", "prom", "--output-file", "f"}).count == 0);
    CHECK(error_of({"doctor", "--count", "1"}) == "doctor does not take --count: it only tries the backends");
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
}

TEST_CASE("rows by interface take no filter but --interface")
{
    CHECK(terms_of({"--by", "interface", "--interface", "eth0,eth1"}) == Terms{"interface=eth0", "interface=eth1"});
    CHECK(parse({"--by", "interface", "--all", "--top", "1"}).by.is_by_interface());
    const std::string refusal = "--by interface counts whole interfaces, so its only filter is --interface; with "
                                "other filters, use --by process --interface eth0";
    for (const char* option :
         {"--pid=1", "--name=a", "--filter=a", "--user=root", "--port=1", "--remote=10.0.0.1", "--protocol=udp",
          "--unit=a", "--container=a", "--netns=current", "--no-loopback", "-4", "--external"}) {
        CAPTURE(option);
        CHECK(error_of({"--by", "interface", option}) == refusal);
        CHECK(error_of({option, "--by", "port"}) == "no error");
    }
}

TEST_CASE("names are taken as they are")
{
    CHECK(terms_of({"--name", "[exited]", "--name", "a,b", "--name={}", "--name", "%%", "--name", "--all", "--name",
                    "\xff\n", "--name", "doctor"}) ==
          Terms{"name=[exited]", "name=a,b", "name={}", "name=%%", "name=--all", "name=\xff\n", "name=doctor"});
    CHECK(terms_of({"--filter", "a,b"}) == Terms{"filter=a,b"});
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
    CHECK(terms_of({"--netns", "blue,current"}) == Terms{"netns=blue", "netns=current"});
    CHECK(terms_of({"--netns", "blue", "--netns", "all", "--exclude", "netns=red"}) == Terms{"!netns=red"});
    CHECK(terms_of({"--by", "interface", "--netns", "all"}).empty());
}

TEST_CASE("all states are what no --state stands for")
{
    CHECK(terms_of({"--state", "estab,closed"}) == Terms{"state=estab", "state=closed"});
    CHECK(terms_of({"--state", "closed", "--state", "all", "--exclude", "state=closed"}) == Terms{"!state=closed"});
    CHECK(terms_of({"report", "--state", "closed"}) == Terms{"state=closed"});
    CHECK(terms_of({"--state", "LISTEN,Time-Wait,SYN_SENT,ALL"}) == Terms{});
    CHECK(parse({"--state", "LISTEN"}).filter.terms().front().value.numbers ==
          parse({"--state", "listening"}).filter.terms().front().value.numbers);
    CHECK(parse({"--exclude", "state=FIN_WAIT2"}).filter.terms().front().value.numbers ==
          parse({"--exclude", "state=fin-wait-2"}).filter.terms().front().value.numbers);
    CHECK(parse({"--protocol", "TCP"}).filter.terms().front().value.numbers ==
          parse({"--protocol", "tcp"}).filter.terms().front().value.numbers);
    CHECK(parse({"--port", ":8080"}).filter.terms().front().value.numbers == FilterValue::Numbers{8080, 8080});
    CHECK(error_of({"--exclude", "state=all"}) == "--exclude state=all would leave out everything");
}

TEST_CASE("unknown options name the nearest one")
{
    CHECK(error_of({"--foramt", "json"}) == "unknown option \"--foramt\": did you mean \"--format\"?");
    CHECK(error_of({"--duratoin=5"}) == "unknown option \"--duratoin\": did you mean \"--duration\"?");
    CHECK(error_of({"doctor", "--quite"}) == "unknown option \"--quite\": did you mean \"--quiet\"?");
    CHECK(error_of({"-qx5"}).starts_with("unknown option \"-x\": see --help"));
    CHECK(error_of({"--a\nb"}).find('\n') == std::string::npos);
    CHECK(error_of({"-1"}).starts_with("unknown option \"-1\": "));
}

TEST_CASE("what other programs call it is named in our words")
{
    const std::pair<Words, const char*> cases[] = {
        {{"--process", "curl"}, "unknown option \"--process\": use --name"},
        {{"--json"}, "unknown option \"--json\": use -f json"},
        {{"--csv=x"}, "unknown option \"--csv\": use -f csv"},
        {{"-j"}, "unknown option \"-j\": use -f json"},
        {{"-i", "eth0"}, "unknown option \"-i\": use --interface"},
        {{"-i", "1"}, "unknown option \"-i\": use --interval"},
        {{"-i1"}, "unknown option \"-i\": use --interface"},
        {{"-p", "123"}, "unknown option \"-p\": use --pid or --port"},
        {{"version"}, "unknown command \"version\": use socktally --version"},
        {{"time", "curl", "x"}, "unknown command \"time\": use socktally run"},
        {{"ports", "8080"}, "unexpected argument \"8080\": use --port 8080 or --pid 8080"},
        {{"ports", ":8080"}, "unexpected argument \":8080\": use --port 8080"},
        {{"ports", "tcp"}, "unexpected argument \"tcp\": use --protocol tcp"},
        {{"ports", "nginx"}, "unexpected argument \"nginx\": use --name nginx for a process"},
        {{"ports", "10.0.0.1"}, "unexpected argument \"10.0.0.1\": use --remote 10.0.0.1"},
        {{"ports", "-tulpn"}, "unknown option \"-tulpn\": leave it out, because ports shows this already"},
        {{"ports", "-tulpnw"}, "unknown option \"-tulpnw\": leave it out, because ports shows this already"},
        {{"ports", "-l"}, "unknown option \"-l\": leave it out, because ports shows this already"},
        {{"ports", "-an"}, "unknown option \"-an\": use --all"},
        {{"ports", "-lntp"}, "unknown option \"-lntp\": use --protocol tcp"},
        {{"ports", "-tunap"}, "unknown option \"-tunap\": use --all"},
        {{"-tulpn"}, "unknown option \"-tulpn\": use socktally ports"},
        {{"-ltn"}, "unknown option \"-ltn\": use socktally ports --protocol tcp"},
        {{"-tunap"}, "unknown option \"-tunap\": use socktally ports --all"},
        {{"-an"}, "unknown option \"-an\": use socktally ports --all"},
        {{"curl", "-s"},
         "unknown command \"curl\": use --name curl for a process, or socktally run curl for a command"},
        {{"--docker", "x"}, "unknown option \"--docker\": use --container"},
        {{"--since", "2026-11-01"},
         "--since takes a state file, and \"2026-11-01\" is a time: to add up saved samples, use socktally report FILE "
         "--from 2026-11-01; if it is a file, write ./2026-11-01"},
        {{"report", "--since", "2026-11-01"}, "report does not take --since: use --from, such as --from 2026-11-01"},
        {{"1234"}, "unknown command \"1234\": use --port 1234 or --pid 1234"},
        {{"5"}, "unknown command \"5\": use -d 5 (in seconds), --port 5 or --pid 5"},
        {{"--columns", "pid"}, "unknown option \"--columns\": use -o"},
        {{"70000"}, "unknown command \"70000\": use --pid 70000"},
        {{":443"}, "unknown command \":443\": use --port 443"},
        {{"lo"}, "unknown command \"lo\": use --interface lo"},
        {{"2001:db8::/32"}, "unknown command \"2001:db8::/32\": use --remote 2001:db8::/32"},
        {{"UDP"}, "unknown command \"UDP\": use --protocol udp"},
        {{"nginx"}, "unknown command \"nginx\": use --name nginx for a process, or socktally run nginx for a command"},
        {{"day.jsonl"},
         "unknown command \"day.jsonl\": use socktally report day.jsonl for saved samples, or socktally run day.jsonl "
         "for a command"},
        {{"reprot"}, "unknown command \"reprot\": did you mean \"report\"?"},
        {{"fo\no"}, "unknown command \"fo\\no\": the commands are ports, run, dns, report and doctor"},
        {{"a b"}, "unknown command \"a b\": the commands are ports, run, dns, report and doctor"},
        {{"--", "-q"}, "unknown command \"-q\": the commands are ports, run, dns, report and doctor"},
        {{""}, "unknown command \"\": the commands are ports, run, dns, report and doctor"},
        {{"doctor", "foo"}, "unexpected argument \"foo\": doctor takes only options, such as -b netlink"},
        {{"report", "report"}, "report is given twice; if one is a file, write ./report"},
        {{"report", "ports"},
         "ports and report are both commands, and only one can be given; if ports is a file, write ./ports"},
        {{"--append", "x.csv"}, "unknown option \"--append\": use -f csv >> FILE"},
        {{"--by", "pid"}, "unknown --by key \"pid\": did you mean \"process\"?"},
        {{"--by", "host"}, "unknown --by key \"host\": did you mean \"remote\"?"},
        {{"-o", "x.csv"},
         "-o takes columns, and \"x.csv\" is none: to write to a file, use --output-file x.csv -f csv"},
        {{"-o", "/tmp/x"}, "-o takes columns, and \"/tmp/x\" is none: to write to a file, use --output-file /tmp/x"},
    };
    for (const auto& [arguments, expected] : cases) {
        CHECK(error_of(arguments) == expected);
    }
}

TEST_CASE("the options of run stop at the first word of the command")
{
    using Texts = std::vector<std::string>;
    const std::pair<Words, Texts> cases[] = {
        {{"run", "curl", "-s", "-f", "json"}, {"curl", "-s", "-f", "json"}},
        {{"run", "--", "curl", "-f"}, {"curl", "-f"}},
        {{"run", "--", "--", "-f"}, {"--", "-f"}},
        {{"run", "--", "-x"}, {"-x"}},
        {{"-f", "csv", "run", "-v", "--by", "remote", "--top=3", "sh", "-c", "x"}, {"sh", "-c", "x"}},
        {{"run", "-vvf", "csv", "run", "-d"}, {"run", "-d"}},
        {{"run", "-fcsv", "-4", "report", "--per", "hour"}, {"report", "--per", "hour"}},
        {{"run", "--exclude", "port=5", "a", ""}, {"a", ""}},
        {{"run", "--name", "run", "true"}, {"true"}},
        {{"run", ""}, {""}},
    };
    for (const auto& [arguments, words] : cases) {
        const Options options = parse(arguments);
        CHECK(options.command == Command::run);
        CHECK(options.words == words);
    }
    CHECK(parse({"--name", "run"}).command == Command::sample);
    CHECK(parse({"run", "-f", "csv", "x"}).format == find_format("csv"));
    CHECK(parse({"run", "--detached-too", "5s", "x"}).detached_too == std::chrono::seconds(5));
}

TEST_CASE("run refuses what makes no sense for a command")
{
    const std::pair<Words, const char*> cases[] = {
        {{"run"}, "run needs a command, such as socktally run curl https://example.com/"},
        {{"run", "--"}, "run needs a command, such as socktally run curl https://example.com/"},
        {{"run", "-d", "5s", "x"},
         "run does not take --duration: it measures a command, and all that it starts, until it ends"},
        {{"run", "--count", "2", "x"},
         "run does not take --count: it measures a command, and all that it starts, until it ends"},
        {{"run", "--since", "f", "x"},
         "run does not take --since: it measures a command, and all that it starts, until it ends"},
        {{"run", "--tree", "1", "x"},
         "run does not take --tree: it measures a command, and all that it starts, until it ends"},
        {{"run", "--wait-for", "1s", "x"}, "--wait-for is only for ports"},
        {{"run", "--by", "interface", "x"},
         "run counts what its command moves, not whole interfaces: use run --interface eth0"},
        {{"run", "--tpo", "x"}, "unknown option \"--tpo\": did you mean \"--top\"?"},
        {{"--detached-too", "5s"}, "--detached-too is only for run"},
    };
    for (const auto& [arguments, expected] : cases) {
        CHECK(error_of(arguments) == expected);
    }
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
    CHECK(error_of({huge.c_str(), huge.c_str()}).size() < 250);
    CHECK(error_of({"-o", (huge + ".csv").c_str()}).size() < 250);
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
    CHECK(error_of({"doctor", "-d", "1"}) == "doctor does not take --duration: it only tries the backends");
    CHECK(error_of({"--pid", "1", "doctor"}) == "doctor does not take --pid: it only tries the backends");
    CHECK(error_of({"doctor", "--output-file", "x"}) ==
          "doctor does not take --output-file: it only tries the backends");
    CHECK(error_of({"doctor", "-H"}) == "doctor does not take --list-columns: it only tries the backends");
    CHECK(error_of({"doctor", "--strict"}) == "doctor does not take --strict: it only tries the backends");
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
    const std::string shortest = parse({"-h"}).text;
    CHECK(std::count(shortest.begin(), shortest.end(), '\n') == 17);
    CHECK(shortest.find("--alert EXPR") != std::string::npos);
    CHECK(shortest != parse({"--help"}).text);
    CHECK(parse({"doctor", "--help"}).command == Command::help);
    CHECK(parse({"-d", "x", "--help"}).command == Command::help);
    CHECK(parse({"help"}).command == Command::help);
    CHECK(parse({"help"}).text == parse({"--help"}).text);
    CHECK(parse({"help", "doctor"}).command == Command::help);
    CHECK(parse({"-n", "help"}).command == Command::help);
    CHECK(error_of({"help", "\x1b[31m"}) ==
          "unexpected argument \"\\x1b[31m\"; help takes the name of a command: socktally help ports");
    CHECK(parse({"--name", "help"}).command == Command::sample);
}

TEST_CASE("alerts add up, and the last file counts")
{
    CHECK(parse({"--alert", "rx_bytes>1", "--alert=share>2"}).alerts ==
          std::vector<std::string>{"rx_bytes>1", "share>2"});
    CHECK(parse({"--output-file", "a", "--output-file=b"}).output_file == "b");
    CHECK(error_of({"--output-file", ""}) == "--output-file needs a value, not an empty one");
}

TEST_CASE("each command has its own help")
{
    for (const CommandWord& word : command_words) {
        const std::string command(word.word);
        CAPTURE(command);
        const std::string text = parse({command.c_str(), "-h"}).text;
        CHECK(text.starts_with("Usage: socktally " + command));
        CHECK(text.find("\nTry: socktally " + (command == "report" ? "--interval" : command)) != std::string::npos);
        CHECK(std::count(text.begin(), text.end(), '\n') <= 15);
        CHECK(parse({"-h", command.c_str()}).text == text);
        std::string whole = parse({command.c_str(), "--help"}).text;
        CHECK(parse({"help", command.c_str()}).text == whole);
        whole.resize(whole.find("\nExamples:"));
        for (const Option& option : option_table()) {
            const bool is_in = whole.find(' ' + std::string(option.long_name()) + ' ') != std::string::npos ||
                               whole.find(' ' + std::string(option.long_name()) + '\n') != std::string::npos;
            CAPTURE(option.names);
            CHECK(is_in == (option.group.has(word.command) && *option.help != '\0'));
        }
    }
    CHECK(parse({"run", "-h", "curl"}).text == parse({"run", "-h"}).text);
    CHECK(parse({"run", "curl", "-h"}).command == Command::run);
    CHECK(parse({"ports", "--help"}).text.find("netlink, packet") == std::string::npos); // it has backends of its own
}

TEST_CASE("the help text fits a terminal and knows the options")
{
    const std::string text = parse({"--help"}).text;
    std::string all = text + parse({"-h"}).text;
    for (const CommandWord& word : command_words) {
        const std::string command(word.word);
        all += parse({command.c_str(), "-h"}).text + parse({command.c_str(), "--help"}).text;
    }
    std::istringstream lines(all);
    for (std::string line; std::getline(lines, line);) {
        CAPTURE(line);
        CHECK(line.size() <= 80);
        CHECK_FALSE(line.ends_with(' '));
    }
    CHECK(text.starts_with("Usage: socktally "));
    CHECK(text.find("  -d, --duration TIME ") != std::string::npos);
    CHECK(text.find("      --no-loopback ") != std::string::npos);
    CHECK(text.find("  -V, --version ") != std::string::npos);
    CHECK(std::count(text.begin(), text.end(), '\n') <= 120);
}
