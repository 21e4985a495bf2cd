// SPDX-License-Identifier: MIT
// Explains why the kernel rejects BPF programs. Lists the variants of the programs that count payload, in the order in
// which Tally tries them. This file does not use BPF itself.
#pragma once

#include "linux/fd.hpp"
#include "traffic/backend.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace socktally {

/// Returns why BPF programs cannot be loaded, if the reason concerns all BPF programs (for example missing privileges).
/// Else returns `otherwise`. `error` is the errno of the failed load.
Unavailable bpf_refusal(int error, Unavailable otherwise);

/// The topmost control group that we see. Programs for sockets and packets are attached to it.
struct CgroupRoot {
    Fd directory;
    bool sees_all = false; // `directory` is the machine's root: programs attached here run for every socket
};
std::variant<CgroupRoot, Unavailable> open_cgroup_root();

/// Returns why the kernel refused programs for control groups. `what` says which step failed; `error` is the errno.
Unavailable cgroup_refusal(std::string_view what, int error);

struct Variant {
    std::string_view name;
    std::string_view needs; // the part of the kernel that the variant needs
    bool tracepoints;       // false: fexit
};

/// The variants of the programs, in the order in which Tally tries them.
inline constexpr std::array variants{
    Variant{"tracepoints", "tracepoints for socket sends and receives (added in Linux 6.3)", true},
    Variant{"fexit", "socket functions that fexit programs attach to", false},
};

enum class Lockdown : std::uint8_t { none, active };

/// Parses the text of /sys/kernel/security/lockdown, such as "none [integrity] confidentiality".
Lockdown parse_lockdown(std::string_view text);

/// A variant that the kernel rejected.
struct RefusedVariant {
    std::string_view name;
    std::string why;
};

/// Returns why the kernel refused to load or attach the variant. `error` is the errno.
std::string why_refused(const Variant& variant, int error, Lockdown lockdown);

/// Returns a text such as "tracepoints: the kernel has no …; fexit: …".
std::string describe_refusals(std::span<const RefusedVariant> refused);

/// Returns a text such as "uses fexit; tracepoints: the kernel has no …". It also names the variants that were not
/// tried.
std::string describe_choice(std::string_view chosen, std::span<const RefusedVariant> refused);

} // namespace socktally
