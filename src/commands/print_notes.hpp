// SPDX-License-Identifier: MIT
// The notes of a report on standard error, for formats that have no place for them.
#pragma once

#include "commands/make_report.hpp"

namespace socktally {

/// Those that make the report incomplete, or name a hint; all of them where that was asked for.
void print_notes(const Report& report, const Layout& layout, const Options& options);

} // namespace socktally
