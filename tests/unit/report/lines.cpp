// SPDX-License-Identifier: MIT
// Lines and objects of several lines, however the input arrives, and what is too long.
#include "report/lines.hpp"
#include "linux/fd.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include <array>
#include <string>

using namespace socktally;

namespace {

Fd file_with(std::string_view text)
{
    Fd file(::memfd_create("lines", MFD_CLOEXEC));
    REQUIRE(::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    REQUIRE(::lseek(file.get(), 0, SEEK_SET) == 0);
    return file;
}

std::string shown(const Extent& lines)
{
    const std::string text = lines.is_overlong ? "overlong" : std::string(lines.text);
    return fmt::format("{}-{} {}|", lines.first_line, lines.last_line, text);
}

std::string all_lines(std::string_view text, std::size_t limit = Lines::longest)
{
    const Fd file = file_with(text);
    Lines lines(file.get(), "test", limit);
    std::string result;
    while (const auto line = lines.next()) {
        result += shown(*line);
    }
    return result;
}

/// What extend() makes of the first line, and the lines after that.
std::string extended(std::string_view text, std::size_t limit = Lines::longest)
{
    const Fd file = file_with(text);
    Lines lines(file.get(), "test", limit);
    REQUIRE(lines.next());
    const auto object = lines.extend();
    std::string result = object ? shown(*object) : lines.is_cut_off() ? "cut off|" : "none|";
    while (const auto line = lines.next()) {
        result += shown(*line);
    }
    return result;
}

} // namespace

TEST_CASE("a hole of NULs before a line is skipped, however long it is")
{
    CHECK(all_lines(std::string(5000, '\0') + "one\ntwo\n") == "1-1 one|2-2 two|");
    CHECK(all_lines(std::string(Lines::longest + Lines::block, '\0') + "one\ntwo\n") == "1-1 one|2-2 two|");
    CHECK(all_lines("one\n" + std::string(5000, '\0') + "two\n") == "1-1 one|2-2 two|");
    CHECK(all_lines(std::string(5000, '\0')).empty());
}

TEST_CASE("lines are counted, blank ones too, and the last one needs no newline")
{
    CHECK(all_lines("").empty());
    CHECK(all_lines("\n \n\t\r\n").empty());
    CHECK(all_lines("a\nb\n") == "1-1 a|2-2 b|");
    CHECK(all_lines("\na\n\nb") == "2-2 a|4-4 b|");
    CHECK(all_lines(std::string_view("a\0b\n", 4)) == std::string("1-1 a\0b|", 8));
}

TEST_CASE("a line longer than the limit is left out, and what is around it is not")
{
    const std::string big(100, 'x');
    CHECK(all_lines("a\n" + big + "\nb\n", 16) == "1-1 a|2-2 overlong|3-3 b|");
    CHECK(all_lines(big, 16) == "1-1 overlong|");
    CHECK(all_lines(big + "\n", 16) == "1-1 overlong|");
    CHECK(all_lines(big + "\n" + big + "\nb", 16) == "1-1 overlong|2-2 overlong|3-3 b|");
    CHECK(all_lines("fifteen bytes..\nb\n", 16) == "1-1 fifteen bytes..|2-2 b|");
}

TEST_CASE("long lines make the buffer grow")
{
    const std::string big(3 * Lines::block, 'x');
    CHECK(all_lines(big + "\n" + big) == fmt::format("1-1 {0}|2-2 {0}|", big));
}

TEST_CASE("an object of several lines")
{
    CHECK(extended("{\n\"a\": [1,\n2]\n}\nnext\n") == "1-4 {\n\"a\": [1,\n2]\n}|5-5 next|");
    CHECK(extended("{\n\"}\\\"\": \"{\"}  \nnext") == "1-2 {\n\"}\\\"\": \"{\"}  |3-3 next|");
    CHECK(extended("{\n}") == "1-2 {\n}|");
    CHECK(extended("{\"rows\":[\n{\"a\":1},\n{\"a\":2}\n]}\n") == "1-4 {\"rows\":[\n{\"a\":1},\n{\"a\":2}\n]}|");
}

TEST_CASE("a line that is not finished does not swallow those after it")
{
    CHECK(extended("{\"a\":1\n{\"b\":2}\n") == "none|2-2 {\"b\":2}|");
    CHECK(extended("{\"a\":\n{\"b\":2}\n{\"c\":3}\n") == "none|2-2 {\"b\":2}|3-3 {\"c\":3}|");
    CHECK(extended("{\"a\n{\"b\":2}\n") == "none|2-2 {\"b\":2}|");
    CHECK(extended("{}\nnext\n") == "none|2-2 next|");
    CHECK(extended(std::string(20, '[') + "\nnext\n") == "none|2-2 next|");
}

TEST_CASE("an object that the input ends in is told from others")
{
    CHECK(extended("{\"a\":[\n1,\n") == "cut off|2-2 1,|");
    CHECK(extended("{\"a\"") == "cut off|");
    CHECK(extended("{\n\"a\": 12,\n\"b\": 13,\n}\n", 16) == "none|2-2 \"a\": 12,|3-3 \"b\": 13,|4-4 }|");
}

TEST_CASE("a byte order mark is no part of the first line, and what is compressed is no text")
{
    CHECK(all_lines("\xef\xbb\xbf"
                    "a\nb\n") == "1-1 a|2-2 b|");
    CHECK(all_lines("\xef\xbb\xbf").empty());
    CHECK(all_lines("\xef\xbb\xbf", 2) == "1-1 overlong|");
    CHECK(extended("\xef\xbb\xbf{\n\"a\":1}\n") == "1-2 {\n\"a\":1}|");
    for (const std::string_view packed : {"\x1f\x8b\x08", "\x28\xb5\x2f\xfd\n", "\xfd\x37zXZ\n"}) {
        CHECK_THROWS_WITH(all_lines(packed), "\"test\" is compressed: decompress it first, for example with zcat");
    }
}

TEST_CASE("input that comes in small pieces, and input that cannot be read")
{
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    const Fd reader(ends[0]);
    Fd writer(ends[1]);
    const auto write = [&](std::string_view text) { REQUIRE(::write(writer.get(), text.data(), text.size()) > 0); };
    Lines lines(reader.get(), "pipe");
    write("a\n{\n");
    CHECK(shown(*lines.next()) == "1-1 a|");
    CHECK(shown(*lines.next()) == "2-2 {|");
    write("\"b\":1}\nc");
    writer = Fd();
    CHECK(shown(*lines.extend()) == "2-3 {\n\"b\":1}|");
    CHECK(shown(*lines.next()) == "4-4 c|");
    CHECK_FALSE(lines.next());
    CHECK_THROWS_WITH(Lines(-1, "no\nfile").next(), "cannot read \"no\\nfile\": Bad file descriptor");
}
