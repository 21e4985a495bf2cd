// SPDX-License-Identifier: MIT
// The runner of all unit tests: no root, no network, all of them in seconds.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

int main(int argc, char** argv) { return doctest::Context(argc, argv).run(); }
