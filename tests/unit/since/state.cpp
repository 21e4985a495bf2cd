// SPDX-License-Identifier: MIT
#include "since/state_codec.hpp"
#include "since/state_file.hpp"

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

Baseline sample_baseline()
{
    Baseline baseline;
    baseline.boot_id = "879068ff-17dd-4f22-9a3c-c1c24be7d5ef";
    baseline.netns = Inode{4026531833};
    baseline.purpose = "by=process";
    baseline.taken_at = std::chrono::system_clock::time_point(std::chrono::microseconds(1795239969446354));
    baseline.uptime = std::chrono::nanoseconds(26239432301939);
    baseline.saw_all = false;
    baseline.opens = {{Inode{1}, {5, 2, 1, false}}, {Inode{2}, {6, 0, 0, true}}};
    baseline.sockets[{Inode{1}, Cookie{77}}] = {endpoint("10.0.0.1", 443), UINT64_MAX, 1, true, 1};
    baseline.sockets[{Inode{2}, Cookie{77}}] = {endpoint("fe80::1", 80), 0, 12, false, 0};
    baseline.sockets[{Inode{2}, Cookie{78}}] = {};
    std::string hostile;
    for (int byte = 0; byte < 256; ++byte) {
        hostile += static_cast<char>(byte);
    }
    baseline.interfaces = {{{hostile, 1, 2, 3, 4}}, 12};
    baseline.interfaces.counters[0].index = 7;
    baseline.series = {{{{"process", hostile}, {"user", "root"}}, 10, 20, 0}, {{}, 0, 0, 0, 0, 8, 9}};
    return baseline;
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

/// The text with the check sum that it should have.
std::string checked(std::string_view text)
{
    return with_check_sum(std::string(text.substr(0, text.rfind(",\"check\""))));
}

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
    const Baseline written = sample_baseline();
    const auto state = read_state(write_state(written));
    const auto* read = std::get_if<Baseline>(&state);
    REQUIRE(read != nullptr);
    CHECK(read->boot_id == written.boot_id);
    CHECK(read->netns == written.netns);
    CHECK(read->purpose == written.purpose);
    CHECK(read->taken_at == written.taken_at);
    CHECK(read->uptime == written.uptime);
    CHECK(read->saw_all == written.saw_all);
    CHECK(read->opens == written.opens);
    CHECK(read->sockets == written.sockets);
    CHECK(read->series == written.series);
    CHECK(read->interfaces.latest == 12);
    REQUIRE(read->interfaces.counters.size() == 1);
    CHECK(read->interfaces.counters[0].name == written.interfaces.counters[0].name);
    CHECK(read->interfaces.counters[0].index == 7);
    CHECK(read->interfaces.counters[0].tx_packets == 4);
}

TEST_CASE("state: a text that was cut or changed is none")
{
    const std::string text = write_state(sample_baseline());
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
    CHECK(has(why_bad(""), "no state"));
    CHECK(has(why_bad("root:x:0:0:root:/root:/bin/bash\n"), "no state"));
    CHECK(has(why_bad(std::string(10 << 20, '\0')), "no state"));
    CHECK(has(why_bad(replaced(write_state({}), "state/2", "state/1")), "another version"));
    CHECK(has(why_bad(replaced(write_state({}), "state/2", "state/20")), "another version"));
    CHECK(has(why_bad(replaced(write_state({}), "\"netns\":0", "\"netns\":1")), "damaged"));
}

TEST_CASE("state: with a good check sum only what could have been written is taken")
{
    const std::string text = write_state(sample_baseline());
    CHECK(checked(text) == text);
    const auto is_bad = [&](std::string_view what, std::string_view with) {
        return !why_bad(checked(replaced(text, what, with))).empty();
    };
    CHECK_FALSE(is_bad("[2,78,0,0,0,0,\"\",0]", "[2,79,0,0,0,0,\"\",0]"));
    CHECK(is_bad("[2,78,0,0,0,0,\"\",0]", "[2,77,0,0,0,0,\"\",0]")); // there twice
    CHECK(is_bad("[2,78,0,0,0,0,\"\",0]", "[2,78,-1,0,0,0,\"\",0]"));
    CHECK(is_bad("[2,78,0,0,0,0,\"\",0]", "[2,78,1.5,0,0,0,\"\",0]"));
    CHECK(is_bad("[2,78,0,0,0,0,\"\",0]", "[2,78,1e3,0,0,0,\"\",0]"));
    CHECK(is_bad("[2,78,0,0,0,0,\"\",0]", "[2,78,0,0,2,0,\"\",0]"));
    CHECK(is_bad("[2,78,0,0,0,0,\"\",0]", "[2,78,0,0,0,4294967296,\"\",0]"));
    CHECK(is_bad("[2,78,0,0,0,0,\"\",0]", "[2,78,0,0,0,0,\"\",65536]"));
    CHECK(is_bad("[2,78,0,0,0,0,\"\",0]", "[2,78,0,0,0,0,\"nowhere\",0]"));
    CHECK(is_bad("[2,78,0,0,0,0,\"\",0]", "[2,78,0,0,0,0,\"\",0,0]"));
    CHECK(is_bad("[2,78,0,0,0,0,\"\",0]", "[2,78,0,0,0,0,\"\"]"));
    CHECK(is_bad("[2,78,0,0,0,0,\"\",0]", "null"));
    CHECK(is_bad("18446744073709551615", "18446744073709551616"));
    CHECK(is_bad("\"latest_interface\":12", "\"latest_interface\":4294967296"));
    CHECK(is_bad("8,9]", "8,\"9\"]"));
    CHECK(is_bad("\"saw_all\":false", "\"saw_all\":0"));
    CHECK(is_bad("\"saw_all\":false", "\"saw_all\":false,\"saw_all\":true"));
    CHECK(is_bad("\"taken_at_us\":1", "\"taken_at_us\":-1"));
    CHECK(is_bad("\"taken_at_us\":1795239969446354", "\"taken_at_us\":9223372036854775807"));
    CHECK(is_bad("by=process", "\\u0100")); // no byte
    CHECK(is_bad("\"root\"", "\"\xc4\x80\""));
    CHECK(is_bad(",\"sockets\":[", ",\"more\":1,\"sockets\":["));
    CHECK(is_bad("\"series\":[", "\"series\":[" + std::string(5000, '[') + std::string(5000, ']') + ","));
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
        ("cannot make the file \".socktally.state\" beside \"" + path.string() + "\": File exists").c_str(),
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
        CHECK(has(complaint_of(path), "others may write"));
    }
    SUBCASE("a pipe")
    {
        std::filesystem::remove(path);
        REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
        CHECK(has(complaint_of(path), "not a plain file"));
    }
    SUBCASE("a directory") { CHECK(has(complaint_of(directory.path()), "not a plain file")); }
    SUBCASE("an open directory")
    {
        ::chmod(directory.path().c_str(), 0777);
        CHECK(has(complaint_of(path), "everybody"));
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
