// SPDX-License-Identifier: MIT
#include "render/width.hpp"

#include <doctest/doctest.h>

using namespace socktally;

TEST_CASE("what may be drawn")
{
    for (const char32_t c : {U' ', U'~', char32_t{0xa0}, U'é', U'漢', char32_t{0x1f600}, char32_t{0x300}, U'█'})
        CHECK_MESSAGE(is_printable(c), static_cast<unsigned>(c));
    for (const unsigned c :
         {0x0U,    0x1bU,   0x7fU,   0x80U,   0x9bU,   0x9fU,    0xadU,    0x61cU,   0x180eU,  0x2028U,  0x2029U,
          0xe000U, 0xfdd0U, 0xfeffU, 0xfffeU, 0xffffU, 0x1fffeU, 0x40000U, 0xe0001U, 0xe0041U, 0xf0000U, 0x10ffffU})
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
}
