// SPDX-License-Identifier: MIT
#include "linux/netns.hpp"

#include <doctest/doctest.h>
#include <sched.h>
#include <sys/socket.h>

#include <thread>

using namespace socktally;

TEST_CASE("the namespace of a socket is come back to, from another one too")
{
    const Fd near(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    std::uint64_t seen = 0;
    CHECK(run_in_netns_of(near.get(), netns_of_thread(), [&] { seen = netns_of_thread(); }));
    CHECK(seen == netns_of_thread());

    Fd far;
    std::uint64_t other = 0;
    std::thread([&] {
        if (::unshare(CLONE_NEWNET) == 0) {
            far = Fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
            other = netns_of_thread();
        }
    }).join();
    if (!far) {
        MESSAGE("skipped: no network namespace may be made here");
        return;
    }
    CHECK(run_in_netns_of(far.get(), other, [&] { seen = netns_of_thread(); }));
    CHECK(seen == other);
    CHECK(netns_of_thread() != other); // nothing but `work` was there
}
