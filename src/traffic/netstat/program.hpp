// SPDX-License-Identifier: MIT
// Runs a program of the system and collects what it prints. The program gets no shell, no input and no environment but
// LC_ALL=C. It leads a process group of its own. The whole group is killed when the program has ended, has printed too
// much, or has not ended in time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace socktally {

struct ProgramLimits {
    std::chrono::nanoseconds time = std::chrono::seconds(5);
    std::size_t bytes = std::size_t{64} << 20;
};

struct ProgramResult {
    enum class End : std::uint8_t { exited, not_started, timed_out, printed_too_much };

    End end = End::exited;
    int status = 0;   // exited: the exit status, or 128 and the number of the signal; not_started: errno
    std::string text; // standard output; empty unless the program exited

    bool has_exited_with(int wanted) const { return end == End::exited && status == wanted; }
};

/// Runs the program at the absolute path words[0].
ProgramResult run_program(const std::vector<std::string>& words, const ProgramLimits& limits);

/// Says what went wrong, such as `"/usr/sbin/netstat" did not end in time`. Call it for a result that cannot be used.
std::string failure_of(const std::string& program, const ProgramResult& result);

} // namespace socktally
