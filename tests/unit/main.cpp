// SPDX-License-Identifier: MIT
// The runner of all unit tests: no root, no network, all of them in seconds.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
