// SPDX-License-Identifier: MIT
// What the names of the options mean on this machine, and whether they still do.
#include "commands/complete_filter.hpp"
#include "sys/netns.hpp"

#include <doctest/doctest.h>

using namespace socktally;

TEST_CASE("names of interfaces and network namespaces are followed where they mean another one")
{
    Options options;
    options.interfaces = {"lo"};
    options.namespaces = {"current"};
    Filter filter = complete_filter(options);
    const Filter before = filter;
    REQUIRE(filter.interfaces.size() == 1);
    CHECK(filter.namespaces == std::vector{Inode{own_netns_inode()}});
    const Renamed same = renew_names(filter, options);
    CHECK(same.others.empty());
    CHECK(notes_of(same).empty());

    filter.interfaces = {4711}; // a device that was called lo
    filter.namespaces = {Inode{42}};
    const Renamed renamed = renew_names(filter, options);
    CHECK(renamed.others == std::vector<std::string>{"\"current\"", "\"lo\""});
    CHECK(renamed.gone.empty());
    CHECK(filter.interfaces == before.interfaces);
    CHECK(filter.namespaces == before.namespaces);
    const auto notes = notes_of(renamed);
    REQUIRE(notes.size() == 2);
    CHECK(notes[0].code == "name-changed");
    CHECK(notes[0].incomplete);
}

TEST_CASE("a name that nothing has any more is kept for what had it: without it all would be wanted")
{
    Options options;
    options.interfaces = {"lo"};
    Filter filter = complete_filter(options);
    options.interfaces = {"no such device"};
    options.namespaces = {"no-such-netns"};
    filter.interfaces = {4711};
    filter.namespaces = {Inode{42}};
    const Renamed renamed = renew_names(filter, options);
    CHECK(renamed.others.empty());
    CHECK(renamed.gone.size() == 2);
    CHECK(filter.interfaces == std::vector<std::uint32_t>{4711});
    CHECK(filter.namespaces == std::vector{Inode{42}});
    const auto notes = notes_of(renamed);
    REQUIRE(notes.size() == 2);
    CHECK_FALSE(notes[1].incomplete);
}

TEST_CASE("a name that no interface has is wrong usage, and the nearest is named")
{
    const std::vector<Interface> machine{{1, "lo", true, true, {}}, {7, "eth0", false, true, {}}};
    CHECK(interface_indices({"eth0", "lo"}, machine) == std::vector<std::uint32_t>{7, 1});
    CHECK(interface_indices({}, machine).empty());
    CHECK_THROWS_WITH_AS(interface_indices({"eht0"}, machine), "no such interface: \"eht0\": did you mean \"eth0\"?",
                         UsageError);
}
