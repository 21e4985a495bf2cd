// SPDX-License-Identifier: MIT
// The variants of the BPF programs that count, and the words for the choice between them. No BPF here.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace socktally {

struct Variant {
    std::string_view name;
    std::string_view needs; // of the kernel
    bool tracepoints;       // else fexit
};

/// In the order in which they are tried.
inline constexpr std::array variants{
    Variant{"tracepoints", "tracepoints of sends and receives (Linux 6.3 has them)", true},
    Variant{"fexit", "functions of the socket layer that fexit programs are for", false},
};

enum class Lockdown : std::uint8_t { none, active };

/// Reads what /sys/kernel/security/lockdown says: "none [integrity] confidentiality".
Lockdown parse_lockdown(std::string_view text);

/// A variant that the kernel did not take.
struct RefusedVariant {
    std::string_view name;
    std::string why;
};

/// In words, why the kernel refused to load or attach, with an errno.
std::string why_refused(const Variant& variant, int error, Lockdown lockdown);

/// "not as tracepoints: the kernel has no …; not as fexit: …"
std::string describe_refusals(std::span<const RefusedVariant> refused);

/// "runs as fexit; not as tracepoints: …", and which ones were not tried.
std::string describe_choice(std::string_view chosen, std::span<const RefusedVariant> refused);

} // namespace socktally
