// SPDX-License-Identifier: MIT
// What each kind of filter lets through, leaves out and cannot judge.
#include "table/filter.hpp"
#include "table/columns.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using namespace socktally;
using namespace socktally::test;

namespace {

/// A client's connection from 10.0.0.1:40000 to `remote`, of a process that has an identity.
Row row_to(std::string_view remote, std::string_view local = "10.0.0.1")
{
    Identity identity;
    identity.exe = "/usr/bin/curl (deleted)";
    identity.command = "curl -s https://a,b";
    identity.cgroup = "/system.slice/curl.service";
    identity.unit = "curl.service";
    Row row = test::row(7, "curl", 1, 2);
    row.identity = std::make_shared<const Identity>(identity);
    row.protocol = Protocol::tcp;
    row.local_address = address(local);
    row.local_port = 40000;
    if (!remote.empty()) {
        row.remote_address = address(remote);
        row.remote_port = 443;
    }
    return row;
}

Row cause_row(Cause cause)
{
    Row row;
    row.kind = RowKind::cause;
    row.process = cause_name(cause);
    return row;
}

Judgement judge(const std::vector<std::string>& terms, const Row& row) { return typed(terms).judge(row).judgement; }

struct Case {
    std::string term;
    Row row;
    Judgement expected;
};

/// The opposite says the opposite, but of what it does not know.
void check(const std::vector<Case>& cases)
{
    for (const Case& each : cases) {
        const auto& term = each.term;
        const Row& row = each.row;
        const Judgement expected = each.expected;
        CAPTURE(term);
        CHECK(judge({term}, row) == expected);
        if (term.find('=') != std::string::npos) {
            CHECK(judge({"!" + term}, row) == (expected == Judgement::in    ? Judgement::out
                                               : expected == Judgement::out ? Judgement::in
                                                                            : expected));
        }
    }
}

constexpr auto in = Judgement::in;
constexpr auto out = Judgement::out;
constexpr auto unknown = Judgement::unknown;

} // namespace

TEST_CASE("addresses by word, network and name")
{
    const std::string private_ones[] = {"10.255.0.1",  "172.16.0.1", "192.168.1.255", "100.64.0.1",
                                        "169.254.1.1", "fc00::1",    "fdff::1",       "fe80::1"};
    const std::string public_ones[] = {"1.1.1.1",     "172.15.255.255", "172.32.0.0",
                                       "100.128.0.0", "2001:db8::1",    "fec0::1"};
    const std::string loopback[] = {"127.0.0.1", "127.255.0.1", "::1"};
    const std::string multicast[] = {"224.0.0.251", "239.1.1.1", "255.255.255.255", "ff02::fb"};
    const auto expect = [](const auto& list, std::string_view word) {
        for (const std::string& text : list) {
            CAPTURE(text);
            for (const std::string_view each : {"private", "loopback", "multicast", "public"}) {
                const Judgement expected = each == word ? in : out;
                check({{fmt::format("remote={}", each), row_to(text), expected},
                       {fmt::format("local={}", each), row_to("8.8.8.8", text), expected}});
            }
        }
    };
    expect(private_ones, "private");
    expect(public_ones, "public");
    expect(loopback, "loopback");
    expect(multicast, "multicast");
    check({{"remote=public", row_to(""), unknown},
           {"remote=private", row_to("0.0.0.0"), unknown},
           {"remote=10.0.0.0/8", row_to("10.1.2.3"), in},
           {"local=10.0.0.1", row_to("10.0.0.1"), in},
           {"local=10.0.0.2", row_to("10.0.0.2"), out},
           {"local=10.0.0.1", row_to("", "0.0.0.0"), unknown}, // it takes what comes to any address
           {"local=0.0.0.0", row_to("", "0.0.0.0"), in},
           {"local=::", row_to("", "0.0.0.0"), unknown},
           {"local=::", row_to("", "::"), in},
           {"local=::", row_to("", "::1"), out},
           {"local=own", row_to("10.0.0.2"), in},
           {"local=own", row_to("10.0.0.2", "224.0.0.1"), out},
           {"remote=own", row_to("10.0.0.1"), in},
           {"remote=own", row_to("8.8.8.8"), unknown}, // saved rows do not say what the machine had
           {"local=10.0.0.1", cause_row(Cause::unknown), unknown}});
}

TEST_CASE("a remote address may be asked for by its name, but a name cannot pass for an address")
{
    const auto named = [](const char* name, const char* address) {
        Row row = row_to(address);
        row.remote = std::make_shared<const RemoteName>(RemoteName{name, NameSource::reverse});
        return row;
    };
    check({{"remote=web.example", named("web.example", "8.8.8.8"), in},
           {"remote=WEB.example.", named("web.Example", "8.8.8.8"), in},
           {"remote=web.example", named("web.example", ""), in}, // saved with the name alone
           {"remote=web.example", named("web.example.org", "8.8.8.8"), out},
           {"remote=web.example", row_to("8.8.8.8"), out},
           {"remote=private", named("private", "8.8.8.8"), out},
           {"remote=10.0.0.1", named("10.0.0.1", "8.8.8.8"), out},
           {"local=web.example", named("web.example", "8.8.8.8"), out}});
}

TEST_CASE("a family is that of either end that has an address")
{
    check({{"ipv4", row_to("10.0.0.2"), in},
           {"ipv6", row_to("10.0.0.2"), out},
           {"ipv6", row_to("2001:db8::1", "::"), in},
           {"ipv4", row_to("", "0.0.0.0"), in},
           {"ipv6", row_to("", "::1"), in},
           {"ipv4", row_to("", "::"), unknown}, // it may take both
           {"ipv6", row_to("", "::"), unknown},
           {"ipv4", row_to("10.0.0.2", "::"), in},
           {"ipv6", cause_row(Cause::exited), unknown}});
}

TEST_CASE("ports by number and range, at either end")
{
    check({{"port=443", row_to("10.0.0.2"), in},
           {"port=400-500", row_to("10.0.0.2"), in},
           {"port=444-39999", row_to("10.0.0.2"), out},
           {"port=40000-40000", row_to("10.0.0.2"), in},
           {"port=443", row_to(""), unknown},
           {"port=40000", row_to(""), in}});
    for (const Protocol protocol : {Protocol::icmp, Protocol::raw, Protocol::packet}) { // without ports, nothing to ask
        Row row = row_to("");
        row.protocol = protocol;
        check({{"port=443", row, out}}); // and its opposite is in
    }
}

TEST_CASE("what a process runs")
{
    const Row row = row_to("10.0.0.2");
    const Row unread = test::row(8, "curl", 1, 2);
    check({{"exe=/usr/bin/curl", row, in},
           {"exe=curl", row, in},
           {"exe=/usr/bin/cur", row, out},
           {"exe=bin/curl", row, out},
           {"exe=curl", unread, unknown},
           {"exe=curl", cause_row(Cause::kernel), out},
           {"exe=curl", cause_row(Cause::exited), unknown},
           {"command=//a,b", row, in},
           {"command=a;b", row, out},
           {"command=a", unread, unknown},
           {"command=a", cause_row(Cause::kernel), out}});
}

TEST_CASE("a cgroup is asked for with those below it")
{
    const Row row = row_to("10.0.0.2");
    check({{"cgroup=/system.slice/curl.service", row, in},
           {"cgroup=/system.slice", row, in},
           {"cgroup=system.slice/", row, in},
           {"cgroup=/", row, in},
           {"cgroup=/system.sli", row, out},
           {"cgroup=/system.slice/curl.service/x", row, out},
           {"cgroup=/", test::row(8, "a", 1, 2), unknown},
           {"cgroup=/", cause_row(Cause::kernel), out},
           {"cgroup=/", cause_row(Cause::exited), unknown}});
}

TEST_CASE("values of one kind are alternatives, kinds are not")
{
    const Row row = row_to("10.0.0.2");
    CHECK(judge({"port=1", "port=443"}, row) == in);
    CHECK(judge({"port=443", "exe=wget"}, row) == out);
    CHECK(judge({"port=443", "!exe=wget"}, row) == in);
    CHECK(judge({"!remote=loopback", "!remote=private"}, row) == out);
    CHECK(judge({"exe=wget", "remote=public"}, row_to("")) == out); // one that says no is enough
    Filter filter = typed({"remote=public", "!port=443", "exe=curl"});
    const Judged judged = filter.judge(row_to(""));
    CHECK(judged.judgement == unknown);
    Unjudged unjudged;
    unjudged.add(judged, row_to(""), 1, {});
    CHECK(unjudged.note("row", filter).message == "1 row was left out because it is not known whether it matches "
                                                  "--remote, --exclude port: 1 byte received, 2 sent");
    CHECK(unjudged.note("row", filter).remedy == "record with -o +local_port,remote_address,remote_port");
    filter.terms().back().option = "--outside"; // an option that stands for the filter is named as it was typed
    CHECK(unjudged.note("row", filter).message ==
          "1 row was left out because it is not known whether it matches --remote, --outside: 1 byte received, 2 sent");
}

TEST_CASE("every column of a filter exists, and every key of --by has a filter")
{
    for (const FilterKind& kind : filter_kinds()) {
        CAPTURE(kind.name());
        CHECK((kind.columns.empty() || column_set(kind.columns).any()));
        CHECK((kind.meant.empty() || find_column(kind.meant) != nullptr));
        CHECK(find_filter_kind(kind.name()) == &kind);
    }
    for (const Key& key : keys()) {
        const bool is_of_several = key.name == "process" || key.name == "connection" || key.name == "remote_name";
        const bool is_of_dns =
            key.requirement == Requirement::lookups && key.name != "query"; // --remote is the resolver
        CHECK_MESSAGE((is_of_several || is_of_dns || find_filter_kind(key.name) != nullptr), key.name);
    }
    CHECK(find_filter_kind("remot") == nullptr);
}

TEST_CASE("lists are split at commas and lines, and \\, is a comma")
{
    using Parts = std::vector<std::string>;
    CHECK(split_values("a") == Parts{"a"});
    CHECK(split_values("a,b\nc") == Parts{"a", "b", "c"});
    CHECK(split_values(R"(a\,b,c\d\\,e)") == Parts{"a,b", R"(c\d\,e)"});
    CHECK(split_values(R"(\,)") == Parts{","});
    CHECK(split_values(R"(a\)") == Parts{R"(a\)"});
    for (const std::string text : {"", ",", "a,", ",a", "a,,b", "a\n"}) {
        CAPTURE(text);
        CHECK_THROWS_WITH_AS(split_values(text), doctest::Contains(": an item is empty"), std::invalid_argument);
    }
}

TEST_CASE("the state of a sample: known of TCP, none of others, unknown if the backend does not tell")
{
    const auto row_in = [](std::optional<ConnectionState> state) {
        Row row = row_to("10.0.0.2");
        SocketFacts facts;
        facts.state = state;
        row.facts = std::make_shared<const SocketFacts>(facts);
        return row;
    };
    Row datagrams = row_to("10.0.0.2");
    datagrams.protocol = Protocol::udp;
    Row saved = row_to("10.0.0.2");
    saved.protocol.reset();
    check({{"state=established", row_in(ConnectionState::established), Judgement::in},
           {"state=estab", row_in(ConnectionState::established), Judgement::in},
           {"state=closed", row_in(ConnectionState::established), Judgement::out},
           {"state=established", row_in(std::nullopt), Judgement::unknown},
           {"state=established", row_to("10.0.0.2"), Judgement::unknown},
           {"state=established", datagrams, Judgement::out},
           {"state=established", saved, Judgement::unknown}});
}

TEST_CASE("the tree of an accepted connection without a process is that of the processes that listened")
{
    constexpr Inode listener{5};
    Sample sample;
    for (const std::uint64_t trees : {0U, 0U, 2U, 2U}) { // a bit for each root
        sample.processes.push_back(process(static_cast<int>(sample.processes.size()) + 10, 1, "server"));
        sample.processes.back().trees = trees;
    }
    sample.listeners[{Inode{}, 40000}] = {{address("0.0.0.0"), listener}, {address("10.0.0.9"), Inode{6}}};
    Flow flow = unowned_flow(Cause::exited, std::nullopt, 1, 2);
    flow.accepted = true;
    const auto judge_with = [&](const std::vector<std::uint32_t>& holders) {
        sample.holders.clear();
        for (const std::uint32_t holder : holders) {
            sample.holders.push_back({listener, holder});
        }
        return test::judge(filter_of({"tree=1"}), flow, sample);
    };
    CHECK(judge_with({0, 1}) == Judgement::out);
    CHECK(judge_with({2, 3}) == Judgement::in);
    CHECK(judge_with({1, 2}) == Judgement::unknown);
    CHECK(judge_with({}) == Judgement::unknown);
    sample.processes[3].trees.reset();
    CHECK(judge_with({2, 3}) == Judgement::unknown);
    flow.accepted = false;
    CHECK(judge_with({0, 1}) == Judgement::unknown);
    flow.accepted = true;
    flow.attribution.cause = Cause::unaccepted; // no process has it
    CHECK(judge_with({2}) == Judgement::out);
    flow.attribution.cause = Cause::exited;
    flow.tuple.local.address = address("10.0.0.9"); // where another one listens, whose holders are not known
    CHECK(judge_with({0, 1}) == Judgement::unknown);
}
