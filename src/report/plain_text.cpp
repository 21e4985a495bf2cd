// SPDX-License-Identifier: MIT
#include "report/plain_text.hpp"

#include <simdjson.h>

#include <algorithm>

namespace socktally {

bool PlainText::is_plain(std::string_view text)
{
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return c >= ' ' && c != '\x7f' && c != '"' && c != '\\'; });
}

bool PlainText::skip_value()
{
    if (!number()) {
        return string() || take("null") || take("true") || take("false");
    }
    if (!take('.')) {
        return true;
    }
    const std::size_t digits = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
    rest_.remove_prefix(digits);
    return digits != 0;
}

bool PlainText::is_good_to_the_end() const
{
    return rest_.find_first_not_of(" \t\r") == rest_.npos &&
           (is_ascii_ || simdjson::validate_utf8(text_.data(), text_.size()));
}

} // namespace socktally
