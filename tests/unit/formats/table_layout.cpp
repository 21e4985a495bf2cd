// SPDX-License-Identifier: MIT
#include "formats/table_layout.hpp"

#include <doctest/doctest.h>

#include <tuple>

using namespace socktally;

namespace {

using Cut = Look::Cut;
using Lines = std::vector<std::string>;

TableColumn text(std::string heading, Lines cells, std::size_t least = 4, Cut cut = Cut::end)
{
    return {.heading = std::move(heading), .cells = std::move(cells), .look = {.cut = cut, .least = least}};
}

TableColumn figures(std::string heading, Lines cells, unsigned expendable = 0)
{
    return {.heading = std::move(heading),
            .cells = std::move(cells),
            .look = {.expendable = expendable},
            .is_right_aligned = true};
}

Lines lines(std::vector<TableColumn> columns, std::size_t width = 80)
{
    return lay_out(std::move(columns), width, true, false).lines;
}

} // namespace

TEST_CASE("text is on the left, figures on the right, and no line ends in blanks")
{
    CHECK(lines({figures("N", {"1", "100"}), text("NAME", {"漢字", "cafe\xcc\x81s"}), figures("RX", {"5 B", ""})}) ==
          Lines{"  N  NAME    RX", "  1  漢字   5 B", "100  cafe\xcc\x81s"});
    CHECK(lay_out({text("NAME", {"a", "bcd"}), text("X", {"y", "z"})}, 80, false, false).lines ==
          Lines{"a    y", "bcd  z"});
    CHECK(lines({text("NAME", {})}) == Lines{"NAME"});
    CHECK(lines({}) == Lines{""});
}

TEST_CASE("the widest text gives way first, no further than it may, and figures never do")
{
    const std::vector<TableColumn> columns{text("A", {"abcdefghij"}, 6), text("B", {"abcdefgh"}, 4),
                                           figures("N", {"123456789"})};
    const std::vector<std::pair<std::size_t, std::string>> cases = {
        {31, "abcdefghij  abcdefgh  123456789"}, {29, "abcdefg…  abcdefgh  123456789"},
        {28, "abcdef…  abcdefgh  123456789"},    {27, "abcdef…  abcdef…  123456789"},
        {25, "abcde…  abcde…  123456789"},       {23, "abcde…  abc…  123456789"},
    };
    for (const auto& [width, line] : cases) {
        CHECK(lines(columns, width)[1] == line);
    }
}

TEST_CASE("the column of the key gives way last")
{
    TableColumn key = text("KEY", {"0123456789abcdef"}, 4);
    key.look.good = 14;
    key.look.is_key = true;
    const std::vector<TableColumn> columns{text("A", {"abcdefgh"}, 4), key, figures("N", {"1"}, 2)};
    const std::vector<std::pair<std::size_t, std::string>> cases = {
        {29, "abcdefgh  0123456789abcdef  1"}, {27, "abcdefgh  0123456789abc…  1"}, {26, "abcdef…  0123456789abc…  1"},
        {23, "abc…  0123456789abc…  1"},       {22, "abcde…  0123456789abc…"},      {20, "abc…  0123456789abc…"},
        {19, "abc…  0123456789ab…"},
    };
    for (const auto& [width, line] : cases) {
        CHECK(lines(columns, width)[1] == line);
    }
}

TEST_CASE("what is only decoration goes before any cell is cut")
{
    const std::vector<TableColumn> columns{text("NAME", {"abcdefgh"}), figures("", {"###"}, 1)};
    CHECK(lines(columns, 13)[1] == "abcdefgh  ###");
    CHECK(lines(columns, 12)[1] == "abcdefgh");
    CHECK(lines(columns, 7)[1] == "abcdef…");
}

TEST_CASE("addresses, ids and paths are cut in the middle")
{
    CHECK(lines({text("EXE", {"/usr/local/bin/server"}, 8, Cut::middle)}, 11)[1] == "/usr/…erver");
}

TEST_CASE("the most expendable column goes first, then the rightmost, which is told; the first one stays")
{
    const std::vector<TableColumn> columns{figures("KEY", {"1"}), figures("LATE", {"2"}, 3), figures("SOON", {"3"}, 2),
                                           text("LAST", {"abcdefgh"}), figures("RX", {"123456"})};
    const std::vector<std::tuple<std::size_t, std::string, Lines>> cases = {
        {37, "KEY  LATE  SOON  LAST          RX", {}},
        {29, "KEY  LATE  SOON  LAST      RX", {}},
        {28, "KEY  LATE  LAST          RX", {}},
        {22, "KEY  LAST          RX", {}},
        {16, "KEY  LAST", {"RX"}},
        {8, "KEY", {"LAST", "RX"}},
        {1, "KEY", {"LAST", "RX"}},
    };
    for (const auto& [width, header, missing] : cases) {
        const TableLines table = lay_out(columns, width, true, false);
        CHECK(table.lines[0] == header);
        CHECK(table.missing == missing);
    }
}

TEST_CASE("what is dear goes only after cells were cut to less than is good")
{
    TableColumn remote = text("REMOTE", {"0123456789abcdef"}, 8, Cut::middle);
    remote.look.good = 12;
    const std::vector<TableColumn> columns{remote, figures("SHARE", {"5%"}, 2), figures("PID", {"1"}, Look::dear)};
    CHECK(lines(columns, 28)[1] == "0123456789abcdef     5%    1");
    CHECK(lines(columns, 24)[1] == "012345…bcdef     5%    1");
    CHECK(lines(columns, 23)[1] == "0123456789abcdef    1");
    CHECK(lines(columns, 13)[1] == "0123…def    1");
    CHECK(lines(columns, 12)[1] == "012345…bcdef");
}

TEST_CASE("brief cells are taken before anything is left out")
{
    TableColumn local = figures("LOCAL", {"10.0.0.1:80", "[::1]:80"});
    local.brief = {":80", ":80"};
    const std::vector<TableColumn> columns{local, figures("N", {"1", "2"}, 2)};
    CHECK(lines(columns, 14)[1] == "10.0.0.1:80  1");
    CHECK(lines(columns, 13) == Lines{"LOCAL  N", "  :80  1", "  :80  2"});
    CHECK(lines(columns, 7)[1] == "  :80");
}

TEST_CASE("paint surrounds the text, not the blanks")
{
    TableColumn name = text("NAME", {"a", "b"});
    name.paints = {Paint::bold, Paint::plain};
    CHECK(lay_out({name, figures("N", {"1", "2"})}, 80, true, true).lines ==
          Lines{"\x1b[2mNAME\x1b[0m  \x1b[2mN\x1b[0m", "\x1b[1ma\x1b[0m     1", "b     2"});
    CHECK(painted("", Paint::bold, true).empty());
}
