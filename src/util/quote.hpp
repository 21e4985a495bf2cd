// SPDX-License-Identifier: MIT
// What the user typed, for messages: in quotes, on one line, and no longer than a message can bear.
#pragma once

#include <string>
#include <string_view>

namespace socktally {

/// `"text"` with controls and invalid bytes escaped; of a long text the beginning and an ellipsis.
std::string quote(std::string_view text);

} // namespace socktally
