// SPDX-License-Identifier: MIT
// Reads snapshots from a file. Invalid lines are skipped and reported.
#pragma once

#include "report/snapshot.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace socktally {

/// One skipped line, or several that follow each other.
struct LeftOut {
    std::uint64_t first_line = 0;
    std::uint64_t last_line = 0;
    std::string reason;      // why the first of these lines was skipped
    bool is_cut_off = false; // the input ends in the middle of an object that begins at first_line
};

/// Calls `use` with the parser after each document or line of `fd` that is valid. Calls `tell` for lines that were
/// skipped. Throws if the file cannot be read; the message contains `name`.
void read_snapshots(int fd, const std::string& name, const std::function<void(SnapshotParser&)>& use,
                    const std::function<void(const LeftOut&)>& tell);

} // namespace socktally
