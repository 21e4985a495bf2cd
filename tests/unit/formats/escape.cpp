// SPDX-License-Identifier: MIT
#include "formats/escape.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace socktally;

namespace {

using Append = void (*)(std::string&, std::string_view);

std::string through(Append append, std::string_view text)
{
    std::string result;
    append(result, text);
    return result;
}

std::string escaped(std::string_view text) { return through(append_escaped, text); }
std::string json(std::string_view text) { return through(append_json_string, text); }

std::size_t decoded_length(std::string_view text)
{
    const auto result = decode_utf8(text);
    return result ? result->length : 0;
}

} // namespace

TEST_CASE("UTF-8 is decoded strictly")
{
    CHECK(decode_utf8("A")->value == U'A');
    CHECK(decode_utf8("\xc3\xa9")->value == 0xe9);
    CHECK(decode_utf8("\xe2\x82\xac")->value == 0x20ac);
    CHECK(decode_utf8("\xf0\x9f\x98\x80")->value == 0x1f600);
    CHECK(decode_utf8("\xf4\x8f\xbf\xbf")->value == 0x10ffff);
    CHECK(decode_utf8(std::string_view("\0", 1))->length == 1);
    CHECK(decoded_length("\xc2\x80") == 2);
    CHECK(decoded_length("\xe0\xa0\x80") == 3);
    CHECK(decoded_length("\xf0\x90\x80\x80") == 4);
    CHECK(decoded_length("\xed\x9f\xbf") == 3);
    for (const std::string_view bad :
         {"", "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc3", "\xc3(", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xe2\x82",
          "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf0\x9f\x98", "\xf4\x90\x80\x80",
          "\xf5\x80\x80\x80", "\xff", "\xfe"})
        CHECK(decoded_length(bad) == 0);
}

TEST_CASE("TSV escapes")
{
    CHECK(escaped("") == "");
    CHECK(escaped("plain name-1.2") == "plain name-1.2");
    CHECK(escaped("a\tb\nc\rd\\e") == "a\\tb\\nc\\rd\\\\e");
    CHECK(escaped("\x1b[31m\x01\x7f") == "\\x1b[31m\\x01\\x7f");
    CHECK(escaped(std::string_view("\0", 1)) == "\\x00");
    CHECK(escaped("\xff\xfe") == "\\xff\\xfe");
    CHECK(escaped("caf\xc3\xa9 \xf0\x9f\x98\x80") == "caf\xc3\xa9 \xf0\x9f\x98\x80");
    CHECK(escaped("\xc2\x9b") == "\\xc2\\x9b");       // C1: CSI
    CHECK(escaped("\xc0\xaf") == "\\xc0\\xaf");       // overlong slash
    CHECK(escaped("abc\xe2\x82") == "abc\\xe2\\x82"); // cut off, as a 15-byte comm may be
    CHECK(escaped("\xe2\x82"
                  "A") == "\\xe2\\x82"
                          "A");                       // what follows a broken sequence is kept
    CHECK(escaped("\xe2\x80\xae") == "\xe2\x80\xae"); // bidi is no control byte: data for programs
}

TEST_CASE("C1 controls end at U+009F")
{
    CHECK(escaped("\xc2\x80\xc2\x9f") == "\\xc2\\x80\\xc2\\x9f");
    CHECK(escaped("\xc2\xa0") == "\xc2\xa0");
    CHECK(json("\xc2\x9f\xc2\xa0") == "\"\\u009f\xc2\xa0\"");
}

TEST_CASE("no byte value reaches TSV raw that could break a line or a terminal")
{
    for (int i = 0; i < 256; ++i) {
        const std::string one(1, static_cast<char>(i));
        const bool is_plain = i >= 0x20 && i < 0x7f && i != '\\';
        CHECK((escaped(one) == one) == is_plain);
        CHECK((printable(one) == one) == is_plain);
    }
}

TEST_CASE("a terminal also gets no character that draws nothing or turns the text round")
{
    CHECK(printable("curl") == "curl");
    CHECK(printable("a\tb\x1b") == "a\\tb\\x1b");
    CHECK(printable("\xe2\x80\xae"
                    "x") == "\\xe2\\x80\\xae"
                            "x");                                   // U+202E
    CHECK(printable("\xe2\x81\xa6") == "\\xe2\\x81\\xa6");          // U+2066
    CHECK(printable("\xe2\x80\x8b") == "\\xe2\\x80\\x8b");          // U+200B
    CHECK(printable("\xef\xbb\xbf") == "\\xef\\xbb\\xbf");          // U+FEFF
    CHECK(printable("\xe2\x80\xa8") == "\\xe2\\x80\\xa8");          // U+2028
    CHECK(printable("\xee\x80\x80") == "\\xee\\x80\\x80");          // private use
    CHECK(printable("\xf3\xa0\x81\x81") == "\\xf3\\xa0\\x81\\x81"); // tag letter
    CHECK(printable("\xc3\xa9\xe6\xbc\xa2\xf0\x9f\x98\x80") == "\xc3\xa9\xe6\xbc\xa2\xf0\x9f\x98\x80");
}

TEST_CASE("JSON strings")
{
    CHECK(json("") == "\"\"");
    CHECK(json("a\"b\\c/d") == "\"a\\\"b\\\\c/d\"");
    CHECK(json("\t\n\r") == "\"\\t\\n\\r\"");
    CHECK(json("\x1b\x01\x7f") == "\"\\u001b\\u0001\\u007f\"");
    CHECK(json("\xc2\x85") == "\"\\u0085\"");
    CHECK(json("\xe2\x80\xa8\xe2\x80\xa9") == "\"\\u2028\\u2029\"");
    CHECK(json("\xff") == "\"\\\\xff\"");
    CHECK(json("\xc0\x80") == "\"\\\\xc0\\\\x80\"");
    CHECK(json("\xf0\x9f\x98\x80") == "\"\xf0\x9f\x98\x80\"");
}
