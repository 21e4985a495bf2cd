// SPDX-License-Identifier: MIT
// Headers that most unit tests include, compiled once. Nothing may rely on this file.
#include "doctest.hpp"
#include "model/sample.hpp"
#include "table/row.hpp"

#include <fmt/format.h>
