// SPDX-License-Identifier: MIT
// What every driver has: one function that takes any bytes. A driver checks what must hold for all of them with
// require(). libFuzzer finds inputs (meson setup -Dfuzzers=enabled with clang); main.cpp runs those that were kept, and
// mutations of them.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <span>
#include <string_view>

/// Returns 0, or does not return.
int fuzz_one(std::span<const std::byte> input);

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
