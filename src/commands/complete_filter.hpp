// SPDX-License-Identifier: MIT
// The filter of the options with what only this machine knows: numbers of users and namespaces, its interfaces.
#pragma once

#include "cli/options.hpp"

namespace socktally {

/// Throws UsageError for a name that nobody and nothing has.
Filter complete_filter(const Options& options);

/// Addresses come and go, so the interfaces that the filter goes by are looked at again.
void refresh(Filter& filter);

} // namespace socktally
