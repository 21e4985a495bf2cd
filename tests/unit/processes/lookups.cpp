// SPDX-License-Identifier: MIT
// Look-ups through the helper process. What hangs there is in the truth suite, which may mount.
#include "processes/lookups.hpp"
#include "fake_daemon.hpp"
#include "processes/names.hpp"
#include "temp_directory.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netdb.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

using namespace socktally;
using namespace socktally::test;
using namespace std::chrono_literals;

TEST_CASE("users are looked up by number and by name")
{
    Lookups lookups;
    const passwd* root = ::getpwuid(0);
    REQUIRE(root != nullptr);
    const UserAnswer by_uid = lookups.find_user(Uid{0}, 60s);
    REQUIRE(by_uid.user);
    CHECK(by_uid.user->name == root->pw_name);
    CHECK(by_uid.user->home == root->pw_dir);
    const UserAnswer by_name = lookups.find_user("root", 60s);
    REQUIRE(by_name.user);
    CHECK(by_name.user->uid == Uid{0});
    for (const UserAnswer& none :
         {lookups.find_user(Uid{3'999'999'999}, 60s), lookups.find_user("no such user", 60s)}) {
        CHECK(none.in_time);
        CHECK_FALSE(none.user);
    }
    CHECK(find_user("root") == Uid{0});
    CHECK(find_user("3999999999") == Uid{3'999'999'999});
    CHECK_FALSE(find_user("no such user"));
}

TEST_CASE("services have the names that the C library gives")
{
    const std::set<Service> services{
        {443, Protocol::tcp}, {514, Protocol::udp}, {443, std::nullopt}, {1, Protocol::icmp}};
    std::map<Service, std::string> expected;
    for (const Service& service : services) {
        const std::string protocol(service.second ? to_string(*service.second) : "");
        const servent* const entry =
            ::getservbyport(htons(service.first), protocol.empty() ? nullptr : protocol.c_str()); // NOLINT: one thread
        if (entry != nullptr)
            expected.emplace(service, entry->s_name);
    }
    CHECK(service_names(services) == expected);
    CHECK(service_names({}).empty());
}

TEST_CASE("files are read with the reason why one cannot be")
{
    const TempDirectory directory;
    const std::string text("a\0b\n", 4);
    std::ofstream(directory.path() / "file", std::ios::binary) << text;
    Lookups lookups;
    const auto soon = Lookups::Clock::now() + 60s;
    const auto place = [&](const char* path) { return TrustedPlace{directory.path(), path, ::geteuid()}; };
    CHECK(lookups.read_file(place("file"), 100, soon) == text);
    errno = 0;
    CHECK_FALSE(lookups.read_file(place("none"), 100, soon));
    CHECK(errno == ENOENT);
    CHECK_FALSE(lookups.read_file(place("file"), 3, soon));
    CHECK(errno == EFBIG);
    CHECK_FALSE(lookups.read_file(place("file"), 100, Lookups::Clock::now()));
    CHECK(errno == ETIMEDOUT);
}
