// SPDX-License-Identifier: MIT
// What the names of the options mean on this machine, and whether they still do.
#include "commands/resolve_filter.hpp"
#include "linux/netns.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>
#include <netdb.h>
#include <netinet/in.h>

using namespace socktally;
using namespace socktally::test;

namespace {

Filter resolved(const std::vector<std::string>& terms)
{
    Options options;
    options.filter = typed(terms);
    return resolve_filter(options);
}

/// The first number of the first value of a kind.
std::uint64_t number_of(const Filter& filter, std::string_view kind)
{
    for (const FilterTerm& term : filter.terms()) {
        if (term.kind->name() == kind) {
            return term.value.numbers.value().first;
        }
    }
    return 0;
}

void set(Filter& filter, std::string_view kind, const FilterValue& value)
{
    filter.remove(kind);
    filter.add(*find_filter_kind(kind), value);
}

} // namespace

TEST_CASE("names of services stand for their ports")
{
    const servent* const http = ::getservbyname("http", nullptr);
    if (http == nullptr) {
        MESSAGE("no services are known here");
        return;
    }
    CHECK(number_of(resolved({"port=http"}), "port") == ntohs(static_cast<std::uint16_t>(http->s_port)));
    CHECK(number_of(resolved({"!port=http"}), "port") == 80);
    CHECK(number_of(resolved({"port=:443"}), "port") == 443);
    CHECK_THROWS_WITH_AS(resolved({"port=htpp"}),
                         "no such service: \"htpp\": use a port number, or a name in /etc/services", UsageError);
}

TEST_CASE("names of interfaces and network namespaces are followed where they mean another one")
{
    Filter filter = resolved({"interface=lo", "netns=current"});
    const auto lo = number_of(filter, "interface");
    CHECK(number_of(filter, "netns") == own_netns_inode());
    const Renamed same = renew_names(filter);
    CHECK(same.others.empty());
    CHECK(notes_of(same).empty());

    set(filter, "interface", {"lo", FilterValue::Numbers{4711, 4711}}); // a device that was called lo
    set(filter, "netns", {"current", FilterValue::Numbers{42, 42}});
    const Renamed renamed = renew_names(filter);
    CHECK(renamed.others == std::vector<std::string>{"\"current\"", "\"lo\""});
    CHECK(renamed.gone.empty());
    CHECK(number_of(filter, "interface") == lo);
    CHECK(number_of(filter, "netns") == own_netns_inode());
    const auto notes = notes_of(renamed);
    REQUIRE(notes.size() == 2);
    CHECK(notes[0].code == NoteCode::name_changed);
    CHECK(notes[0].incomplete);
}

TEST_CASE("a name that nothing has any more is kept for what had it: without it all would be wanted")
{
    Filter filter = resolved({"interface=lo"});
    set(filter, "interface", {"no such device", FilterValue::Numbers{4711, 4711}});
    set(filter, "netns", {"no-such-netns", FilterValue::Numbers{42, 42}});
    const Renamed renamed = renew_names(filter);
    CHECK(renamed.others.empty());
    CHECK(renamed.gone.size() == 2);
    CHECK(number_of(filter, "interface") == 4711U);
    CHECK(number_of(filter, "netns") == 42);
    const auto notes = notes_of(renamed);
    REQUIRE(notes.size() == 2);
    CHECK_FALSE(notes[1].incomplete);
}

TEST_CASE("a name that nothing has is wrong usage, and the nearest is named")
{
    CHECK_THROWS_WITH_AS(resolved({"user=no-such-user"}), "no such user: \"no-such-user\"", UsageError);
    CHECK_THROWS_WITH_AS(resolved({"!netns=no-such"}), "no such network namespace: \"no-such\"", UsageError);
    Filter filter = typed({"interface=eth0", "!interface=q\"u,o=te\\"});
    filter.machine.interfaces = {
        {1, "lo", true, true, {}}, {7, "eth0", false, true, {}}, {9, "q\"u,o=te\\", false, true, {}}};
    find_interfaces(filter);
    CHECK(filter.terms()[0].value.numbers->first == 7);
    CHECK(filter.terms()[1].value.numbers->first == 9);
    filter.add(*find_filter_kind("interface"), {"eht0"});
    CHECK_THROWS_WITH_AS(find_interfaces(filter), "no such interface: \"eht0\": did you mean \"eth0\"?", UsageError);
}

TEST_CASE("the name of a host stands for all of its addresses")
{
    const Filter filter = resolved({"remote=localhost", "!local=localhost"});
    for (const FilterTerm& term : filter.terms()) {
        const auto has = [&](std::string_view text) {
            const auto& networks = term.value.networks;
            return std::find(networks.begin(), networks.end(), *parse_prefix(text)) != networks.end();
        };
        CHECK((has("127.0.0.1") || has("::1")));
        CHECK_FALSE(has("127.0.0.0/8"));
    }
    CHECK(resolved({"remote=private"}).terms()[0].value.networks.size() == 7); // no host is asked for
}
