// SPDX-License-Identifier: MIT
// The command that was called, and the error for wrong usage. This is the part of Options that command_line.cpp needs.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace socktally {

enum class Command : std::uint8_t {
    sample,
    report,
    ports,
    run,
    dns,
    doctor,
    list_columns,
    list_options,
    help,
    version
};

struct Invocation {
    Command command = Command::sample;
    std::string text;               // the text that --help and --version print
    std::vector<std::string> files; // the files of report; "-" means standard input
    std::vector<std::string> words; // for run: the command to start, and its arguments
};

/// Wrong usage. The message has one line; the exit code is 2, or 125 for run.
struct UsageError : std::runtime_error {
    using std::runtime_error::runtime_error;
    Command command = Command::sample; // set once the command is known
};

} // namespace socktally
