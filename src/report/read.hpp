// SPDX-License-Identifier: MIT
// Reads snapshots from a file. Lines that cannot be read are skipped and reported.
#pragma once

#include "report/snapshot.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace socktally {

/// Lines that were skipped.
struct LeftOut {
    std::uint64_t first_line = 0;
    std::uint64_t last_line = 0;
    std::string reason;      // why the first of them was skipped
    bool is_cut_off = false; // the input ends in the middle of an object, which they begin
};

/// Calls `use` with the parser after each document or line of `fd` that it has parsed, and `tell` for skipped lines.
/// Throws, with `name` in the message, if the file cannot be read.
void read_snapshots(int fd, const std::string& name, const std::function<void(SnapshotParser&)>& use,
                    const std::function<void(const LeftOut&)>& tell);

} // namespace socktally
