// SPDX-License-Identifier: MIT
// Prints a listing on standard output in the format asked for.
#pragma once

#include "cli/options.hpp"
#include "formats/listing.hpp"

namespace socktally {

void print_listing(const Listing& listing, const Options& options);

} // namespace socktally
