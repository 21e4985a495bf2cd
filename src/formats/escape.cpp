// SPDX-License-Identifier: MIT
// Decodes UTF-8 strictly, and escapes text, with one function for each kind of output.
#include "formats/escape.hpp"
#include "formats/width.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace socktally {

namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

unsigned byte_at(std::string_view text, std::size_t i) { return static_cast<unsigned char>(text[i]); }

void append_hex(std::string& out, std::string_view bytes)
{
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const unsigned byte = byte_at(bytes, i);
        out.append("\\x").append({hex_digits[byte >> 4], hex_digits[byte & 0xf]});
    }
}

/// Calls `take` with each code point of the text and its bytes. For a byte that is not valid UTF-8, the code point is
/// null.
template <typename Take>
void for_each_code_point(std::string_view text, const Take& take)
{
    while (!text.empty()) {
        const auto decoded = decode_utf8(text);
        const std::string_view bytes = text.substr(0, decoded ? decoded->length : 1);
        text.remove_prefix(bytes.size());
        take(decoded, bytes);
    }
}

bool is_control(char32_t c) { return c < 0x20 || (c >= 0x7f && c <= 0x9f); }

bool is_unprintable(char32_t c) { return !is_printable(c); }

bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

/// For each byte, whether TSV or JSON may escape it. A table is faster than comparisons.
constexpr auto special_bytes = [] {
    std::array<bool, 256> special{};
    for (std::size_t c = 0; c < special.size(); ++c) {
        special[c] = c < ' ' || c > '~' || c == '\\' || c == '"';
    }
    return special;
}();

/// Moves the beginning of `text` to `out`, up to the first character that TSV or JSON may escape. Most texts have no
/// such character.
void append_plain(std::string& out, std::string_view& text)
{
    std::size_t length = 0;
    while (length < text.size() && !special_bytes[static_cast<unsigned char>(text[length])]) {
        ++length;
    }
    out.append(text.data(), length); // several times as fast as from iterators
    text.remove_prefix(length);
}

/// Returns the letter of a short escape that TSV and JSON share; 0 if there is none.
char short_escape(char32_t c)
{
    switch (c) {
    case U'\t': return 't';
    case U'\n': return 'n';
    case U'\r': return 'r';
    case U'\\': return '\\';
    default: return 0;
    }
}

void append_escaped_if(std::string& out, std::string_view text, bool (*is_unwanted)(char32_t),
                       std::string_view kept = "")
{
    append_plain(out, text);
    for_each_code_point(text, [&](const std::optional<CodePoint>& decoded, std::string_view bytes) {
        const char letter = decoded && bytes != kept ? short_escape(decoded->value) : '\0';
        if (letter != 0) {
            out.append({'\\', letter});
        } else if (!decoded || is_unwanted(decoded->value)) {
            append_hex(out, bytes);
        } else {
            out.append(bytes);
        }
    });
}

/// Escapes invalid bytes as append_escaped() does, and also control characters except `kept`.
std::string spelled_out(std::string_view text, std::string_view kept)
{
    std::string result;
    for_each_code_point(text, [&](const std::optional<CodePoint>& decoded, std::string_view bytes) {
        if (!decoded || (is_control(decoded->value) && bytes != kept)) {
            append_escaped(result, bytes);
        } else {
            result.append(bytes);
        }
    });
    return result;
}

void append_json_code_point(std::string& out, char32_t c, std::string_view bytes)
{
    if (const char letter = c == U'"' ? '"' : short_escape(c)) {
        out.append({'\\', letter});
    } else if (is_control(c) || c == 0x2028 || c == 0x2029) {
        out.append("\\u").append(
            {hex_digits[c >> 12], hex_digits[c >> 8 & 0xf], hex_digits[c >> 4 & 0xf], hex_digits[c & 0xf]});
    } else {
        out.append(bytes);
    }
}

} // namespace

std::optional<CodePoint> decode_utf8(std::string_view text)
{
    if (text.empty()) {
        return std::nullopt;
    }
    const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
    if (bytes[0] < 0x80) {
        return CodePoint{bytes[0], 1};
    }
    utf8proc_int32_t value = 0;
    const auto length = utf8proc_iterate(bytes, static_cast<utf8proc_ssize_t>(text.size()), &value);
    return length > 0 ? std::optional(CodePoint{static_cast<char32_t>(value), static_cast<std::size_t>(length)})
                      : std::nullopt;
}

void append_escaped(std::string& out, std::string_view text) { append_escaped_if(out, text, is_control); }

void append_printable(std::string& out, std::string_view text) { append_escaped_if(out, text, is_unprintable); }

std::string printable(std::string_view text)
{
    std::string result;
    append_printable(result, text);
    return result;
}

std::string printable_message(std::string_view text)
{
    std::string result;
    append_escaped_if(result, text, is_unprintable, "\\");
    return result;
}

void append_json_string(std::string& out, std::string_view text)
{
    out += '"';
    append_plain(out, text);
    for_each_code_point(text, [&](const std::optional<CodePoint>& decoded, std::string_view bytes) {
        if (decoded) {
            append_json_code_point(out, decoded->value, bytes);
        } else {
            out += '\\'; // the backslash of \xHH, escaped for JSON
            append_hex(out, bytes);
        }
    });
    out += '"';
}

void append_prom_label(std::string& out, std::string_view text)
{
    for (const char c : spelled_out(text, "\n")) {
        if (c == '\n') {
            out += "\\n";
        } else {
            out.append(c == '"' || c == '\\' ? "\\" : "").push_back(c);
        }
    }
}

void append_influx_tag(std::string& out, std::string_view text)
{
    const std::string spelled = spelled_out(text, "");
    for (std::size_t i = 0; i < spelled.size(); ++i) {
        const char c = spelled[i];
        const bool is_special = c == ',' || c == ' ' || c == '=';
        const bool is_mistakable = c == '\\' && (i + 1 == spelled.size() || !is_alphanumeric(spelled[i + 1]));
        out.append(is_mistakable ? "\\x5c" : is_special ? "\\" : "");
        out.append(is_mistakable ? 0 : 1, c);
    }
}

// First escapes the text as TSV does, because a newline or ESC would break line tools and terminals even in quotes.
void append_csv_text(std::string& out, std::string_view text)
{
    std::string field;
    append_escaped(field, text);
    const bool is_padded = !field.empty() && (field.front() == ' ' || field.back() == ' ');
    if (!is_padded && field.find_first_of(",\"") == field.npos) {
        out += field;
        return;
    }
    out += '"';
    for (const char c : field) {
        out.append(c == '"' ? 2 : 1, c);
    }
    out += '"';
}

} // namespace socktally
