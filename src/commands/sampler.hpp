// SPDX-License-Identifier: MIT
// Measures windows one after another, each as a report, with one backend that stays open. What all of them have in
// common is found out once. Nothing is printed here but on standard error.
#pragma once

#include "commands/backends.hpp"
#include "commands/make_report.hpp"
#include "commands/since.hpp"
#include "linux/interrupt.hpp"
#include "processes/identifier.hpp"
#include "processes/process_tree.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace socktally {

class Sampler {
public:
    /// Opens the backend. Throws UsageError or BackendUnavailable. The arguments must outlive this; `since` may be
    /// null.
    Sampler(const Options& options, const OutputPlan& plan, std::span<const BackendEntry> table, SinceRun* since);
    Sampler(const Options&, OutputPlan&&, std::span<const BackendEntry>, SinceRun*) = delete;

    /// Measures one more window; a signal ends it early.
    Report next(Interrupt& interrupt);

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
    std::uint64_t number_ = 0; // of the window under way, from 1
};

} // namespace socktally
