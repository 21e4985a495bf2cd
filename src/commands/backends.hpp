// SPDX-License-Identifier: MIT
// From the --backend option to an open backend; and what to type so that a group can run this program with the
// capabilities that a backend has a use for, what takes that back, and what each of them lays open. Nothing here
// changes anything.
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
    std::vector<Declined> declined; // better ones that cannot work here
};

/// Throws UsageError unless `wanted` is "auto" or a name of the table.
void require_known_backend(const std::string& wanted, std::span<const BackendEntry> table);

/// Refuses backends that would fail later without a clear reason, because too few files may be open.
OpenResult open_backend(const BackendEntry& entry, const BackendOptions& options);

/// `wanted` is a name of the table, or "auto": the first that opens. Throws UsageError or BackendUnavailable.
Choice choose_backend(const std::string& wanted, const BackendOptions& options, std::span<const BackendEntry> table);

/// Makes the note about a better backend that is unavailable.
Note declined_note(const Declined& declined);

/// One line for doctor; the commands are for a shell of root, in this order.
struct GrantLine {
    std::string_view status; // "grant", "revoke" or "exposes"
    std::string text;
    std::string command; // empty for "exposes"
};

std::vector<GrantLine> grant_lines(const BackendEntry& backend);

/// All capabilities that any backend can use, in one list: setcap(8) replaces what was set before.
inline constexpr std::string_view all_capabilities =
    "cap_bpf,cap_perfmon,cap_net_admin,cap_net_raw,cap_dac_read_search,cap_sys_ptrace";

/// Returns the remedy. If file capabilities have no effect here, privilege_remedy is replaced by the reason.
std::string fitting_remedy(const std::string& remedy);

/// The same for doctor, which prints the setcap(8) line with `capabilities` instead of privilege_remedy.
std::string command_remedy(const std::string& remedy, std::string_view capabilities);

} // namespace socktally
