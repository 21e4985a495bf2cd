// SPDX-License-Identifier: MIT
// Who held what, from window to window, told without any /proc. OwnerScanner's tests have one.
#include "owners/owner_table.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

using namespace socktally;
using namespace socktally::test;

namespace {

using Held = std::set<std::pair<std::uint64_t, std::string>>; // inode and name

Held all_of(const OwnerTable& holds)
{
    Held held;
    for (const Holder& holder : holds.all()) {
        CHECK(held.emplace(holder.inode.value, holds.process(holder.process).name).second);
    }
    return held;
}

std::uint32_t add(OwnerTable& holds, int pid, const std::string& name)
{
    return holds.add(process(pid, static_cast<std::uint64_t>(pid), name, Uid{0}));
}

} // namespace

TEST_CASE("holds: one that is over counts for one more window, and then its process is forgotten")
{
    OwnerTable holds;
    const auto stays = add(holds, 1, "stays");
    const auto closes = add(holds, 2, "closes");
    holds.add_first(Inode{12}, closes);
    holds.add_first(Inode{11}, stays);
    holds.sort_first();
    CHECK(holds.held(Inode{11}));
    CHECK(holds.held(Inode{0})); // nobody can
    CHECK_FALSE(holds.held(Inode{13}));

    auto indices = holds.next_window({{Inode{11}, stays}});
    REQUIRE(indices.size() == 2);
    CHECK(indices[stays]);
    CHECK(indices[closes]);
    CHECK(all_of(holds) == Held{{11, "stays"}, {12, "closes"}});
    CHECK_FALSE(holds.held(Inode{12}));
    CHECK(holds.unheld({Inode{12}, Inode{11}}) == std::vector{Inode{12}});
    CHECK(holds.holders_of(Inode{12}) == std::vector{*indices[closes]});

    const auto left = *indices[stays];
    indices = holds.next_window({{Inode{11}, left}});
    CHECK(indices[left]);
    CHECK(std::count(indices.begin(), indices.end(), std::nullopt) == 1);
    CHECK(all_of(holds) == Held{{11, "stays"}});
    CHECK(holds.processes().size() == 1);
}

TEST_CASE("holds: who gave a socket on shares it for one more window, unless nobody is found who has it")
{
    OwnerTable holds;
    const auto giver = add(holds, 1, "giver");
    holds.add_first(Inode{11}, giver);
    holds.add_first(Inode{12}, giver);
    holds.sort_first();
    const auto taker = add(holds, 2, "taker");
    holds.add_later(Inode{11}, taker);
    holds.add_later(Inode{11}, taker);
    const auto together = holds.sharers();
    CHECK(std::set<std::uint32_t>(together.begin(), together.end()) == std::set<std::uint32_t>{giver, taker});

    holds.next_window({{Inode{11}, taker}});
    CHECK(all_of(holds) == Held{{11, "giver"}, {11, "taker"}, {12, "giver"}});
    holds.disown({Inode{12}});
    CHECK(all_of(holds) == Held{{11, "giver"}, {11, "taker"}});
    CHECK(holds.sharers().empty()); // of those who hold it now
}

TEST_CASE("holds: a process with one socket under two descriptors shares it with nobody")
{
    OwnerTable holds;
    const auto one = add(holds, 1, "one");
    holds.add_first(Inode{11}, one);
    holds.add_first(Inode{11}, one);
    holds.sort_first();
    CHECK(holds.sharers().empty());
}

TEST_CASE("holds: a former holder that has the socket again is one holder")
{
    OwnerTable holds;
    const auto first = add(holds, 1, "again");
    holds.add_first(Inode{11}, first);
    holds.add_first(Inode{12}, first);
    holds.sort_first();
    const auto indices = holds.next_window({{Inode{12}, first}});
    holds.add_later(Inode{11}, *indices[first]);
    CHECK(all_of(holds) == Held{{11, "again"}, {12, "again"}});
    CHECK(holds.held(Inode{11}));
}
