// SPDX-License-Identifier: MIT
// Which command starts when, with what, and how it ends.
#include "linux/child.hpp"
#include "linux/interrupt.hpp"

#include <doctest/doctest.h>

#include <csignal>

using namespace socktally;
using namespace std::chrono_literals;

namespace {

/// SIGINT and SIGQUIT are ignored from a command's start on: not in the tests that follow.
class Signals {
public:
    Signals() = default;
    ~Signals()
    {
        std::signal(SIGINT, SIG_DFL);
        std::signal(SIGQUIT, SIG_DFL);
        surroundings_.restore();
    }
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;
    const Surroundings& surroundings() const { return surroundings_; }

private:
    Surroundings surroundings_;
};

int status_of(const std::vector<std::string>& words)
{
    const Signals signals;
    Child command(words, signals.surroundings(), std::nullopt);
    command.start();
    return command.wait();
}

} // namespace

TEST_CASE("a command ends with the status that a shell gives it")
{
    CHECK(status_of({"true"}) == 0);
    CHECK(status_of({"sh", "-c", "exit 3"}) == 3);
    CHECK(status_of({"sh", "-c", "kill -KILL $$"}) == 137);
    CHECK(status_of({"no-such-command-at-all"}) == 127);
    CHECK(status_of({"/dev/null"}) == 126);
}

TEST_CASE("a command waits until it is started, and its end ends the window")
{
    const Signals signals;
    Child command({"true"}, signals.surroundings(), std::nullopt);
    Interrupt interrupt(command);
    interrupt.wait_until(std::chrono::steady_clock::now() + 20ms, -1);
    CHECK_FALSE(interrupt.ends_window());
    interrupt.first_window_begins();
    interrupt.wait_until(std::chrono::steady_clock::now() + 1h, -1);
    CHECK(interrupt.ends_series());
    CHECK(interrupt.signal() == 0);
}

TEST_CASE("a signal that this process gets is passed on")
{
    auto* const before = std::signal(SIGTERM, SIG_DFL); // the command may not have replaced the test yet
    const Signals signals;
    Child command({"sleep", "1000"}, signals.surroundings(), std::nullopt);
    Interrupt interrupt(command);
    interrupt.first_window_begins();
    std::raise(SIGTERM);
    while (!interrupt.ends_window()) {
        interrupt.wait_until(std::chrono::steady_clock::now() + 1h, -1);
    }
    CHECK(interrupt.signal() == 0);
    CHECK(command.wait() == 128 + SIGTERM);
    std::signal(SIGTERM, before);
}

TEST_CASE("processes that a command leaves are waited for as long as asked")
{
    for (const auto& [patience, is_left] : {std::pair(10s, false), std::pair(0s, true)}) {
        const Signals signals;
        Child command({"sh", "-c", "sleep 0.1 &"}, signals.surroundings(), patience);
        Interrupt interrupt(command);
        interrupt.first_window_begins();
        while (!interrupt.ends_window()) {
            interrupt.wait_until(std::chrono::steady_clock::now() + 1h, -1);
        }
        CHECK(command.has_left_processes() == is_left);
        while (command.has_left_processes()) {
            command.reap();
        }
    }
}
