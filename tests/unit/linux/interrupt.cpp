// SPDX-License-Identifier: MIT
// Which signals end a window early instead of the program.
#include "linux/interrupt.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

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

TEST_CASE("SIGUSR1 ends one window after the other, and nothing else")
{
    Interrupt interrupt;
    for (int window = 0; window < 3; ++window) {
        CHECK_FALSE(interrupt.ends_window());
        std::raise(SIGUSR1);
        interrupt.wait_until(std::chrono::steady_clock::now() + 1h, -1);
        CHECK(interrupt.ends_window());
        CHECK(interrupt.ends_early());
        CHECK(interrupt.signal() == 0);
        interrupt.window_is_over();
    }
}

TEST_CASE("SIGUSR1 between two windows ends the second one, even if its reader was slow")
{
    Interrupt interrupt;
    interrupt.window_is_over();
    std::raise(SIGUSR1);
    CHECK(interrupt.wait_writable(STDERR_FILENO));
    CHECK(interrupt.ends_window());
}

TEST_CASE("a signal that ends the program is not lost behind SIGUSR1")
{
    auto* const before = std::signal(SIGTERM, [](int) { FAIL("it was not taken over"); });
    {
        Interrupt interrupt;
        std::raise(SIGUSR1);
        std::raise(SIGTERM);
        interrupt.wait_until(std::chrono::steady_clock::now() + 1h, -1);
        CHECK(interrupt.signal() == SIGTERM);
    }
    std::signal(SIGTERM, before);
}

TEST_CASE("SIGUSR1 beside SIGINT, after the last window and before the first one does nothing")
{
    auto* const before = std::signal(SIGINT, [](int) { FAIL("it was not taken over"); });
    {
        Interrupt interrupt;
        std::raise(SIGUSR1);
        interrupt.first_window_begins();
        CHECK_FALSE(interrupt.ends_window());
        std::raise(SIGUSR1);
        std::raise(SIGINT); // of two, signalfd gives the lower one first
        interrupt.wait_until(std::chrono::steady_clock::now() + 1h, -1);
        CHECK(interrupt.signal() == SIGINT);
        std::raise(SIGUSR1); // released by now
    }
    std::raise(SIGUSR1);
    std::signal(SIGINT, before);
}
