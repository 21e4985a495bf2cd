// SPDX-License-Identifier: MIT
// Escapes untrusted text for output, with one function for each kind of output. A name may consist of any bytes.
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

/// Escapes for TSV: `\t \n \r \\`, and `\xHH` for other control characters (C0, DEL, C1) and for invalid bytes.
void append_escaped(std::string& out, std::string_view text);

/// Escapes for CSV (RFC 4180): as for TSV, then quotes the text if necessary.
void append_csv_text(std::string& out, std::string_view text);

/// Escapes for terminals: as append_escaped(), and `\xHH` for each byte of a code point that is invisible or changes
/// the writing direction.
void append_printable(std::string& out, std::string_view text);
std::string printable(std::string_view text);
/// Escapes a message as printable() does, but keeps backslashes, because quoted names in a message are escaped already.
std::string printable_message(std::string_view text);

/// Escapes the value of a Prometheus label, without its quotes. Backslash, quote and newline get the escapes of
/// Prometheus. Other control characters and invalid bytes are escaped as by append_escaped().
void append_prom_label(std::string& out, std::string_view text);

/// Escapes the value of an InfluxDB tag. A comma, a blank and an equals sign get a backslash. Control characters and
/// invalid bytes are escaped as by append_escaped(). The protocol cannot escape a backslash, so a backslash becomes the
/// text `\x5c`, unless a letter or digit follows it.
void append_influx_tag(std::string& out, std::string_view text);

/// Writes text as a JSON string, with quotes, always in valid UTF-8. Control characters, U+2028 and U+2029 are escaped.
/// An invalid byte becomes the text `\xHH`, because JSON has no bytes, and U+FFFD would make different names equal. A
/// reader cannot distinguish an invalid byte from a name that contains the text `\xHH` itself.
void append_json_string(std::string& out, std::string_view text);

} // namespace socktally
