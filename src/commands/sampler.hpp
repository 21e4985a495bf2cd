// SPDX-License-Identifier: MIT
// Measures windows one after another, and makes a report of each. The backend stays open between windows. Facts that do
// not change between windows are found once. Prints only on standard error.
#pragma once

#include "commands/backends.hpp"
#include "commands/make_report.hpp"
#include "commands/since.hpp"
#include "linux/interrupt.hpp"
#include "processes/identifier.hpp"
#include "processes/process_tree.hpp"
#include "processes/remote_names.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace socktally {

class Sampler {
public:
    /// Opens the backend. Throws UsageError or BackendUnavailable. The arguments must outlive this object; `since` may
    /// be null.
    Sampler(const Options& options, const OutputPlan& plan, std::span<const BackendEntry> table, SinceRun* since);
    Sampler(const Options&, OutputPlan&&, std::span<const BackendEntry>, SinceRun*) = delete;

    /// When to add notes about filter values that match no process and may be mistyped. The check reads all processes
    /// in /proc. One check, in the first window, is enough: a value that matched a process there is
    /// not mistyped.
    enum class Hints : std::uint8_t { in_first_window, given, left_out };
    /// Measures the next window. A signal ends it early.
    Report next(Interrupt& interrupt, Hints hints = Hints::in_first_window);

private:
    void open();
    std::vector<Note> renew();
    void add_roots();
    void place(Sample& sample);
    BackendResult measure(Identifier& identifier, Interrupt& interrupt);

    const Options& options_;
    const OutputPlan& plan_;
    std::span<const BackendEntry> table_;
    SinceRun* since_;
    Filter filter_;
    ProcessTree tree_;
    Choice choice_;
    std::string host_;
    std::string boot_id_;
    std::shared_ptr<IdentityMemory> memory_ = std::make_shared<IdentityMemory>();
    std::optional<RemoteNames> names_; // set if names of remote addresses are looked up
    std::uint64_t number_ = 0;         // number of the current window, from 1
};

} // namespace socktally
