// SPDX-License-Identifier: MIT
// Where reports go, and what --alert makes of them.
#pragma once

#include "commands/commands.hpp"
#include "commands/layout.hpp"
#include "linux/atomic_file.hpp"
#include "linux/interrupt.hpp"

#include <optional>
#include <string_view>

namespace socktally {

/// Standard output, or the file that takes its place.
class Output {
public:
    /// Throws where nothing can be written there.
    explicit Output(const Options& options);

    bool is_terminal() const;
    bool is_file() const { return file_.has_value(); }

    void write(std::string_view text) const;
    /// The same while signals are taken: one does not keep it waiting for a reader that is slow, and a second one
    /// kills.
    void write(std::string_view text, Interrupt& interrupt) const;

private:
    std::optional<AtomicFile> file_;
};

/// On standard output.
void print_listing(const Listing& listing, const Options& options);

/// Alerts that no row gave cause to: nothing is printed.
bool is_silent(const Report& report, const Layout& layout);

bool has_alert(const Report& report, const Layout& layout);

/// A row that alerts says more than that there may be others.
Exit exit_of(bool has_alert, bool is_complete, const Options& options);

} // namespace socktally
