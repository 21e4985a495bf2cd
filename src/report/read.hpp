// SPDX-License-Identifier: MIT
// From a file to a summary. What cannot be read is left out and told.
#pragma once

#include "report/summary.hpp"

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

/// Adds all snapshots of `fd`. Throws, with `name`, where it cannot be read.
void read_snapshots(int fd, const std::string& name, Summary& summary,
                    const std::function<void(const LeftOut& lines)>& tell);

} // namespace socktally
