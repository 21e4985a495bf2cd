// SPDX-License-Identifier: MIT
// Why the kernel does not take BPF programs, in words; and the variants of the programs that count, which it may take
// instead. No BPF here.
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

/// `error` is the errno of the attempt. Returns `otherwise` if it is nothing that keeps all BPF programs out.
Unavailable bpf_refusal(int error, Unavailable otherwise);

/// The control group that programs for sockets and packets are attached to: the uppermost one in sight.
struct CgroupRoot {
    Fd directory;
    bool sees_all = false; // the root of the machine: programs attached here run for every socket
};
std::variant<CgroupRoot, Unavailable> open_cgroup_root();

/// For programs of control groups. `what` was refused, `error` is the errno.
Unavailable cgroup_refusal(std::string_view what, int error);

struct Variant {
    std::string_view name;
    std::string_view needs; // of the kernel
    bool tracepoints;       // else fexit
};

/// In the order in which they are tried.
inline constexpr std::array variants{
    Variant{"tracepoints", "tracepoints for socket sends and receives (added in Linux 6.3)", true},
    Variant{"fexit", "socket functions that fexit programs attach to", false},
};

enum class Lockdown : std::uint8_t { none, active };

/// Reads what /sys/kernel/security/lockdown says: "none [integrity] confidentiality".
Lockdown parse_lockdown(std::string_view text);

/// A variant that the kernel did not take.
struct RefusedVariant {
    std::string_view name;
    std::string why;
};

/// Why the kernel refused to load or attach the variant, with an errno.
std::string why_refused(const Variant& variant, int error, Lockdown lockdown);

/// "not as tracepoints: the kernel has no …; not as fexit: …"
std::string describe_refusals(std::span<const RefusedVariant> refused);

/// "runs as fexit; not as tracepoints: …", and which variants were not tried.
std::string describe_choice(std::string_view chosen, std::span<const RefusedVariant> refused);

} // namespace socktally
