// SPDX-License-Identifier: MIT
// What the names of the options mean on this machine, and whether they still do.
#include "commands/resolve_filter.hpp"
#include "linux/netns.hpp"

#include <doctest/doctest.h>

using namespace socktally;

TEST_CASE("names of interfaces and network namespaces are followed where they mean another one")
{
    Options options;
    options.filter.interfaces = {{"lo"}};
    options.filter.namespaces = {{"current"}};
    Filter filter = resolve_filter(options);
    const Filter before = filter;
    REQUIRE(filter.interfaces.size() == 1);
    CHECK(filter.namespaces[0].id == Inode{own_netns_inode()});
    const Renamed same = renew_names(filter);
    CHECK(same.others.empty());
    CHECK(notes_of(same).empty());

    filter.interfaces[0].id = 4711; // a device that was called lo
    filter.namespaces[0].id = Inode{42};
    const Renamed renamed = renew_names(filter);
    CHECK(renamed.others == std::vector<std::string>{"\"current\"", "\"lo\""});
    CHECK(renamed.gone.empty());
    CHECK(filter.interfaces == before.interfaces);
    CHECK(filter.namespaces == before.namespaces);
    const auto notes = notes_of(renamed);
    REQUIRE(notes.size() == 2);
    CHECK(notes[0].code == NoteCode::name_changed);
    CHECK(notes[0].incomplete);
}

TEST_CASE("a name that nothing has any more is kept for what had it: without it all would be wanted")
{
    Options options;
    options.filter.interfaces = {{"lo"}};
    Filter filter = resolve_filter(options);
    filter.interfaces = {{"no such device", 4711}};
    filter.namespaces = {{"no-such-netns", Inode{42}}};
    const Renamed renamed = renew_names(filter);
    CHECK(renamed.others.empty());
    CHECK(renamed.gone.size() == 2);
    CHECK(filter.interfaces[0].id == 4711U);
    CHECK(filter.namespaces[0].id == Inode{42});
    const auto notes = notes_of(renamed);
    REQUIRE(notes.size() == 2);
    CHECK_FALSE(notes[1].incomplete);
}

TEST_CASE("a name that no interface has is wrong usage, and the nearest is named")
{
    const std::vector<Interface> machine{
        {1, "lo", true, true, {}}, {7, "eth0", false, true, {}}, {9, "q\"u,o=te\\", false, true, {}}};
    Criteria criteria;
    criteria.interfaces = {{"eth0"}, {"lo"}};
    find_interfaces(criteria, machine);
    CHECK(criteria.interfaces[0].id == 7U);
    CHECK(criteria.interfaces[1].id == 1U);
    criteria.interfaces = {{"eth0,lo"}, {"q\"u,o=te\\"}};
    find_interfaces(criteria, machine);
    CHECK(criteria.interfaces == std::vector<Named<std::uint32_t>>{{"eth0", 7}, {"lo", 1}, {"q\"u,o=te\\", 9}});
    criteria.interfaces = {{"eht0"}};
    CHECK_THROWS_WITH_AS(find_interfaces(criteria, machine), "no such interface: \"eht0\": did you mean \"eth0\"?",
                         UsageError);
}
