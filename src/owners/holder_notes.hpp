// SPDX-License-Identifier: MIT
// What a search for holders could not see, in words. Each code stands in socktally-output(5).
#pragma once

#include "model/sample.hpp"

#include <cstddef>
#include <vector>

namespace socktally {

/// `unread`: HolderMap::failed(). Nothing where it is 0.
void add_unread_note(std::vector<Note>& notes, std::size_t unread);
/// For doctor, where the processes of other users cannot be looked at.
void add_denied_limit(std::vector<Note>& limits);

} // namespace socktally
