// SPDX-License-Identifier: MIT
#include "linux/terminal.hpp"
#include "linux/fd.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>
#include <utility>

using namespace socktally;

namespace {

std::pair<Fd, Fd> make_pipe()
{
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    return {Fd(ends[0]), Fd(ends[1])};
}

template <typename Action>
std::system_error failure_of(Action action)
{
    try {
        action();
    } catch (const std::system_error& error) {
        return error;
    }
    return {0, std::generic_category(), "nothing was thrown"};
}

} // namespace

TEST_CASE("all of a text is written")
{
    const auto [reader, writer] = make_pipe();
    write_all(writer.get(), "hello", "standard output");
    write_all(writer.get(), "", "standard output");
    std::array<char, 16> got{};
    CHECK(::read(reader.get(), got.data(), got.size()) == 5);
    CHECK(std::string(got.data()) == "hello");
}

TEST_CASE("a full disk is an error that says so")
{
    const Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    REQUIRE(full);
    const auto error = failure_of([&] { write_all(full.get(), "x", "standard output"); });
    CHECK(error.code().value() == ENOSPC);
    CHECK(std::string(error.what()) == "cannot write to standard output: No space left on device");
}

TEST_CASE("a closed pipe is EPIPE, which the caller may forgive")
{
    auto [reader, writer] = make_pipe();
    {
        const Fd closed = std::move(reader);
    }
    struct sigaction ignore {};
    struct sigaction before {};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGPIPE, &ignore, &before);
    const auto error = failure_of([&out = writer] { write_all(out.get(), "x", "standard output"); });
    ::sigaction(SIGPIPE, &before, nullptr);
    CHECK(error.code().value() == EPIPE);
}

TEST_CASE("what is not open for writing is refused before the window, not after it")
{
    const auto [reader, writer] = make_pipe();
    CHECK_NOTHROW(require_writable(writer.get(), "standard output"));
    CHECK(failure_of([&in = reader] { require_writable(in.get(), "standard output"); }).code().value() == EBADF);
    CHECK(failure_of([] { require_writable(-1, "standard output"); }).code().value() == EBADF);
    const Fd both(::open("/dev/null", O_RDWR | O_CLOEXEC));
    CHECK_NOTHROW(require_writable(both.get(), "standard output"));
}

TEST_CASE("the width is the terminal's, else $COLUMNS where that is sane, else 80")
{
    const auto [reader, writer] = make_pipe();
    const char* set = std::getenv("COLUMNS");
    const std::string before = set != nullptr ? set : "";
    const auto width = [&out = writer](const char* columns) {
        ::setenv("COLUMNS", columns, 1);
        return terminal_width(out.get());
    };
    CHECK_FALSE(is_terminal(writer.get()));
    CHECK(terminal_height(writer.get()) == 0);
    CHECK(width("132") == 132);
    CHECK(width("10000") == 10000);
    for (const char* bad : {"", "0", "-5", "x", "10001", "99999999999999999999"}) {
        CAPTURE(bad);
        CHECK(width(bad) == 80);
    }
    ::unsetenv("COLUMNS");
    CHECK(terminal_width(writer.get()) == 80);
    if (set != nullptr) {
        ::setenv("COLUMNS", before.c_str(), 1);
    }
}
