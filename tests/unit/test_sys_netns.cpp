// SPDX-License-Identifier: MIT
#include "sys/netns.hpp"

#include <doctest/doctest.h>
#include <sched.h>

#include <thread>

using namespace socktally;

TEST_CASE("a held namespace is come back to, from another one too")
{
    constexpr const char* here = "/proc/thread-self/ns/net";
    const HeldNamespace own;
    std::optional<std::uint64_t> seen;
    CHECK(own.run([&] { seen = netns_inode(here); }));
    CHECK(seen == netns_inode(here));

    std::optional<HeldNamespace> held;
    std::optional<std::uint64_t> other;
    std::thread([&] {
        if (::unshare(CLONE_NEWNET) == 0) {
            held.emplace();
            other = netns_inode(here);
        }
    }).join();
    if (!held) {
        MESSAGE("skipped: no network namespace may be made here");
        return;
    }
    CHECK(held->run([&] { seen = netns_inode(here); }));
    CHECK(seen == other);
    CHECK(netns_inode(here) != other); // nothing but `work` was there
}
