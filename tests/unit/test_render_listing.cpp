// SPDX-License-Identifier: MIT
#include "render/listing.hpp"

#include <doctest/doctest.h>

using namespace socktally;

namespace {

const Listing two{"things", {"name", "what", "note"}, {{"a", "first\tone", std::nullopt}, {"b,c", "\"x\"\n\x1b", "long"}}};
const Listing none{"things", {"name", "what"}, {}};

template <typename Render, typename... Header>
std::string text(Render render, const Listing& listing, Header... header)
{
    std::string out;
    render(out, listing, header...);
    return out;
}

} // namespace

TEST_CASE("a listing as TSV and CSV: a header, a line a row, null is empty")
{
    CHECK(text(render_listing_tsv, two, true) == "name\twhat\tnote\na\tfirst\\tone\t\nb,c\t\"x\"\\n\\x1b\tlong\n");
    CHECK(text(render_listing_tsv, two, false) == "a\tfirst\\tone\t\nb,c\t\"x\"\\n\\x1b\tlong\n");
    CHECK(text(render_listing_csv, two, true) == "name,what,note\na,first\\tone,\n\"b,c\",\"\"\"x\"\"\\n\\x1b\",long\n");
    CHECK(text(render_listing_tsv, none, true) == "name\twhat\n");
    CHECK(text(render_listing_tsv, none, false) == "");
}

TEST_CASE("a listing as JSON and JSON lines: null is null")
{
    CHECK(text(render_listing_json, two) == "{\"things\":[\n"
                                            "{\"name\":\"a\",\"what\":\"first\\tone\",\"note\":null},\n"
                                            "{\"name\":\"b,c\",\"what\":\"\\\"x\\\"\\n\\u001b\",\"note\":\"long\"}\n]}\n");
    CHECK(text(render_listing_jsonl, two) == "{\"name\":\"a\",\"what\":\"first\\tone\",\"note\":null}\n"
                                             "{\"name\":\"b,c\",\"what\":\"\\\"x\\\"\\n\\u001b\",\"note\":\"long\"}\n");
    CHECK(text(render_listing_json, none) == "{\"things\":[\n]}\n");
    CHECK(text(render_listing_jsonl, none) == "");
}

TEST_CASE("a listing for people is aligned by what is seen, and has no blanks at the end of a line")
{
    CHECK(text(render_listing_pretty, two, true) == "name  what        note\n"
                                                    "a     first\\tone\n"
                                                    "b,c   \"x\"\\n\\x1b   long\n");
    const Listing wide{"things", {"n", "w"}, {{"\u65e5\u672c", "x"}, {"abc", "y"}}};
    CHECK(text(render_listing_pretty, wide, false) == "\u65e5\u672c  x\nabc   y\n");
    CHECK(text(render_listing_pretty, none, false) == "");
}
