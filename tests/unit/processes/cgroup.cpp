// SPDX-License-Identifier: MIT
// tests/fixtures/cgroup_lines: what each says, and that no broken one says more.
#include "processes/cgroup.hpp"
#include "linux/proc.hpp"

#include <doctest/doctest.h>

#include <array>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

using namespace socktally;

namespace {

struct Fixture {
    std::string what;
    std::string text;
    std::string expected;
};

std::vector<Fixture> read_fixtures()
{
    std::ifstream stream(CGROUP_FIXTURE, std::ios::binary);
    const std::string content(std::istreambuf_iterator<char>(stream), {});
    std::string_view rest = content;
    std::vector<Fixture> fixtures;
    Fixture current;
    while (!rest.empty()) {
        const std::string_view line = next_line(rest);
        if (line.starts_with('#')) {
            current.what = line.substr(2);
        } else if (line.starts_with('>')) {
            current.expected = line.substr(1);
            fixtures.push_back(std::move(current));
            current = {};
        } else if (!line.empty()) {
            current.text.append(line) += '\n';
        }
    }
    return fixtures;
}

/// As the fixtures have it: ` NAME=VALUE` for everything that is not null.
std::string described(std::string_view text)
{
    const auto place = parse_cgroup(text);
    if (!place) {
        return " nothing";
    }
    std::string result;
    const auto add = [&result](std::string_view name, const auto& value) {
        if (value) {
            result.append(" ").append(name).append("=").append(*value);
        }
    };
    std::string_view first = text;
    first = next_line(first);
    if (place->path != first.substr(first.find(":/") + 1)) {
        add("path", std::optional(place->path));
    }
    add("unit", place->unit);
    add("user", place->user ? std::optional(std::to_string(place->user->value)) : std::nullopt);
    add("container", place->container_id);
    add("machine", place->machine);
    constexpr std::array<std::string_view, 6> engines{"docker", "podman", "containerd", "cri-o", "lxc", "nspawn"};
    add("engine", place->engine ? std::optional(engines.at(static_cast<std::size_t>(*place->engine))) : std::nullopt);
    add("pod", place->pod_uid);
    return result;
}

} // namespace

TEST_CASE("real contents of /proc/PID/cgroup say which unit, container and pod a process is in")
{
    const auto fixtures = read_fixtures();
    REQUIRE(fixtures.size() > 50);
    for (const Fixture& fixture : fixtures) {
        CHECK_MESSAGE(described(fixture.text) == fixture.expected, fixture.what);
    }
}

TEST_CASE("lines that make no sense are left out, whatever else there is")
{
    CHECK_FALSE(parse_cgroup(""));
    CHECK_FALSE(parse_cgroup("\n\n"));
    CHECK_FALSE(parse_cgroup("0:/docker"));
    CHECK_FALSE(parse_cgroup("x::/a"));
    CHECK_FALSE(parse_cgroup(":::/"));
    CHECK_FALSE(parse_cgroup("0::"));
    CHECK_FALSE(parse_cgroup("0::relative"));
    CHECK(parse_cgroup("nonsense\n0::/a.service")->unit == "a.service");
    CHECK(parse_cgroup("0::/a.service")->path == "/a.service"); // without its newline
}

TEST_CASE("bytes that a unit's name stands for are bytes, and an unfinished escape is text")
{
    CHECK(place_of("/a\\x0a\\x1b\\xff.service").unit == "a\n\x1b\xff.service");
    CHECK(place_of("/a\\x0.service").unit == "a\\x0.service");
    CHECK(place_of("/a\\xGG.service").unit == "a\\xGG.service");
}

TEST_CASE("a user's claim names the user")
{
    const std::string id(64, 'a');
    const auto place = place_of("/user.slice/user-7.slice/user@7.service/system.slice/docker-" + id + ".scope");
    CHECK(place.container_id == id);
    CHECK(place.user == Uid{7});
    CHECK_FALSE(place_of("/user.slice/user@4294967295.service/a.scope").user);
    CHECK_FALSE(place_of("/user.slice/user@99999999999999999999.service/a.scope").user);
    CHECK_FALSE(place_of("/user.slice/user@.service/a.scope").user);
    CHECK(place_of("/user@7.service/user@8.service").user == Uid{7}); // the inner one is only called so
}

TEST_CASE("a path of any length is taken apart in no time")
{
    std::string path;
    for (int i = 0; i < 100'000; ++i) {
        path += "/lxc.payload.a";
    }
    CHECK(place_of(path).machine == "a");
    CHECK(place_of(std::string(1 << 20, '/')).path.size() == 1 << 20);
    CHECK_FALSE(place_of("/" + std::string(1 << 20, 'a')).container_id);
    CHECK_FALSE(place_of("/" + std::string(300, 'a') + ".service").unit);
}
