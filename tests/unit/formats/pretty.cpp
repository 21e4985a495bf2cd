// SPDX-License-Identifier: MIT
#include "formats/escape.hpp"
#include "formats/format.hpp"
#include "formats/width.hpp"
#include "table/merge.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <sstream>

using namespace socktally;
using namespace socktally::test;

namespace {

std::string pretty(const Report& report, Style style = {}, std::string_view columns = "")
{
    std::string out;
    find_format("pretty")->render(out, report, select_columns(columns, default_columns(report.by)), style);
    return out;
}

std::vector<std::string> lines(const std::string& text)
{
    std::vector<std::string> result;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);)
        result.push_back(line);
    return result;
}

Row user_row(int pid, std::string name, std::uint64_t rx, std::uint64_t tx)
{
    Row result = row(pid, std::move(name), rx, tx);
    result.user = "alice";
    return result;
}

/// What is left when colours are taken away; fails on any other use of ESC.
std::string without_color(const std::string& text)
{
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\x1b') {
            result += text[i];
            continue;
        }
        const auto end = text.find('m', i);
        REQUIRE(text[i + 1] == '[');
        REQUIRE(text.find_first_not_of("0123456789", i + 2) == end);
        i = end;
    }
    return result;
}

} // namespace

TEST_CASE("the table, whole")
{
    Report result = report({user_row(8123, "curl", 3 * 1024 * 1024, 1024 * 1024), user_row(9, "ssh", 1000, 24)});
    result.duration = std::chrono::seconds(2);
    CHECK(pretty(result) == " PID  PROCESS       RX       TX  CONNS  USER     RX+TX/s  SHARE\n"
                            "8123  curl     3.0 MiB  1.0 MiB      1  alice  2.0 MiB/s  >99% █████████████████\n"
                            "   9  ssh       1000 B     24 B      1  alice    512 B/s   <1% ▏\n"
                            "\n"
                            "total 3.0 MiB rx, 1.0 MiB tx in 2.0 s (2.0 MiB/s) · netlink · complete\n");
}

TEST_CASE("no window, no rates")
{
    Report result = report({user_row(1, "a", 1, 1)});
    result.duration = std::chrono::nanoseconds(0);
    const std::string text = pretty(result);
    CHECK(text.find("/s") == std::string::npos);
    CHECK(text.find("total 1 B rx, 1 B tx since the open sockets were opened · netlink · complete\n") !=
          std::string::npos);
}

TEST_CASE("unknown is a dash, never 0")
{
    Row unknown = row(5, "dns", std::nullopt, std::nullopt);
    const auto text = lines(pretty(report({user_row(1, "a", 1, 1), unknown})));
    CHECK(text[2] == "  5  dns        -    -      1  -            -     -");
    unknown.rx_bytes = 4;
    CHECK(lines(pretty(report({unknown})))[1].find("4 B   -") != std::string::npos);
    Report result = report({row(5, "dns", std::nullopt, std::nullopt)});
    result.totals = {std::nullopt, std::nullopt, 0, 0, 1};
    CHECK(lines(pretty(result)).back() == "total - rx, - tx in 1.0 s · netlink · complete");
    result.totals = {std::nullopt, std::nullopt, std::nullopt, std::nullopt, 1};
    CHECK(lines(pretty(result)).back() == "total - rx, - tx in 1.0 s · - unattributed · netlink · complete");
}

TEST_CASE("a sum that lacks unknown bytes is marked as the least that it can be")
{
    Row partly = user_row(5, "dns", 1000, 24);
    partly.unknown_connections = 2;
    const Report result = report({partly, user_row(6, "curl", 1000, 24)});
    const auto text = lines(pretty(result));
    CHECK(text[0] == "PID  PROCESS       RX     TX  CONNS  USER      RX+TX/s  SHARE");
    CHECK(text[1].rfind("  5  dns      ≥1000 B  ≥24 B      1  alice  ≥1.0 KiB/s   50% █", 0) == 0);
    CHECK(text[2].rfind("  6  curl      1000 B   24 B      1  alice   1.0 KiB/s   50% █", 0) == 0);
    CHECK(text.back() == "total ≥2.0 KiB rx, ≥48 B tx in 1.0 s (≥2.0 KiB/s) · netlink · complete");
}

TEST_CASE("a name that cannot be seen is quoted")
{
    Row blank = row(2, "   ", 1, 1);
    blank.user = "";
    const auto text =
        lines(pretty(report({row(1, "", 3, 3), blank, row(3, "a b", 1, 1)}), {}, "pid,process,user,rx_bytes"));
    CHECK(text[1].rfind("  1  ''       -     3 B", 0) == 0);
    CHECK(text[2].rfind("  2  '   '    ''    1 B", 0) == 0);
    CHECK(text[3].rfind("  3  a b      -     1 B", 0) == 0);
}

TEST_CASE("nothing to show is one line")
{
    Report result = report({});
    CHECK(pretty(result) == "no traffic in 1.0 s · netlink · complete\n");
    result.duration = std::chrono::nanoseconds(0);
    CHECK(pretty(result) == "no traffic on any open socket · netlink · complete\n");
    result.complete = false;
    CHECK(pretty(result) == "no traffic seen on any open socket · netlink · incomplete\n");
}

TEST_CASE("what is missing is said below the table")
{
    Report result = report({user_row(1, "a", 1, 1)});
    result.complete = false;
    result.totals.unattributed_rx_bytes = 7;
    result.notes = {{NoteCode::udp_bytes, "UDP bytes are\nunknown", "setcap \x1b[1m"},
                    {NoteCode::packets_malformed, "fine"}};
    const auto text = lines(pretty(result));
    CHECK(text[3] == "total 1 B rx, 1 B tx in 1.0 s (2 B/s) · 7 B unattributed · netlink · incomplete");
    CHECK(text[4] == "note: UDP bytes are\\nunknown");
    CHECK(text[5] == "      remedy: setcap \\x1b[1m");
    CHECK(text[6] == "note: fine");
    CHECK(text.size() == 7);
}

TEST_CASE("text below the table is wrapped, remedies are not, and what is incomplete comes first")
{
    Report result = report({user_row(1, "a", 1, 1)});
    result.complete = false;
    result.notes = {{NoteCode::packets_malformed, "a note that is only good to know"},
                    {NoteCode::events_lost, "a note that tells of bytes that are missing",
                     "a command that is longer than a line is"}};
    const auto text = lines(pretty(result, {true, true, 34}));
    std::vector<std::string> plain;
    for (std::size_t i = 3; i < text.size(); ++i)
        plain.push_back(without_color(text[i]));
    CHECK(plain == std::vector<std::string>{"total 1 B rx, 1 B tx in 1.0 s", "  (2 B/s) · netlink · incomplete",
                                            "note: a note that tells of bytes", "      that are missing",
                                            "      remedy: a command that is longer than a line is",
                                            "note: a note that is only good to", "      know"});
    CHECK(text[4].find("\x1b[33mincomplete\x1b[0m") != std::string::npos);
    result.rows.clear();
    CHECK(lines(pretty(result, {false, true, 24}))[1] == "  · netlink · incomplete");
}

TEST_CASE("lines fit the terminal where names can be cut, by display width")
{
    for (const std::size_t width : {40U, 50U, 60U, 72U, 80U, 100U, 200U}) {
        Report result = report(
            {user_row(1234567, "漢字漢字漢字漢", 1023 * 1024, 1023 * 1024), user_row(1, "abcdefghijklmno", 99, 5)});
        result.rows[1].user = "a-user-name-of-thirty-two-letters";
        const auto text = lines(pretty(result, {false, true, width}));
        for (std::size_t i = 0; i < 3; ++i)
            CHECK_MESSAGE(display_width(text[i]) <= width, text[i]);
        if (width == 80)
            CHECK(text[2].find("…") != std::string::npos);
    }
}

TEST_CASE("what does not fit goes in order, and figures are never cut")
{
    const Report result = report({user_row(1234567, "abcdefghijklmno", 1023 * 1024, 1023 * 1024)});
    const auto at = [&result](std::size_t width) { return lines(pretty(result, {false, true, width})); };
    CHECK(at(81)[1] == "1234567  abcdefghijklmno  1023 KiB  1023 KiB      1  alice  2.0 MiB/s  100% █████");
    CHECK(at(76)[1] == "1234567  abcdefghi…  1023 KiB  1023 KiB      1  alice  2.0 MiB/s  100% █████");
    CHECK(at(75)[1] == "1234567  abcdefghijklm…  1023 KiB  1023 KiB      1  alice  2.0 MiB/s  100%");
    CHECK(at(71)[1] == "1234567  abcdefghi…  1023 KiB  1023 KiB      1  alice  2.0 MiB/s  100%");
    CHECK(at(70)[0] == "    PID  PROCESS                RX        TX  CONNS    RX+TX/s  SHARE");
    CHECK(at(63)[0] == "    PID  PROCESS                RX        TX    RX+TX/s  SHARE");
    CHECK(at(50)[0] == "    PID  PROCESS               RX        TX  SHARE");
    CHECK(at(40)[1] == "1234567  abcdefghij…  1023 KiB  1023 KiB");
    CHECK(at(33)[1] == "1234567  abc…  1023 KiB  1023 KiB");
    for (const std::size_t width : {0U, 1U, 10U, 32U})
        CHECK(at(width)[1] == "1234567  abc…  1023 KiB  1023 KiB");
}

TEST_CASE("columns that were asked for stay, and so does the key")
{
    Report result = report({user_row(1234567, "abcdefghijklmno", 1023 * 1024, 1023 * 1024)});
    CHECK(lines(pretty(result, {false, true, 30}, "connections,user,rx_bytes"))[0] == "CONNS  USER         RX  SHARE");
    CHECK(lines(pretty(result, {false, true, 10}, "connections,user,rx_bytes"))[0] == "CONNS  USER        RX");
    result.by = GroupBy("user");
    CHECK(lines(pretty(result, {false, true, 10}))[0] == "USER        RX        TX");
}

TEST_CASE("columns stay aligned under wide and combining characters")
{
    const auto text =
        lines(pretty(report({row(1, "漢字", 1, 1), row(2, "cafe\xcc\x81", 1, 1), row(3, "\xf0\x9f\x98\x80", 1, 1)}), {},
                     "process,pid"));
    const auto column_of_pid = [](const std::string& line, char pid) {
        return display_width(line.substr(0, line.find(pid)));
    };
    CHECK(column_of_pid(text[1], '1') == column_of_pid(text[2], '2'));
    CHECK(column_of_pid(text[1], '1') == column_of_pid(text[3], '3'));
}

TEST_CASE("no control character reaches the terminal, whatever the name")
{
    std::string every_byte;
    for (int i = 0; i < 256; ++i)
        every_byte += static_cast<char>(i);
    for (const std::string& name : {every_byte,
                                    std::string("\xc2\x9b"
                                                "31m"),
                                    std::string("a\xe2\x80\xae"
                                                "b"),
                                    std::string("\xf3\xa0\x81\x81")}) {
        Row hostile = row(1, name, 1, 1);
        hostile.user = name;
        for (const bool color : {false, true}) {
            std::string rest = without_color(pretty(report({hostile}), {color, true, 80}));
            CHECK(std::count(rest.begin(), rest.end(), '\n') == 4);
            std::replace(rest.begin(), rest.end(), '\n', ' ');
            std::string unescaped = printable(rest);
            for (auto at = unescaped.find("\\\\"); at != std::string::npos; at = unescaped.find("\\\\", at + 1))
                unescaped.erase(at, 1);
            CHECK(unescaped == rest); // nothing but its backslashes was left to escape
        }
    }
}

TEST_CASE("colour changes no text, and is there only when asked for")
{
    Report result = report({user_row(1, "a", 5, 1), row(2, "[exited]", 3, 1)});
    result.rows[1].attribution = Quality::unknown;
    result.notes = {{NoteCode::events_lost, "y", "z"}};
    const std::string plain = pretty(result);
    const std::string colored = pretty(result, {true, true, 80});
    CHECK(plain.find('\x1b') == std::string::npos);
    CHECK(colored.find('\x1b') != std::string::npos);
    CHECK(without_color(colored) == plain);
}

TEST_CASE("without header, and without byte columns")
{
    const Report result = report({user_row(1, "a", 1, 1)});
    CHECK(lines(pretty(result, {false, false, 80}))[0].rfind("1  a", 0) == 0);
    CHECK(lines(pretty(result, {}, "pid,process"))[0] == "PID  PROCESS");
    CHECK(lines(pretty(result, {}, "pid,process"))[1] == "  1  a");
}

TEST_CASE("the row of the rest says so whatever the key is")
{
    Report result = report({user_row(1, "a", 9, 1), user_row(2, "b", 5, 1), user_row(3, "c", 3, 1)});
    keep_top(result.rows, 1);
    result.rows[0].port = 443;
    result.by = GroupBy("user");
    CHECK(lines(pretty(result))[2].rfind("other  8 B  2 B      2", 0) == 0);
    result.by = GroupBy("port");
    CHECK(lines(pretty(result))[1].rfind("  443  9 B  1 B      1", 0) == 0);
    CHECK(lines(pretty(result))[2].rfind("other  8 B  2 B      2", 0) == 0);
}

TEST_CASE("figures at the top of the range")
{
    constexpr auto top = std::numeric_limits<std::uint64_t>::max();
    Report result = report({});
    result.rows = {user_row(1, "a", top, top)};
    result.totals = {top, top, 0, 0};
    const std::string text = pretty(result);
    CHECK(text.find("16.0 EiB") != std::string::npos);
    CHECK(text.find("100%") != std::string::npos);
}
