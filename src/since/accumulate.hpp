// SPDX-License-Identifier: MIT
// Series of totals that only grow, run after run. Pure.
#pragma once

#include "table/row.hpp"

#include <cstddef>
#include <vector>

namespace socktally {

/// Adds what has `moved` to the series `before`. Of new ones the largest are taken until there are `most`; the others
/// go to the one that has the labels `rest`, which is last. A series that was there once stays, so that none ever
/// shrinks.
std::vector<GrowingSeries> accumulate(std::vector<GrowingSeries> before, std::vector<GrowingSeries> moved,
                                      std::size_t most, const GrowingSeries::Labels& rest);

} // namespace socktally
