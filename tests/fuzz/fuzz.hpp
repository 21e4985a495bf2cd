// SPDX-License-Identifier: MIT
// A driver is one function that takes any bytes and checks with require() what must hold for all of them. libFuzzer
// finds inputs (meson setup -Dfuzzers=enabled with clang); main.cpp runs those that were kept, and mutations of them.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <span>
#include <string_view>

using FuzzDriver = void (*)(std::span<const std::byte> input);

/// Null if there is no driver of this name.
FuzzDriver find_driver(std::string_view name);

/// Makes the driver known to find_driver().
struct FuzzRegistration {
    FuzzRegistration(std::string_view name, FuzzDriver driver);
};

#define FUZZ_DRIVER(name)                                                                                              \
    static void fuzz_##name(std::span<const std::byte> input);                                                         \
    static const FuzzRegistration registration_of_##name(#name, fuzz_##name);                                          \
    static void fuzz_##name(std::span<const std::byte> input)

/// Stays in force with NDEBUG.
inline void require(bool holds)
{
    if (!holds) {
        std::abort();
    }
}

inline std::string_view as_text(std::span<const std::byte> input)
{
    return {reinterpret_cast<const char*>(input.data()), input.size()};
}
