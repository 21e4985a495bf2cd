// SPDX-License-Identifier: MIT
// What is read of the system's files. The interop suite has look-ups with resolvers.
#include "processes/remote_names.hpp"

#include <doctest/doctest.h>

using namespace socktally;

TEST_CASE("an address has its first name in the file of hosts")
{
    const auto names = parse_hosts("# 10.0.0.1 comment\n"
                                   "10.0.0.2 two other # 10.0.0.3 three\n"
                                   "\t::1\tlocalhost ip6-localhost\n"
                                   "10.0.0.2 later\n"
                                   "10.0.0.4\n"
                                   "10.0.0.5#five\n"
                                   "nonsense six\n"
                                   "::ffff:10.0.0.7 seven");
    CHECK(names == std::map<Address, std::string>{{parse_address("10.0.0.2").value(), "two"},
                                                  {parse_address("10.0.0.7").value(), "seven"},
                                                  {parse_address("::1").value(), "localhost"}});
    CHECK(parse_hosts("").empty());
}

TEST_CASE("resolvers are private if all of them are known to be")
{
    CHECK(are_resolvers_private("nameserver 192.168.1.1\n", ""));
    CHECK(are_resolvers_private("search lan\nnameserver fe80::1%eth0\nnameserver\tfd00::1\noptions edns0\n", ""));
    CHECK_FALSE(are_resolvers_private("nameserver 192.168.1.1\nnameserver 192.0.2.1\n", ""));
    CHECK_FALSE(are_resolvers_private("nameserver 192.168.1.1\nnameserver nonsense\n", ""));
    CHECK_FALSE(are_resolvers_private("", "")); // the C library then asks this machine
    CHECK_FALSE(are_resolvers_private("#nameserver 192.168.1.1\n", ""));
    CHECK_FALSE(are_resolvers_private("nameserver 127.0.0.1\n", "nameserver 192.168.1.1\n"));
    CHECK(are_resolvers_private("nameserver 127.0.0.53\n", "nameserver 192.168.1.1\n"));
    CHECK_FALSE(are_resolvers_private("nameserver 127.0.0.53\n", "nameserver 192.0.2.1\n"));
    CHECK_FALSE(are_resolvers_private("nameserver 127.0.0.53\n", "nameserver 127.0.0.53\n"));
    CHECK_FALSE(are_resolvers_private("nameserver 127.0.0.53\nnameserver 127.0.0.1\n", "nameserver 192.168.1.1\n"));
    CHECK_FALSE(are_resolvers_private("nameserver 127.0.0.53\n", ""));
    CHECK_FALSE(are_resolvers_private("nameserver 192.168.1.1\n", "nameserver 192.0.2.1\n"));
}
