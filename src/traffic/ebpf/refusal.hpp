// SPDX-License-Identifier: MIT
// Explains why the kernel rejects BPF programs, and lists the variants of the counting programs in the order in
// which they are tried. This file does not use BPF itself.
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

/// Returns the refusal for `error`, the errno of the attempt; `otherwise` if the errno does not mean that all BPF
/// programs are kept out.
Unavailable bpf_refusal(int error, Unavailable otherwise);

/// The control group that programs for sockets and packets are attached to: the topmost one that we see.
struct CgroupRoot {
    Fd directory;
    bool sees_all = false; // it is the machine's root, so programs attached here run for every socket
};
std::variant<CgroupRoot, Unavailable> open_cgroup_root();

/// Returns the refusal for programs of control groups. `what` was refused, with the errno `error`.
Unavailable cgroup_refusal(std::string_view what, int error);

struct Variant {
    std::string_view name;
    std::string_view needs; // what the kernel must have
    bool tracepoints;       // false: fexit
};

/// The variants, in the order in which they are tried.
inline constexpr std::array variants{
    Variant{"tracepoints", "tracepoints for socket sends and receives (added in Linux 6.3)", true},
    Variant{"fexit", "socket functions that fexit programs attach to", false},
};

enum class Lockdown : std::uint8_t { none, active };

/// Parses /sys/kernel/security/lockdown: "none [integrity] confidentiality".
Lockdown parse_lockdown(std::string_view text);

/// A variant that the kernel rejected.
struct RefusedVariant {
    std::string_view name;
    std::string why;
};

/// Returns why the kernel refused to load or attach the variant. `error` is the errno.
std::string why_refused(const Variant& variant, int error, Lockdown lockdown);

/// Returns "not as tracepoints: the kernel has no …; not as fexit: …".
std::string describe_refusals(std::span<const RefusedVariant> refused);

/// Returns "runs as fexit; not as tracepoints: …", with the variants that were not tried.
std::string describe_choice(std::string_view chosen, std::span<const RefusedVariant> refused);

} // namespace socktally
