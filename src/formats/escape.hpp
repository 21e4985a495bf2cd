// SPDX-License-Identifier: MIT
// Escapes untrusted text for output, with one function for each destination. A name may be any bytes.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace socktally {

struct CodePoint {
    char32_t value = 0;
    std::size_t length = 0; // in bytes
};

/// Returns the first code point of `text`; null if `text` is empty or does not begin with valid UTF-8 (cut, overlong,
/// surrogate, > 10FFFF).
std::optional<CodePoint> decode_utf8(std::string_view text);

/// For TSV, and for CSV before quoting: `\t \n \r \\`; other control characters (C0, DEL, C1) and invalid bytes as
/// `\xHH`.
void append_escaped(std::string& out, std::string_view text);

/// For CSV (RFC 4180): escaped as above, then quoted if necessary.
void append_csv_text(std::string& out, std::string_view text);

/// For terminals: escaped as by append_escaped(), and also code points that are invisible or change the writing
/// direction, with `\xHH` for each byte.
void append_printable(std::string& out, std::string_view text);
std::string printable(std::string_view text);
/// Escapes a message in the same way, but keeps its backslashes, which escape quoted names already.
std::string printable_message(std::string_view text);

/// For the value of a Prometheus label, without its quotes: backslash, quote and newline as that format escapes them.
/// Other control characters and invalid bytes become the text of append_escaped().
void append_prom_label(std::string& out, std::string_view text);

/// For the value of an InfluxDB tag: a backslash before comma, blank and equals sign; control characters and invalid
/// bytes become the text of append_escaped(). The protocol cannot escape a backslash, so one that would escape the next
/// character, or is the last, becomes the text `\x5c`.
void append_influx_tag(std::string& out, std::string_view text);

/// Writes a JSON string with its quotes, always valid UTF-8. Control characters and U+2028, U+2029 become `\uXXXX`. An
/// invalid byte becomes the text `\xHH`: JSON has no bytes, and U+FFFD would make different names equal. A reader
/// cannot distinguish it from a name that really contains `\xHH`.
void append_json_string(std::string& out, std::string_view text);

} // namespace socktally
