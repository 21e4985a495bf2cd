// SPDX-License-Identifier: MIT
// JSON as this program writes most of its lines: no blanks and no escapes. What takes this for a part of JSON takes
// less than JSON, never more; the rest is left to simdjson.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace socktally {

class PlainText {
public:
    /// `text` outlives this, and the strings that are taken from it.
    explicit PlainText(std::string_view text) : text_(text), rest_(text) {}

    /// Whether it is the same within quotes.
    static bool is_plain(std::string_view text);

    // Each takes something off the front where it is there.
    bool take(char c);
    bool take(std::string_view literal);
    std::optional<std::uint64_t> number(); // whole, of at most 19 digits
    std::optional<std::string_view> string();
    /// A number with or without a fraction, a string, true, false or null.
    bool skip_value();

    /// Whether nothing but blanks is left, and all of it was UTF-8.
    bool is_good_to_the_end() const;

private:
    std::string_view text_;
    std::string_view rest_;
    bool is_ascii_ = true; // what was taken as strings
};

inline bool PlainText::take(char c)
{
    const bool is_there = !rest_.empty() && rest_.front() == c;
    rest_.remove_prefix(is_there ? 1 : 0);
    return is_there;
}

inline bool PlainText::take(std::string_view literal)
{
    const bool is_there = rest_.starts_with(literal);
    rest_.remove_prefix(is_there ? literal.size() : 0);
    return is_there;
}

inline std::optional<std::uint64_t> PlainText::number()
{
    constexpr std::size_t most = 19; // digits that 64 bits always hold
    std::uint64_t value = 0;
    std::size_t digits = 0;
    for (; digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9'; ++digits) {
        value = value * 10 + static_cast<std::uint64_t>(rest_[digits] - '0');
    }
    if (digits == 0 || digits > most || (digits > 1 && rest_.front() == '0')) { // JSON has no 007
        return std::nullopt;
    }
    rest_.remove_prefix(digits);
    return value;
}

inline std::optional<std::string_view> PlainText::string()
{
    if (!rest_.starts_with('"')) {
        return std::nullopt;
    }
    for (std::size_t i = 1; i < rest_.size(); ++i) {
        const auto c = static_cast<unsigned char>(rest_[i]);
        if (c == '"') {
            const std::string_view value = rest_.substr(1, i - 1);
            rest_.remove_prefix(i + 1);
            return value;
        }
        if (c == '\\' || c < ' ') {
            break;
        }
        is_ascii_ = is_ascii_ && c < 0x80;
    }
    return std::nullopt;
}

} // namespace socktally
