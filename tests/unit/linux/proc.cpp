// SPDX-License-Identifier: MIT
#include "linux/proc.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace socktally;

namespace {

std::string stat_line(std::string_view name, std::string_view threads = "3", std::string_view start = "8815")
{
    return "4242 (" + std::string(name) + ") S 1 4242 4242 0 -1 4194560 100 0 0 0 7 2 0 0 20 0 " +
           std::string(threads) + " 0 " + std::string(start) + " 2723840 184 18446744073709551615 1 1 140736\n";
}

} // namespace

TEST_CASE("a stat line gives name, threads and start time")
{
    const std::string line = stat_line("curl");
    const auto stat = parse_proc_stat(line);
    REQUIRE(stat);
    CHECK(stat->name == "curl");
    CHECK(stat->threads == 3);
    CHECK(stat->start_ticks == 8815);
    CHECK(stat->stack_start == 140736);
    CHECK_FALSE(stat->is_exiting);
    const std::string zombie = "7 (curl) Z 1 7 7 0 -1 4228364 0 0 0 0 0 0 0 0 20 0 1 0 8815 0 0\n";
    CHECK(parse_proc_stat(zombie)->is_exiting);
}

TEST_CASE("a name of any bytes cannot shift the fields")
{
    for (const std::string name : {"", ")", "(", "()", ") R 1", "a) S 9 9 9 9 9", "a\nb", "a b\tc", "((((", "))))",
                                   "\xff\x1b[31m", "1 (x) S 1 2 3"}) {
        CAPTURE(name);
        const std::string line = stat_line(name);
        const auto stat = parse_proc_stat(line);
        REQUIRE(stat);
        CHECK(stat->name == name);
        CHECK(stat->threads == 3);
        CHECK(stat->start_ticks == 8815);
    }
}

TEST_CASE("a stat line cut short of the start time is refused; cut inside it cannot be told")
{
    const std::string line = stat_line("a b) c");
    const std::size_t start = line.find("8815");
    for (std::size_t length = 0; length <= start; ++length) {
        CAPTURE(length);
        CHECK_FALSE(parse_proc_stat(std::string_view(line).substr(0, length)));
    }
    CHECK(parse_proc_stat(std::string_view(line).substr(0, start + 4))->start_ticks == 8815);
}

TEST_CASE("numbers of a stat line that are none or too large are refused")
{
    CHECK(parse_proc_stat(stat_line("a", "1", "18446744073709551615"))->start_ticks == UINT64_MAX);
    CHECK_FALSE(parse_proc_stat(stat_line("a", "1", "18446744073709551616")));
    CHECK_FALSE(parse_proc_stat(stat_line("a", "1", "-1")));
    CHECK_FALSE(parse_proc_stat(stat_line("a", "1", "0x10")));
    CHECK_FALSE(parse_proc_stat(stat_line("a", "x", "5")));
    CHECK_FALSE(parse_proc_stat(stat_line("a", "99999999999999999999", "5")));
    CHECK_FALSE(parse_proc_stat(")("));
    CHECK_FALSE(parse_proc_stat("no parentheses at all"));
}

TEST_CASE("schedstat is run time and number of slices; the wait in between is left out")
{
    CHECK(parse_sched_stat("123456789 55 42\n") == SchedStat{123456789, 42});
    CHECK_FALSE(parse_sched_stat("0 0 0\n")); // a kernel that does not keep these statistics
    CHECK_FALSE(parse_sched_stat(""));
    CHECK_FALSE(parse_sched_stat("1 2"));
    CHECK_FALSE(parse_sched_stat("1 2 x\n"));
    CHECK_FALSE(parse_sched_stat("18446744073709551616 0 0\n"));
}

TEST_CASE("the link of a socket's descriptor has its inode, no other text passes for one")
{
    CHECK(parse_socket_link("socket:[0]") == 0U);
    CHECK(parse_socket_link("socket:[4026531840]") == 4026531840U);
    CHECK(parse_socket_link("socket:[18446744073709551615]") == UINT64_MAX);
    for (const std::string_view link :
         {"", "socket:[", "socket:[]", "socket:[1", "socket:1]", "socket:[1]]", "socket:[1] ", "socket:[ 1]",
          "socket:[+1]", "socket:[-1]", "socket:[1] (deleted)", " socket:[1]", "/tmp/socket:[1]", "pipe:[1]",
          "socket:[18446744073709551616]", "socket:[0x1]"}) {
        CAPTURE(link);
        CHECK_FALSE(parse_socket_link(link));
    }
}

TEST_CASE("a number is all of the text")
{
    CHECK(parse_number("0") == 0U);
    CHECK(parse_number("007") == 7U);
    CHECK(parse_number("18446744073709551615") == UINT64_MAX);
    for (const std::string_view text : {"", " ", "1 ", " 1", "-1", "+1", "1.0", "18446744073709551616", "1e3"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_number(text));
    }
}

TEST_CASE("words and lines are cut off the front until nothing is left")
{
    std::string_view text = "  a\tbb \n c";
    CHECK(next_word(text) == "a");
    CHECK(next_word(text) == "bb");
    CHECK(next_word(text) == "c");
    CHECK(next_word(text) == "");
    CHECK(next_word(text) == "");

    text = "one\n\ntwo";
    CHECK(next_line(text) == "one");
    CHECK(next_line(text) == "");
    CHECK(next_line(text) == "two");
    CHECK(text.empty());
    CHECK(next_line(text) == "");

    text = " \n\t ";
    CHECK(next_word(text) == "");
    CHECK(text.empty());
}
