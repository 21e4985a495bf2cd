// SPDX-License-Identifier: MIT
// Reads snapshots from a file. Lines that cannot be read are skipped and reported.
#pragma once

#include "report/snapshot.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace socktally {

/// Lines that were left out.
struct LeftOut {
    std::uint64_t first_line = 0;
    std::uint64_t last_line = 0;
    std::string reason;      // of the first of them
    bool is_cut_off = false; // they are the beginning of something, and the input ends there
};

/// Calls `use` with a parser that has parsed it, for each snapshot of `fd` and each line of one. Throws, with `name`,
/// if the file cannot be read.
void read_snapshots(int fd, const std::string& name, const std::function<void(SnapshotParser&)>& use,
                    const std::function<void(const LeftOut&)>& tell);

} // namespace socktally
