// SPDX-License-Identifier: MIT
#include "util/quote.hpp"

#include <fmt/format.h>

namespace socktally {

std::string quote(std::string_view text)
{
    constexpr std::size_t longest = 60;
    if (text.size() <= longest) {
        return fmt::format("{:?}", text);
    }
    std::size_t end = longest;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80) { // within a UTF-8 sequence
        --end;
    }
    std::string result = fmt::format("{:?}", text.substr(0, end == 0 ? longest : end));
    result.pop_back(); // the quote: it stands behind the ellipsis
    return result + "…\"";
}

} // namespace socktally
