// SPDX-License-Identifier: MIT
// The entry that libFuzzer calls, in place of main.cpp.
#include "fuzz.hpp"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    return fuzz_one(std::as_bytes(std::span(data, size)));
}
