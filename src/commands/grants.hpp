// SPDX-License-Identifier: MIT
// What to type so that a group can run this program with the capabilities that a backend has a use for, what takes that
// back, and what each of them lays open. Nothing here changes anything.
#pragma once

#include "traffic/backend.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace socktally {

/// One line for doctor; the commands are for a shell of root, in this order.
struct GrantLine {
    std::string_view status; // "grant", "revoke" or "exposes"
    std::string text;
    std::string command; // empty for "exposes"
};

std::vector<GrantLine> grant_lines(const BackendEntry& backend);

/// Low rooms name setcap(8) with all capabilities where privilege is wanting. Where that would change nothing, another
/// line takes its place; of a backend that the user has named, the line with what that one has a use for.
/// `capabilities`: those of the backend that was named; empty: none was.
std::string fitting_remedy(std::string remedy, std::string_view capabilities);

} // namespace socktally
