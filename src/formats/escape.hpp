// SPDX-License-Identifier: MIT
// Untrusted text on its way out: one function a destination. A name is any bytes; nothing here trusts it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace socktally {

struct CodePoint {
    char32_t value = 0;
    std::size_t length = 0; // bytes it takes
};

/// The code point at the beginning of `text`; nullopt if that is not valid UTF-8 (cut, overlong, surrogate, >
/// 10FFFF) or `text` is empty.
std::optional<CodePoint> decode_utf8(std::string_view text);

/// For TSV, and for CSV before quoting: `\t \n \r \\`; other controls (C0, DEL, C1) and invalid bytes as `\xHH`.
void append_escaped(std::string& out, std::string_view text);

/// A CSV field (RFC 4180): escaped as above, then quoted if it has to be.
void append_csv_text(std::string& out, std::string_view text);

/// For terminals: as append_escaped, and everything that draws nothing or turns the writing direction as `\xHH` a byte.
void append_printable(std::string& out, std::string_view text);
std::string printable(std::string_view text);
/// The same of a message, whose backslashes are those of names that are quoted in it.
std::string printable_message(std::string_view text);

/// The value of a Prometheus label, without its quotes: backslash, quote and newline escaped as that format does it.
/// Other control characters and invalid bytes become the text of append_escaped().
void append_prom_label(std::string& out, std::string_view text);

/// The value of an InfluxDB tag: comma, blank and equals sign with a backslash before them; controls and invalid bytes
/// as the text that append_escaped makes of them. The protocol cannot escape a backslash: one that a reader
/// could take for the escape of what follows it, or that is the last, becomes the text `\x5c`.
void append_influx_tag(std::string& out, std::string_view text);

/// A JSON string with its quotes, always valid UTF-8. Controls and U+2028, U+2029 become `\uXXXX`. An invalid byte
/// becomes the text `\xHH`: JSON has no bytes, and U+FFFD would make different names equal. A reader cannot tell it
/// from a name that spells out `\xHH`; that is the price of plain strings.
void append_json_string(std::string& out, std::string_view text);

} // namespace socktally
