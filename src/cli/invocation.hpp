// SPDX-License-Identifier: MIT
// Which command was called, and wrong usage. It includes nothing of the model: command_line.cpp, which takes ten
// seconds to compile, needs no more than this of Options.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace socktally {

enum class Command : std::uint8_t { sample, report, ports, doctor, list_columns, list_options, help, version };

struct Invocation {
    Command command = Command::sample;
    std::string text;               // what help and version print
    std::vector<std::string> files; // of report; "-": standard input
};

/// Wrong usage: one line, exit code 2.
struct UsageError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

} // namespace socktally
