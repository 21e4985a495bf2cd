// SPDX-License-Identifier: MIT
#include "formats/format.hpp"

#include <doctest/doctest.h>

using namespace socktally;

namespace {

const Listing two{"things", {"name", "what", "note"}, {{"a", "first\tone", {}}, {"b,c", "\"x\"\n\x1b", "long"}}};
const Listing none{"things", {"name", "what"}, {}};

std::string text(std::string_view format, const Listing& listing, const Style& style = {})
{
    std::string out;
    find_format(format)->list(out, listing, style);
    return out;
}

} // namespace

TEST_CASE("a listing as TSV and CSV: a header, a line a row, null is empty")
{
    CHECK(text("tsv", two) == "name\twhat\tnote\na\tfirst\\tone\t\nb,c\t\"x\"\\n\\x1b\tlong\n");
    CHECK(text("tsv", two, {.header = false}) == "a\tfirst\\tone\t\nb,c\t\"x\"\\n\\x1b\tlong\n");
    CHECK(text("csv", two) == "name,what,note\na,first\\tone,\n\"b,c\",\"\"\"x\"\"\\n\\x1b\",long\n");
    CHECK(text("tsv", none) == "name\twhat\n");
    CHECK(text("tsv", none, {.header = false}) == "");
}

TEST_CASE("a listing as JSON and JSON lines: null is null")
{
    CHECK(text("json", two) == "{\"things\":[\n"
                               "{\"name\":\"a\",\"what\":\"first\\tone\",\"note\":null},\n"
                               "{\"name\":\"b,c\",\"what\":\"\\\"x\\\"\\n\\u001b\",\"note\":\"long\"}\n]}\n");
    CHECK(text("jsonl", two) == "{\"name\":\"a\",\"what\":\"first\\tone\",\"note\":null}\n"
                                "{\"name\":\"b,c\",\"what\":\"\\\"x\\\"\\n\\u001b\",\"note\":\"long\"}\n");
    CHECK(text("json", none) == "{\"things\":[]}\n");
    CHECK(text("jsonl", none) == "");
}

TEST_CASE("a listing for people is aligned by what is seen, and has no blanks at the end of a line")
{
    CHECK(text("pretty", two) == "name  what        note\n"
                                 "a     first\\tone\n"
                                 "b,c   \"x\"\\n\\x1b   long\n");
    const Listing east{"things", {"n", "w"}, {{"\u65e5\u672c", "x"}, {"abc", "y"}}};
    CHECK(text("pretty", east, {.header = false}) == "\u65e5\u672c  x\nabc   y\n");
    CHECK(text("pretty", none, {.header = false}) == "");
}

TEST_CASE("a listing that is too wide: the last column is wrapped where it stands")
{
    const Listing words{"things", {"name", "text"}, {{"a", "one two three"}, {"bc", "four"}}};
    CHECK(text("pretty", words, {.width = 14}) == "name  text\n"
                                                  "a     one two\n"
                                                  "      three\n"
                                                  "bc    four\n");
}

TEST_CASE("a listing that is too wide: the last column goes beneath, and only a line for the shell is not wrapped")
{
    const Listing findings{
        "findings", {"name", "finding", "remedy"}, {{"a", "one two three", "see a"}, {"bc", "four", {}}}, true};
    CHECK(text("pretty", findings, {.width = 14}) == "name  finding\n"
                                                     "a     one two\n"
                                                     "      three\n"
                                                     "      remedy: see\n"
                                                     "              a\n"
                                                     "bc    four\n");
    const Listing command{"findings", {"name", "finding", "remedy"}, {{"a", "one", "setcap x=ep \"$(y)\""}}, true};
    CHECK(text("pretty", command, {.header = false, .width = 20}) == "a  one\n"
                                                                     "   remedy: setcap x=ep \"$(y)\"\n");
    CHECK(text("pretty", findings, {.header = false, .width = 33}) == "a   one two three  see a\n"
                                                                      "bc  four\n");
}
