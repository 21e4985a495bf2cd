// SPDX-License-Identifier: MIT
#include "formats/listing.hpp"

#include <doctest/doctest.h>

using namespace socktally;

namespace {

const Listing two{
    "things", {"name", "what", "note"}, {{"a", "first\tone", std::nullopt}, {"b,c", "\"x\"\n\x1b", "long"}}};
const Listing none{"things", {"name", "what"}, {}};

constexpr std::size_t wide = 80;

template <typename Render, typename... Settings>
std::string text(Render render, const Listing& listing, Settings... settings)
{
    std::string out;
    render(out, listing, settings...);
    return out;
}

} // namespace

TEST_CASE("a listing as TSV and CSV: a header, a line a row, null is empty")
{
    CHECK(text(render_listing_tsv, two, true) == "name\twhat\tnote\na\tfirst\\tone\t\nb,c\t\"x\"\\n\\x1b\tlong\n");
    CHECK(text(render_listing_tsv, two, false) == "a\tfirst\\tone\t\nb,c\t\"x\"\\n\\x1b\tlong\n");
    CHECK(text(render_listing_csv, two, true) ==
          "name,what,note\na,first\\tone,\n\"b,c\",\"\"\"x\"\"\\n\\x1b\",long\n");
    CHECK(text(render_listing_tsv, none, true) == "name\twhat\n");
    CHECK(text(render_listing_tsv, none, false) == "");
}

TEST_CASE("a listing as JSON and JSON lines: null is null")
{
    CHECK(text(render_listing_json, two) ==
          "{\"things\":[\n"
          "{\"name\":\"a\",\"what\":\"first\\tone\",\"note\":null},\n"
          "{\"name\":\"b,c\",\"what\":\"\\\"x\\\"\\n\\u001b\",\"note\":\"long\"}\n]}\n");
    CHECK(text(render_listing_jsonl, two) == "{\"name\":\"a\",\"what\":\"first\\tone\",\"note\":null}\n"
                                             "{\"name\":\"b,c\",\"what\":\"\\\"x\\\"\\n\\u001b\",\"note\":\"long\"}\n");
    CHECK(text(render_listing_json, none) == "{\"things\":[\n]}\n");
    CHECK(text(render_listing_jsonl, none) == "");
}

TEST_CASE("a listing for people is aligned by what is seen, and has no blanks at the end of a line")
{
    CHECK(text(render_listing_pretty, two, true, wide, LastColumn::wrapped) == "name  what        note\n"
                                                                               "a     first\\tone\n"
                                                                               "b,c   \"x\"\\n\\x1b   long\n");
    const Listing east{"things", {"n", "w"}, {{"\u65e5\u672c", "x"}, {"abc", "y"}}};
    CHECK(text(render_listing_pretty, east, false, wide, LastColumn::wrapped) == "\u65e5\u672c  x\nabc   y\n");
    CHECK(text(render_listing_pretty, none, false, wide, LastColumn::wrapped) == "");
}

TEST_CASE("a listing that is too wide: the last column is wrapped where it stands")
{
    const Listing words{"things", {"name", "text"}, {{"a", "one two three"}, {"bc", "four"}}};
    CHECK(text(render_listing_pretty, words, true, std::size_t{14}, LastColumn::wrapped) == "name  text\n"
                                                                                            "a     one two\n"
                                                                                            "      three\n"
                                                                                            "bc    four\n");
}

TEST_CASE("a listing that is too wide: the last column goes beneath, in one piece, and the one before is wrapped")
{
    const Listing findings{"findings",
                           {"name", "finding", "remedy"},
                           {{"a", "one two three", "a long command"}, {"bc", "four", std::nullopt}}};
    CHECK(text(render_listing_pretty, findings, true, std::size_t{14}, LastColumn::beneath) ==
          "name  finding\n"
          "a     one two\n"
          "      three\n"
          "      remedy: a long command\n"
          "bc    four\n");
    CHECK(text(render_listing_pretty, findings, false, std::size_t{33}, LastColumn::beneath) ==
          "a   one two three  a long command\n"
          "bc  four\n");
}
