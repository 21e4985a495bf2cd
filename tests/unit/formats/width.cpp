// SPDX-License-Identifier: MIT
#include "formats/width.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace socktally;

TEST_CASE("what may be drawn")
{
    for (const char32_t c : {U' ', U'~', char32_t{0xa0}, U'é', U'漢', char32_t{0x1f600}, char32_t{0x300}, U'█',
                             char32_t{0x1161}, char32_t{0x3163}, char32_t{0xffa1}, char32_t{0xfe0f}, char32_t{0x3000}})
        CHECK_MESSAGE(is_printable(c), static_cast<unsigned>(c));
    for (const unsigned c :
         {0x0U,    0x1bU,   0x7fU,   0x80U,   0x9bU,    0x9fU,    0xadU,    0x61cU,   0x180eU,  0x2028U,
          0x2029U, 0xe000U, 0xfdd0U, 0xfeffU, 0x34fU,   0x115fU,  0x1160U,  0x17b4U,  0x180bU,  0x2800U,
          0x3164U, 0xffa0U, 0xfffeU, 0xffffU, 0x1fffeU, 0x40000U, 0xe0001U, 0xe0041U, 0xf0000U, 0x10ffffU})
        CHECK_MESSAGE(!is_printable(c), c);
    const auto all_refused = [](char32_t first, char32_t last) {
        for (char32_t c = first; c <= last; ++c)
            if (is_printable(c))
                return false;
        return true;
    };
    CHECK(all_refused(0x200b, 0x200f));
    CHECK(all_refused(0x202a, 0x202e));
    CHECK(all_refused(0x2066, 0x2069));
    CHECK(all_refused(0x80, 0x9f));
}

TEST_CASE("columns of a character and of text")
{
    CHECK(display_width(U'a') == 1);
    CHECK(display_width(U'é') == 1);
    CHECK(display_width(U'█') == 1);
    CHECK(display_width(U'漢') == 2);
    CHECK(display_width(U'한') == 2);
    CHECK(display_width(U'Ａ') == 2); // full width
    CHECK(display_width(U'ｱ') == 1);  // half width
    CHECK(display_width(char32_t{0x1f600}) == 2);
    CHECK(display_width(char32_t{0x20000}) == 2);
    CHECK(display_width(char32_t{0x301}) == 0);
    CHECK(display_width(char32_t{0xfe0f}) == 0);
    CHECK(display_width("") == 0);
    CHECK(display_width("caf\xc3\xa9") == 4);
    CHECK(display_width("cafe\xcc\x81") == 4);
    CHECK(display_width("漢字 x") == 6);
}

TEST_CASE("text is cut by columns, never within a character")
{
    CHECK(cut_to_width("curl", 4) == "curl");
    CHECK(cut_to_width("curl", 3) == "cu…");
    CHECK(cut_to_width("curl", 1) == "…");
    CHECK(cut_to_width("curl", 0) == "");
    CHECK(cut_to_width("", 0) == "");
    CHECK(cut_to_width("漢字漢", 6) == "漢字漢");
    CHECK(cut_to_width("漢字漢", 5) == "漢字…");
    CHECK(cut_to_width("漢字漢", 4) == "漢…"); // one column stays free
    CHECK(cut_to_width("cafe\xcc\x81s", 5) == "cafe\xcc\x81s");
    CHECK(cut_to_width("e\xcc\x81xyz", 3) == "e\xcc\x81x…");
    CHECK(cut_in_middle("/usr/bin/curl", 13) == "/usr/bin/curl");
    CHECK(cut_in_middle("/usr/bin/curl", 9) == "/usr…curl");
    CHECK(cut_in_middle("/usr/bin/curl", 8) == "/usr…url");
    CHECK(cut_in_middle("curl", 2) == "c…");
    CHECK(cut_in_middle("curl", 1) == "…");
    CHECK(cut_in_middle("curl", 0) == "");
    CHECK(cut_in_middle("漢字漢字漢", 7) == "漢…漢");   // a column stays free on either side
    CHECK(cut_in_middle("ab漢\u0301cd", 5) == "ab…cd"); // no mark without its character
}

TEST_CASE("blank is what shows nothing")
{
    for (const std::string_view text : {"", " ", "   ", "\u00a0", "\u3000 ", "\u2003", " \u0301"})
        CHECK_MESSAGE(is_blank(text), text);
    for (const std::string_view text : {"a", " .", "\u3000x", "\xff", "\t"})
        CHECK_MESSAGE(!is_blank(text), text);
}

TEST_CASE("text is wrapped between words, and what follows is indented")
{
    CHECK(wrap("", 10, 0, 0) == "");
    CHECK(wrap("one two", 10, 0, 2) == "one two");
    CHECK(wrap("one two three", 7, 0, 2) == "one two\n  three");
    CHECK(wrap("one two three", 8, 2, 2) == "one\n  two\n  three");
    CHECK(wrap("one two three", 13, 5, 0) == "one two\nthree");
    CHECK(wrap(" a  b ", 10, 0, 0) == "a b");
    CHECK(wrap("漢字 漢字", 8, 0, 0) == "漢字\n漢字");
    CHECK(wrap("a-word-that-is-too-long b", 5, 2, 2) == "a-word-that-is-too-long\n  b"); // there is no room at all
    CHECK(wrap("see a-word-that-is-too-long b", 12, 2, 2) == "see\n  a-word-tha\n  t-is-too-l\n  ong b");
    CHECK(wrap("漢字漢字漢字漢字", 11, 0, 0) == "漢字漢字漢\n字漢字");
    CHECK(wrap("a b", 0, 4, 4) == "a\n    b");
    const std::vector<std::string> pieces{"one two", "three"};
    CHECK(wrap(pieces, 6, 0, 0) == "one two\nthree");
    CHECK(wrap(pieces, 13, 0, 0) == "one two three");
}
