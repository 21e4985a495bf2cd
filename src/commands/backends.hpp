// SPDX-License-Identifier: MIT
// Chooses and opens a backend by the --backend option. Also makes the commands that let a group run this program with
// the capabilities of a backend, the commands that undo it, and the risk of each capability. Nothing here changes the
// system.
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
    std::vector<Declined> declined; // better backends that cannot work here
};

/// Throws UsageError unless `wanted` is "auto" or in the table.
void require_known_backend(const std::string& wanted, std::span<const BackendEntry> table);

/// Opens a backend. Declines it if too few files may be open, because it would fail later without a clear reason.
OpenResult open_backend(const BackendEntry& entry, const BackendOptions& options);

/// Opens the backend `wanted`, or for "auto" the first of the table that opens. Throws UsageError or
/// BackendUnavailable.
Choice choose_backend(const std::string& wanted, const BackendOptions& options, std::span<const BackendEntry> table);

/// Makes the note about a better backend that is unavailable.
Note declined_note(const Declined& declined);

/// One line of doctor. Root can run the commands in a shell, in this order.
struct GrantLine {
    std::string_view status; // "grant", "revoke" or "exposes"
    std::string text;
    std::string command; // empty for "exposes"
};

std::vector<GrantLine> grant_lines(const BackendEntry& backend);

/// The capabilities of all backends in one list, because setcap(8) replaces those that were set before.
inline constexpr std::string_view all_capabilities =
    "cap_bpf,cap_perfmon,cap_net_admin,cap_net_raw,cap_dac_read_search,cap_sys_ptrace";

/// Returns the remedy to print. If file capabilities have no effect here, returns the reason instead of
/// privilege_remedy.
std::string fitting_remedy(const std::string& remedy);

/// Returns the remedy for doctor, which prints a setcap(8) line with `capabilities` instead of privilege_remedy.
std::string command_remedy(const std::string& remedy, std::string_view capabilities);

} // namespace socktally
