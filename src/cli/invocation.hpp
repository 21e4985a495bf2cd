// SPDX-License-Identifier: MIT
// Which command was called, and wrong usage. It includes nothing of the model: command_line.cpp, which takes ten
// seconds to compile, needs no more than this of Options.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace socktally {

enum class Command : std::uint8_t { sample, report, ports, run, doctor, list_columns, list_options, help, version };

struct Invocation {
    Command command = Command::sample;
    std::string text;               // what help and version print
    std::vector<std::string> files; // of report; "-": standard input
    std::vector<std::string> words; // of run: the command that it starts, and its arguments
};

/// Wrong usage: one line, exit code 2, or 125 if the command is run.
struct UsageError : std::runtime_error {
    using std::runtime_error::runtime_error;
    Command command = Command::sample; // filled in when the command is known
};

} // namespace socktally
