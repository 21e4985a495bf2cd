// SPDX-License-Identifier: MIT
// The notes of a report on standard error, for formats that have no place for them.
#pragma once

#include "commands/layout.hpp"

#include <string>
#include <vector>

namespace socktally {

/// A line each: those that make the report incomplete, or name a hint; all of them where that was asked for. Where
/// nothing is printed, only those that explain the exit code, or say that nothing could be printed.
std::vector<std::string> note_lines(const Report& report, const Layout& layout, const Options& options);

void print_notes(const Report& report, const Layout& layout, const Options& options);

} // namespace socktally
