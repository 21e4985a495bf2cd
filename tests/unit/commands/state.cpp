// SPDX-License-Identifier: MIT
#include "commands/state.hpp"

#include "temp_directory.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>
#include <variant>

using namespace socktally;
using namespace socktally::test;

namespace {

State sample_state()
{
    State state;
    state.boot_id = "879068ff-17dd-4f22-9a3c-c1c24be7d5ef";
    state.netns = Inode{4026531833};
    state.purpose = "prom by process";
    state.taken_at = std::chrono::system_clock::time_point(std::chrono::microseconds(1795239969446354));
    state.uptime = std::chrono::nanoseconds(26239432301939);
    Snapshot& snapshot = state.snapshot;
    snapshot.saw_all = false;
    snapshot.opens = {{Inode{1}, {5, 2, 1, false}}, {Inode{2}, {6, 0, 0, true}}};
    const SocketCounters counters{{10, 20}, UINT64_MAX, 21, UINT32_MAX, 4, 5};
    snapshot.sockets[{Inode{1}, Cookie{77}}] = {counters, endpoint("10.0.0.1", 443), true, 1};
    snapshot.sockets[{Inode{2}, Cookie{77}}] = {{}, endpoint("fe80::1", 80), false, 0};
    snapshot.sockets[{Inode{2}, Cookie{78}}] = {};
    std::string hostile;
    for (int byte = 0; byte < 256; ++byte) {
        hostile += static_cast<char>(byte);
    }
    snapshot.interfaces = {{{hostile, 1, 2, 3, 4}}, 12};
    snapshot.interfaces.each[0].index = 7;
    state.series = {{{{"process", hostile}, {"user", "root"}}, 10, 20, 0}, {{}, 0, 0, 0, 0, 8, 9}};
    return state;
}

std::string why_bad(std::string_view text)
{
    const auto state = read_state(text);
    const auto* bad = std::get_if<BadState>(&state);
    return bad == nullptr ? "" : bad->why;
}

std::string replaced(std::string text, std::string_view what, std::string_view with)
{
    const std::size_t at = text.find(what);
    REQUIRE(at != std::string::npos);
    return text.replace(at, what.size(), with);
}

/// The lines with the check sum that they should have.
std::string checked(std::string_view text) { return with_check_sum(std::string(text.substr(0, text.rfind("check ")))); }

std::string content_of(const std::filesystem::path& path)
{
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::set<std::string> names_in(const std::filesystem::path& directory)
{
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        names.insert(entry.path().filename());
    }
    return names;
}

std::string complaint_of(const std::string& path)
{
    try {
        const StateFile file(path, StateFile::Lock::at_once);
        static_cast<void>(file.read());
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return "";
}

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

} // namespace

TEST_CASE("state: what is written is read the same")
{
    const State written = sample_state();
    const auto state = read_state(write_state(written));
    const auto* read = std::get_if<State>(&state);
    REQUIRE(read != nullptr);
    CHECK(read->boot_id == written.boot_id);
    CHECK(read->netns == written.netns);
    CHECK(read->purpose == written.purpose);
    CHECK(read->taken_at == written.taken_at);
    CHECK(read->uptime == written.uptime);
    CHECK(read->series == written.series);
    CHECK(read->snapshot.saw_all == written.snapshot.saw_all);
    CHECK(read->snapshot.opens == written.snapshot.opens);
    CHECK(read->snapshot.sockets == written.snapshot.sockets);
    const InterfaceCounters& interfaces = read->snapshot.interfaces;
    CHECK(interfaces.latest == 12);
    REQUIRE(interfaces.each.size() == 1);
    CHECK(interfaces.each[0].name == written.snapshot.interfaces.each[0].name);
    CHECK(interfaces.each[0].index == 7);
    CHECK(interfaces.each[0].tx_packets == 4);
}

TEST_CASE("state: the text is the one that is described")
{
    State state = sample_state();
    state.snapshot.sockets.erase({Inode{2}, Cookie{77}});
    state.snapshot.sockets.erase({Inode{2}, Cookie{78}});
    state.snapshot.interfaces.each[0].name = "eth0";
    state.series = {{{{"process", "a b%"}}, 10, 20}};
    const std::string text = write_state(state);
    CHECK(text.substr(0, text.find("check ")) ==
          R"(socktally-state 4
run "879068ff-17dd-4f22-9a3c-c1c24be7d5ef" 4026531833 1795239969446354 26239432301939 0 12 "prom%20by%20process"
opens 1 5 2 1 0
opens 2 6 0 0 1
interface 7 1 2 3 4 "eth0"
series 10 20 - - "process" "a%20b%25"
socket 1 77 10.0.0.1 443 10 20 18446744073709551615 21 4294967295 4 5 1 1
)");
}

TEST_CASE("state: a text that was cut or changed is none")
{
    const std::string text = write_state(sample_state());
    for (std::size_t size = 0; size < text.size(); ++size) {
        CHECK_FALSE(why_bad(std::string_view(text).substr(0, size)).empty());
    }
    for (std::size_t at = 0; at < text.size(); ++at) {
        std::string changed = text;
        changed[at] = changed[at] == '1' ? '2' : '1';
        CHECK_FALSE(why_bad(changed).empty());
    }
    CHECK_FALSE(why_bad(text + " ").empty());
    CHECK_FALSE(why_bad(text + text).empty());
}

TEST_CASE("state: other texts say what they are")
{
    CHECK(has(why_bad(""), "not a socktally state"));
    CHECK(has(why_bad("root:x:0:0:root:/root:/bin/bash\n"), "not a socktally state"));
    CHECK(has(why_bad(std::string(10 << 20, '\0')), "not a socktally state"));
    CHECK(has(why_bad(R"({"schema":"socktally-state/2","boot_id":"","netns":0})"), "another version"));
    CHECK(has(why_bad(replaced(write_state({}), "state 4", "state 3")), "another version"));
    CHECK(has(why_bad(replaced(write_state({}), "state 4", "state 40")), "another version"));
    CHECK(has(why_bad(replaced(write_state({}), "run \"\" 0", "run \"\" 1")), "damaged"));
}

TEST_CASE("state: with a good check sum only what could have been written is taken")
{
    const std::string text = write_state(sample_state());
    CHECK(checked(text) == text);
    const auto is_bad = [&](std::string_view what, std::string_view with) {
        return !why_bad(checked(replaced(text, what, with))).empty();
    };
    const std::string socket = "socket 2 78 - 0 0 0 0 0 0 0 0 0 0\n";
    CHECK_FALSE(is_bad(socket, "socket 2 79 - 0 0 0 0 0 0 0 0 0 0\n"));
    CHECK_FALSE(is_bad(socket, ""));
    for (const char* bad : {"socket 2 77 - 0 0 0 0 0 0 0 0 0 0\n", // there twice
                            "socket 2 78 - 0 -1 0 0 0 0 0 0 0 0\n",
                            "socket 2 78 - 0 +1 0 0 0 0 0 0 0 0\n",
                            "socket 2 78 - 0 1.5 0 0 0 0 0 0 0 0\n",
                            "socket 2 78 - 0 1e3 0 0 0 0 0 0 0 0\n",
                            "socket 2 78 - 0  0 0 0 0 0 0 0 0 0\n",
                            "socket 2 78 - 0 0 0 0 0 0 0 0 2 0\n",
                            "socket 2 78 - 0 0 0 0 0 0 0 0 0 4294967296\n",
                            "socket 2 78 - 0 0 0 0 0 4294967296 0 0 0 0\n",
                            "socket 2 78 - 65536 0 0 0 0 0 0 0 0 0\n",
                            "socket 2 78 nowhere 0 0 0 0 0 0 0 0 0 0\n",
                            "socket 2 78 - 0 0 0 0 0 0 0 0 0 0 0\n",
                            "socket 2 78 - 0 0 0 0 0 0 0 0 0\n",
                            "socket 2 78 - 0 0 0 0 0 0 0 0 0 0 \n",
                            " socket 2 78 - 0 0 0 0 0 0 0 0 0 0\n",
                            "socket\n",
                            "\n",
                            "more 1\n",
                            "opens 1 5 2 1 0\n",
                            "series 1 2 3\n",
                            "series 1 2 - - \"label\"\n",
                            "series 1 2 - x\n"}) {
        CAPTURE(bad);
        CHECK(is_bad(socket, bad));
    }
    CHECK(is_bad("18446744073709551615", "18446744073709551616"));
    CHECK(is_bad(" 0 12 \"", " 0 4294967296 \"")); // the latest interface
    CHECK(is_bad(" 0 12 \"", " 2 12 \""));
    CHECK(is_bad("1795239969446354", "-1"));
    CHECK(is_bad("1795239969446354", "9223372036854775807"));
    CHECK(is_bad("26239432301939", "9223372036854775808"));
    for (const char* bad : {"\"root", "root\"", "\"", "", "root", "\"ro\"ot\"", "\"%\"", "\"%7\"", "\"%zz\"",
                            "\"%72oot\"", "\"%FF\"", "\"\xff\""}) {
        CAPTURE(bad);
        CHECK(is_bad("\"root\"", bad));
    }
    CHECK(is_bad("run ", "ran "));
    CHECK(is_bad("opens 1", "run \"\" 0 0 0 0 0 \"\"\nopens 1"));
}

TEST_CASE("state file: replaced as a whole, with a mode of its own")
{
    const TempDirectory directory;
    const std::string path = directory.path() / "state";
    {
        StateFile file(path, StateFile::Lock::at_once);
        CHECK_FALSE(file.read().has_value());
        file.prepare("one");
        CHECK_FALSE(file.read().has_value());
        file.replace();
        CHECK(file.read() == "one");
    }
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 07777U) == 0600U);
    {
        StateFile file(path, StateFile::Lock::at_once);
        file.prepare("a run that is killed here");
    }
    StateFile file(path, StateFile::Lock::at_once);
    CHECK(file.read() == "one");
    file.prepare("two");
    file.replace();
    CHECK(file.read() == "two");
    CHECK(names_in(directory.path()) == std::set<std::string>{"state", "state.lock"});
}

TEST_CASE("state file: what a killed run was about to leave is not in the way, and is never written through")
{
    const TempDirectory directory;
    const std::filesystem::path path = directory.path() / "state";
    const std::filesystem::path left = directory.path() / ".socktally.state";
    const std::filesystem::path other = directory.path() / "other";
    std::ofstream(other) << "mine";
    SUBCASE("a file") { std::ofstream(left) << "half"; }
    SUBCASE("another name of a file") { std::filesystem::create_hard_link(other, left); }
    SUBCASE("a link") { std::filesystem::create_symlink(other, left); }
    for (const char* text : {"one", "two"}) {
        StateFile file(path, StateFile::Lock::at_once);
        file.prepare(text);
        file.replace();
        CHECK(names_in(directory.path()) == std::set<std::string>{"state", "state.lock", "other"});
        CHECK(content_of(path) == text);
        std::ofstream(left) << "half";
    }
    CHECK(content_of(other) == "mine");
}

TEST_CASE("state file: where something is in the place of the new one that cannot be removed, the old one stays")
{
    const TempDirectory directory;
    const std::filesystem::path path = directory.path() / "state";
    StateFile file(path, StateFile::Lock::at_once);
    file.prepare("one");
    file.replace();
    std::filesystem::create_directory(directory.path() / ".socktally.state");
    CHECK_THROWS_WITH_AS(
        file.prepare("two"),
        ("cannot create the file \".socktally.state\" next to \"" + path.string() + "\": File exists").c_str(),
        std::system_error);
    CHECK(file.read() == "one");
}

TEST_CASE("state file: what is no state is kept, and nothing has to go for it")
{
    const TempDirectory directory;
    const std::string path = directory.path() / "state";
    std::ofstream(path) << "first";
    std::ofstream(path + ".bad") << "mine";
    std::ofstream(path + ".tmp") << "mine";
    std::ofstream(path + ".bad.2") << "mine";
    ::chmod(path.c_str(), 0600);
    StateFile file(path, StateFile::Lock::at_once);
    CHECK(file.keep_aside() == path + ".bad.3");
    CHECK(file.read() == "first");
    CHECK(file.keep_aside() == path + ".bad.3"); // of a run that could not go on
    file.prepare("state");
    file.replace();
    CHECK(file.read() == "state");
    CHECK(content_of(path + ".bad.3") == "first");
    for (const char* name : {".bad", ".bad.2", ".tmp"}) {
        CHECK(content_of(path + name) == "mine");
    }
    for (int number = 4; number <= 100; ++number) {
        std::ofstream(path + ".bad." + std::to_string(number)) << "mine";
    }
    CHECK_THROWS_AS(static_cast<void>(file.keep_aside()), std::runtime_error);
    CHECK(file.read() == "state");
}

TEST_CASE("state file: one run at a time")
{
    const TempDirectory directory;
    const std::string path = directory.path() / "state";
    {
        const StateFile file(path, StateFile::Lock::at_once);
        CHECK(has(complaint_of(path), "another run"));
        CHECK(complaint_of(directory.path() / "other") == "");
    }
    CHECK(complaint_of(path) == "");
}

TEST_CASE("state file: what cannot be trusted is refused")
{
    const TempDirectory directory;
    const std::filesystem::path path = directory.path() / "state";
    std::ofstream(path) << "x";
    ::chmod(path.c_str(), 0600);
    CHECK(complaint_of(path) == "");

    SUBCASE("a link")
    {
        std::filesystem::create_symlink(path, directory.path() / "link");
        CHECK(has(complaint_of(directory.path() / "link"), "symbolic link"));
    }
    SUBCASE("a link for a lock")
    {
        std::filesystem::remove(path.string() + ".lock");
        std::filesystem::create_symlink(path, path.string() + ".lock");
        CHECK(has(complaint_of(path), "symbolic link"));
    }
    SUBCASE("writable by others")
    {
        ::chmod(path.c_str(), 0620);
        CHECK(has(complaint_of(path), "other users can write"));
    }
    SUBCASE("a pipe")
    {
        std::filesystem::remove(path);
        REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
        CHECK(has(complaint_of(path), "not a regular file"));
    }
    SUBCASE("a directory") { CHECK(has(complaint_of(directory.path()), "not a regular file")); }
    SUBCASE("an open directory")
    {
        ::chmod(directory.path().c_str(), 0777);
        CHECK(has(complaint_of(path), "everyone"));
        ::chmod(directory.path().c_str(), 01777);
        CHECK(complaint_of(path) == "");
    }
    SUBCASE("somebody else's")
    {
        if (::geteuid() == 0) {
            REQUIRE(::chown(path.c_str(), 65534, 65534) == 0);
            CHECK(has(complaint_of(path), "another user"));
        } else {
            MESSAGE("skipped: only root can give a file away");
        }
    }
    SUBCASE("no directory") { CHECK(has(complaint_of(path.string() + "/state"), "cannot open")); }
    SUBCASE("no name") { CHECK(has(complaint_of(directory.path().string() + "/"), "directory")); }
}
