// SPDX-License-Identifier: MIT
#include "linux/helper.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <set>
#include <thread>

using namespace socktally;
using namespace std::chrono_literals;

namespace {

/// "FD TARGET" of each descriptor but the one that the listing takes.
std::string descriptors()
{
    std::set<std::string> lines;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code error;
        const std::string target = std::filesystem::read_symlink(entry.path(), error);
        if (!error && target != "/proc/" + std::to_string(::getpid()) + "/fd") {
            lines.insert(entry.path().filename().string() + " " + target.substr(0, target.find('[')));
        }
    }
    std::string text;
    for (const std::string& line : lines) {
        text += line + "\n";
    }
    return text;
}

std::string answer(std::string_view question)
{
    if (question == "hang") {
        ::pause();
    } else if (question == "die") {
        ::_exit(1);
    } else if (question == "throw") {
        throw std::runtime_error("of the handler");
    } else if (question == "descriptors") {
        return descriptors();
    } else if (question == "long") {
        return std::string(20 << 20, 'x');
    }
    return "answer to " + std::string(question);
}

auto soon() { return Helper::Clock::now() + 60s; }

bool is_gone(pid_t pid) { return ::kill(pid, 0) != 0 && errno == ESRCH; }

/// Its owner waits for it for a moment only.
bool ends(pid_t pid)
{
    const auto deadline = soon();
    while (!is_gone(pid) && ::waitpid(pid, nullptr, WNOHANG) != pid) {
        if (Helper::Clock::now() > deadline) {
            return false;
        }
        std::this_thread::sleep_for(1ms);
    }
    return true;
}

} // namespace

TEST_CASE("a helper is one process that answers one question after another")
{
    Helper helper(answer);
    CHECK(helper.pid() == 0); // it is made when it is needed
    CHECK(helper.ask("a", soon()) == "answer to a");
    const pid_t pid = helper.pid();
    CHECK(pid != 0);
    CHECK(helper.ask("", soon()) == "answer to ");
    CHECK(helper.ask("long", soon()) == std::string(20 << 20, 'x'));
    const std::string question(3 << 20, 'q');
    CHECK(helper.ask(question, soon()) == "answer to " + question);
    CHECK(helper.pid() == pid);
}

TEST_CASE("a helper that does not answer is given up, and the next question gets another")
{
    Helper helper(answer);
    REQUIRE(helper.ask("a", soon()));
    const pid_t first = helper.pid();
    SUBCASE("it hangs")
    {
        const auto begun = Helper::Clock::now();
        CHECK_FALSE(helper.ask("hang", begun + 50ms));
        CHECK(Helper::Clock::now() - begun >= 50ms);
    }
    SUBCASE("it dies") { CHECK_FALSE(helper.ask("die", soon())); }
    SUBCASE("it fails") { CHECK_FALSE(helper.ask("throw", soon())); }
    CHECK(helper.pid() == 0);
    CHECK(ends(first));
    CHECK(helper.ask("b", soon()) == "answer to b");
    CHECK(helper.pid() != first);
}

TEST_CASE("a helper has no descriptor of its parent, and takes no signal")
{
    Helper helper(answer);
    CHECK(helper.ask("descriptors", soon()) == "0 /dev/null\n1 /dev/null\n2 /dev/null\n3 socket:\n");
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGPIPE}) {
        ::kill(helper.pid(), signal);
    }
    const pid_t pid = helper.pid();
    CHECK(helper.ask("a", soon()) == "answer to a");
    CHECK(helper.pid() == pid);
}

TEST_CASE("a helper ends with its owner")
{
    pid_t pid = 0;
    {
        Helper helper(answer);
        REQUIRE(helper.ask("a", soon()));
        pid = helper.pid();
    }
    CHECK(ends(pid));

    // Also if that is killed while the helper hangs.
    std::array<int, 2> tell{};
    REQUIRE(::pipe(tell.data()) == 0);
    const pid_t owner = ::fork();
    if (owner == 0) {
        Helper helper(answer);
        helper.ask("a", soon());
        const pid_t told = helper.pid();
        const bool is_told = ::write(tell[1], &told, sizeof told) == sizeof told;
        helper.ask("hang", soon());
        ::_exit(is_told ? 0 : 1);
    }
    CHECK(::read(tell[0], &pid, sizeof pid) == sizeof pid);
    ::kill(owner, SIGKILL);
    ::waitpid(owner, nullptr, 0);
    CHECK(ends(pid));
    ::close(tell[0]);
    ::close(tell[1]);
}
