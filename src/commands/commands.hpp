// SPDX-License-Identifier: MIT
// The commands: each turns options into output on stdout and an exit code, or throws.
#pragma once

#include "cli/options.hpp"
#include "linux/child.hpp"
#include "traffic/backend.hpp"

#include <span>
#include <stdexcept>
#include <string>

namespace socktally {

/// Exit codes (design: what a script can rely on). 128 + N is a signal's, from raising it again. `run` exits with the
/// status of its command, or with `not_run`.
enum class Exit : int { ok = 0, failed = 1, usage = 2, incomplete = 3, unavailable = 4, alerted = 10, not_run = 125 };

/// The named backend is unavailable, or all are. Exit::unavailable.
struct BackendUnavailable : std::runtime_error {
    BackendUnavailable(const std::string& message, std::string fix)
        : std::runtime_error(message), remedy(std::move(fix))
    {
    }
    std::string remedy; // one line, or empty
};

Exit run_sample(const Options& options, std::span<const BackendEntry> table);
Exit run_report(const Options& options);
Exit run_ports(const Options& options, std::span<const BackendEntry> table);
Exit run_command(const Options& options, std::span<const BackendEntry> table, const Surroundings& surroundings);
Exit run_doctor(const Options& options, std::span<const BackendEntry> table);
Exit run_list_columns(const Options& options);
Exit run_list_options(const Options& options);

} // namespace socktally
