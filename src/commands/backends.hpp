// SPDX-License-Identifier: MIT
// Chooses and opens the backend that --backend asks for. Also makes the lines of doctor about capabilities: commands
// that let a group run this program with a backend's capabilities, commands that undo them, and the risks. These
// functions do not run the commands.
#pragma once

#include "traffic/backend.hpp"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

struct Declined {
    std::string_view name;
    Unavailable reason;
};

struct Choice {
    std::unique_ptr<Backend> backend;
    std::string_view name;
    std::vector<Declined> declined; // unavailable backends that come before this one in the table
};

/// Throws UsageError unless `wanted` is "auto" or the name of a backend in the table.
void require_known_backend(const std::string& wanted, std::span<const BackendEntry> table);

/// Opens a backend. Returns Unavailable if the limit of open files is too low, because the backend would fail later
/// without a clear reason.
OpenResult open_backend(const BackendEntry& entry, const BackendOptions& options);

/// Opens the backend `wanted`; for "auto", the first backend in the table that can be opened. Throws UsageError or
/// BackendUnavailable.
Choice choose_backend(const std::string& wanted, const BackendOptions& options, std::span<const BackendEntry> table);

/// Makes the note about a better backend that is unavailable.
Note declined_note(const Declined& declined);

/// One line of doctor about capabilities. Root can run all "grant" commands in a shell, in the order of the lines.
/// "revoke" commands undo them.
struct GrantLine {
    std::string_view status; // "grant", "revoke" or "exposes"
    std::string text;
    std::string command; // empty for "exposes"
};

std::vector<GrantLine> grant_lines(const BackendEntry& backend);

/// The capabilities of all backends. They are in one list because each setcap(8) command replaces all earlier
/// capabilities.
inline constexpr std::string_view all_capabilities =
    "cap_bpf,cap_perfmon,cap_net_admin,cap_net_raw,cap_dac_read_search,cap_sys_ptrace";

/// Returns the remedy to print. If file capabilities have no effect here, returns the reason in place of
/// privilege_remedy.
std::string fitting_remedy(const std::string& remedy);

/// Returns the remedy that doctor prints: like fitting_remedy(), but with a setcap(8) command for `capabilities` in
/// place of privilege_remedy.
std::string command_remedy(const std::string& remedy, std::string_view capabilities);

} // namespace socktally
