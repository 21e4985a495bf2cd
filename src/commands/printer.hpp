// SPDX-License-Identifier: MIT
// Reports one window after another, on standard output as one stream, or each in the place of the one before in a file;
// what the format has no place for on standard error.
#pragma once

#include "cli/options.hpp"
#include "commands/layout.hpp"
#include "commands/output.hpp"
#include "linux/interrupt.hpp"

#include <string>
#include <vector>

namespace socktally {

class Printer {
public:
    /// `options` and `output` have to outlive this.
    Printer(const Options& options, Layout layout, const Output& output);

    /// All of the report is written when this returns.
    void print(const Report& report, Interrupt& interrupt);

private:
    void say_notes(const Report& report);

    const Options& options_;
    Layout layout_;
    const Output& output_;
    bool is_first_ = true;
    std::vector<std::string> said_; // of the window before
};

} // namespace socktally
