// SPDX-License-Identifier: MIT
// The commands. Each prints its output and returns an exit code, or throws.
#pragma once

#include "cli/options.hpp"
#include "linux/child.hpp"
#include "traffic/backend.hpp"

#include <span>
#include <stdexcept>
#include <string>

namespace socktally {

/// The exit codes. Scripts rely on them. After signal N, a command prints its output and raises N again, so a shell
/// reports 128 + N. `run` exits with the status of its command, or with `not_run`.
enum class Exit : int { ok = 0, failed = 1, usage = 2, incomplete = 3, unavailable = 4, alerted = 10, not_run = 125 };

/// Thrown if the backend that the user named is unavailable, or if all backends are. main() then returns
/// Exit::unavailable; for `run`, Exit::not_run.
struct BackendUnavailable : std::runtime_error {
    BackendUnavailable(const std::string& message, std::string fix)
        : std::runtime_error(message), remedy(std::move(fix))
    {
    }
    std::string remedy; // one line that tells the user what to do; empty if nothing helps
};

Exit run_sample(const Options& options, std::span<const BackendEntry> table);
Exit run_report(const Options& options);
Exit run_ports(const Options& options, std::span<const BackendEntry> table);
Exit run_command(const Options& options, std::span<const BackendEntry> table, const Surroundings& surroundings);
Exit run_doctor(const Options& options, std::span<const BackendEntry> table);
Exit run_list_columns(const Options& options);
Exit run_list_options(const Options& options);

} // namespace socktally
