// SPDX-License-Identifier: MIT
// Trusted files and sockets, and HTTP over them: what a daemon may do wrong, and that none of it costs more than the
// deadline.
#include "linux/unix_http.hpp"
#include "fake_daemon.hpp"
#include "linux/trusted_file.hpp"
#include "temp_directory.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>

using namespace socktally;
using namespace socktally::test;
using namespace std::chrono_literals;

namespace {

using Manner = FakeDaemon::Manner;
using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

constexpr std::string_view ok = "HTTP/1.0 200 OK\r\n\r\n";

/// A daemon that does not end its answer gets little time, every other as much as it needs.
HttpAnswer ask(std::string text, Manner manner = Manner::answer, std::size_t most = 1 << 20, Clock::duration time = 60s)
{
    const TempDirectory directory;
    const FakeDaemon daemon(directory.path() / "socket", std::move(text), manner);
    const Fd socket = find_trusted_socket({directory.path(), "socket", ::geteuid()});
    REQUIRE(socket);
    return http_get(socket.get(), "/list", ::geteuid(), {Clock::now() + time, most});
}

std::optional<std::string> read(const fs::path& base, const std::string& path, std::size_t limit = 100)
{
    return read_trusted_file({base, path, ::geteuid()}, limit);
}

} // namespace

TEST_CASE("a body ends with its length, or with the connection")
{
    CHECK(ask(std::string(ok) + "[1]").body == "[1]");
    CHECK(ask("HTTP/1.1 200 OK\r\nA: b\r\nContent-LENGTH:  3\r\n\r\n[1]and more").body == "[1]");
    CHECK(ask(std::string(ok)).body == "");
}

TEST_CASE("the request is the oldest that everybody understands")
{
    const TempDirectory directory;
    FakeDaemon daemon(directory.path() / "socket", std::string(ok));
    const Fd socket = find_trusted_socket({directory.path(), "socket", ::geteuid()});
    http_get(socket.get(), "/list", ::geteuid(), {Clock::now() + 60s});
    CHECK(daemon.request() == "GET /list HTTP/1.0\r\nHost: localhost\r\n\r\n");
}

TEST_CASE("an answer that is none says why")
{
    CHECK(ask("").failure == "not an HTTP server");
    CHECK(ask("hello\r\n\r\n").failure == "not an HTTP server");
    CHECK(ask("HTTP/1.0 x\r\n\r\n").failure == "not an HTTP server");
    CHECK(ask("HTTP/1.0 200 OK\r\n").failure == "not an HTTP server");
    CHECK(ask("HTTP/1.0 404 Not Found\r\n\r\n{}").failure == "HTTP status 404");
    CHECK(ask("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n[1]").failure == "answer cut short");
    CHECK(ask("HTTP/1.0 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n[1]").body == "[1]");
}

TEST_CASE("neither silence nor drops nor a flood last longer than the deadline, or are longer than the limit")
{
    constexpr std::size_t no_limit = std::size_t{1} << 40;
    CHECK(ask("", Manner::hang, no_limit, 300ms).failure == "no answer in time");
    CHECK(ask(std::string(ok), Manner::drip, no_limit, 300ms).failure == "no answer in time");
    CHECK(ask("HTTP/1.0 200 OK\r\nContent-Length: 9000000000\r\n\r\n", Manner::flood).failure == "answer too long");
    CHECK(ask(std::string(100'000, 'x'), Manner::flood).failure == "answer too long");
    CHECK_FALSE(ask(std::string(100'000, 'x'), Manner::flood, no_limit, 300ms).body);
}

TEST_CASE("a socket that nobody listens at, a file, and a socket of somebody else")
{
    const TempDirectory directory;
    {
        const FakeDaemon daemon(directory.path() / "left", "");
    }
    const Fd left = find_trusted_socket({directory.path(), "left", ::geteuid()});
    CHECK(http_get(left.get(), "/", ::geteuid(), {Clock::now() + 60s}).failure == "cannot connect: Connection refused");
    std::ofstream(directory.path() / "file") << "x";
    CHECK_FALSE(find_trusted_socket({directory.path(), "file", ::geteuid()}));
    CHECK_FALSE(find_trusted_socket({directory.path(), "nothing", ::geteuid()}));
    if (::geteuid() == 0) { // only root can give a file away
        REQUIRE(::chown((directory.path() / "left").c_str(), 4000, 4000) == 0);
        CHECK_FALSE(find_trusted_socket({directory.path(), "left", 4001}));
        CHECK(errno == EPERM);
        CHECK(find_trusted_socket({directory.path(), "left", 4000}));
    }
}

TEST_CASE("a trusted file is a file of its owner's, in a place that no symlink leads to, and not longer than expected")
{
    const TempDirectory directory;
    const fs::path& base = directory.path();
    fs::create_directory(base / "sub");
    std::ofstream(base / "sub/file") << "content";
    CHECK(read(base, "sub/file") == "content");
    CHECK(read(base, "sub/file", 7) == "content");
    CHECK_FALSE(read(base, "sub/file", 6));
    CHECK(errno == EFBIG);

    fs::create_symlink("sub", base / "link");
    fs::create_symlink("sub/file", base / "direct");
    CHECK_FALSE(read(base, "link/file"));
    CHECK(errno == ELOOP);
    CHECK_FALSE(read(base, "direct"));
    CHECK(read(base / "link", "file") == "content"); // the base is trusted
    CHECK_FALSE(read(base / "sub", "../sub/file"));
    CHECK_FALSE(read(base, "/etc/passwd"));
    CHECK_FALSE(read(base, "sub"));
    CHECK_FALSE(read("/", "proc/version")); // another file system
    CHECK_FALSE(read("", "file"));
    REQUIRE(::mkfifo((base / "pipe").c_str(), 0600) == 0);
    CHECK_FALSE(read(base, "pipe")); // and does not wait for a writer
    if (::geteuid() == 0) {
        REQUIRE(::chown((base / "sub/file").c_str(), 4000, 4000) == 0);
        CHECK_FALSE(read_trusted_file({base, "sub/file", 4001}, 100));
        CHECK(read_trusted_file({base, "sub/file", 4000}, 100) == "content");
    }
}
