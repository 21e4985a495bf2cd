// SPDX-License-Identifier: MIT
// Reports on standard output, one window after another as one stream; what its format has no place for on standard
// error.
#pragma once

#include "cli/options.hpp"
#include "commands/make_report.hpp"
#include "sys/interrupt.hpp"

#include <string>
#include <vector>

namespace socktally {

class Printer {
public:
    /// Throws where nothing can be written to standard output. `options` has to outlive this.
    Printer(const Options& options, Layout layout);

    /// All of the report is written when this returns. A signal does not keep it waiting for a reader that is slow: it
    /// is taken, and a second one kills.
    void print(const Report& report, Interrupt& interrupt);

private:
    void say_notes(const Report& report);

    const Options& options_;
    Layout layout_;
    bool is_first_ = true;
    std::vector<std::string> said_; // of the window before
};

} // namespace socktally
