// SPDX-License-Identifier: MIT
// Which signals end a window early instead of the program.
#include "sys/interrupt.hpp"

#include <doctest/doctest.h>

#include <csignal>

using namespace socktally;
using namespace std::chrono_literals;

TEST_CASE("a signal that would end the program ends the wait")
{
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        CAPTURE(number);
        auto* const before = std::signal(number, [](int) { FAIL("it was not taken over"); });
        {
            Interrupt interrupt;
            std::raise(number);
            interrupt.wait_until(std::chrono::steady_clock::now() + 1h, -1);
            CHECK(interrupt.signal() == number);
        }
        std::signal(number, before);
    }
}

TEST_CASE("a signal that the parent had us ignore, as nohup(1) does, stays ignored")
{
    auto* const before = std::signal(SIGHUP, SIG_IGN);
    {
        Interrupt interrupt;
        std::raise(SIGHUP);
        interrupt.wait_until(std::chrono::steady_clock::now() + 1ms, -1);
        CHECK(interrupt.signal() == 0);
    }
    std::signal(SIGHUP, before);
}
