// SPDX-License-Identifier: MIT
#include "util/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

namespace socktally {

namespace {

std::size_t edits(std::string_view a, std::string_view b)
{
    // Row i holds the distances from the first i characters of `a` to each prefix of `b`.
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> last(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        row[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        before.swap(last);
        last.swap(row);
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U)});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = std::min(row[j], before[j - 2] + 1);
            }
        }
    }
    return row[b.size()];
}

} // namespace

std::vector<std::string_view> split(std::string_view text, char separator)
{
    std::vector<std::string_view> items;
    for (;;) {
        const auto end = text.find(separator);
        items.push_back(text.substr(0, end));
        if (end == text.npos) {
            return items;
        }
        text.remove_prefix(end + 1);
    }
}

std::string_view next_word(std::string_view& text)
{
    text.remove_prefix(std::min(text.find_first_not_of(" \t\n"), text.size()));
    const std::string_view word = text.substr(0, text.find_first_of(" \t\n"));
    text.remove_prefix(word.size());
    return word;
}

std::vector<std::string_view> words_of(std::string_view text)
{
    std::vector<std::string_view> words;
    for (auto word = next_word(text); !word.empty(); word = next_word(text)) {
        words.push_back(word);
    }
    return words;
}

std::string_view next_line(std::string_view& text)
{
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    return line;
}

std::string lower(std::string_view text)
{
    std::string result(text);
    for (char& c : result) {
        if (c >= 'A' && c <= 'Z') {
            c = static_cast<char>(c - 'A' + 'a');
        }
    }
    return result;
}

std::string quote(std::string_view text)
{
    constexpr std::size_t longest = 60;
    if (text.size() <= longest) {
        return fmt::format("{:?}", text);
    }
    std::size_t end = longest;
    // The cut must not be within a UTF-8 sequence.
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80) {
        --end;
    }
    std::string result = fmt::format("{:?}", text.substr(0, end == 0 ? longest : end));
    result.pop_back(); // removes the closing quote, which must come after the ellipsis
    return result + "…\"";
}

std::optional<std::string_view> nearest(std::string_view typed, std::span<const std::string_view> valid)
{
    const std::string wanted = lower(typed);
    std::optional<std::string_view> best;
    std::optional<std::string_view> beginning;
    constexpr std::size_t shortest = 4; // a shorter word may begin another by chance
    std::size_t fewest = typed.size() / 3 + 1;
    for (const auto word : valid) {
        if (wanted.size() > 1 && word.starts_with(wanted)) {
            return word;
        }
        if (word.size() >= shortest && wanted.starts_with(word)) {
            beginning = word;
        }
        const std::size_t distance = edits(wanted, word);
        if (distance < fewest) {
            fewest = distance;
            best = word;
        }
    }
    return best ? best : beginning;
}

std::string suggest(std::string_view typed, std::span<const std::string_view> valid)
{
    if (const auto word = nearest(typed, valid)) {
        return "did you mean \"" + std::string(*word) + "\"?";
    }
    std::string list;
    for (const auto word : valid) {
        list.append(list.empty() ? "valid ones are " : ", ").append(word);
    }
    return list;
}

} // namespace socktally
