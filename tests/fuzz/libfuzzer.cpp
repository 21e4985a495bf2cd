// SPDX-License-Identifier: MIT
// The entry that libFuzzer calls, in place of main.cpp. FUZZ_PARSER is the name of the driver.
#include "fuzz.hpp"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static const FuzzDriver driver = find_driver(FUZZ_PARSER);
    driver(std::as_bytes(std::span(data, size)));
    return 0;
}
