// SPDX-License-Identifier: MIT
// A value of simdjson's DOM, or why there is none, and the text in it.
#pragma once

#include <simdjson.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace socktally {

using JsonValue = simdjson::simdjson_result<simdjson::dom::element>;

/// Null too where it is longer than any engine allows a name to be, and than a reference to an image with its digest.
inline std::optional<std::string> text_of(const JsonValue& value)
{
    constexpr std::size_t longest_name = 1024;
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS || text.empty() || text.size() > longest_name) {
        return std::nullopt;
    }
    return std::string(text);
}

} // namespace socktally
