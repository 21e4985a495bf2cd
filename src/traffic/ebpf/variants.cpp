// SPDX-License-Identifier: MIT
#include "traffic/ebpf/variants.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace socktally {

namespace {

constexpr int kernel_enotsupp = 524; // ENOTSUPP, which has no name outside of the kernel

std::string message_of(int error)
{
    return std::generic_category().message(error == kernel_enotsupp ? EOPNOTSUPP : error);
}

} // namespace

Lockdown parse_lockdown(std::string_view text)
{
    return text.find('[') == text.npos || text.find("[none]") != text.npos ? Lockdown::none : Lockdown::active;
}

std::string why_refused(const Variant& variant, int error, Lockdown lockdown)
{
    switch (error) {
    case ESRCH: // libbpf looks each of them up in the kernel's type information
        return fmt::format("the kernel has no {}", variant.needs);
    case EPERM:
        return lockdown == Lockdown::active ? "the kernel is locked down and forbids them"
                                            : "the kernel forbids them: " + message_of(error);
    default: return "the kernel refuses the programs: " + message_of(error);
    }
}

std::string describe_refusals(std::span<const RefusedVariant> refused)
{
    std::string text;
    for (const RefusedVariant& one : refused) {
        text += fmt::format("{}not as {}: {}", text.empty() ? "" : "; ", one.name, one.why);
    }
    return text;
}

std::string describe_choice(std::string_view chosen, std::span<const RefusedVariant> refused)
{
    std::string text = fmt::format("runs as {}", chosen);
    if (!refused.empty()) {
        text += "; " + describe_refusals(refused);
    }
    const auto at =
        std::find_if(variants.begin(), variants.end(), [&](const Variant& one) { return one.name == chosen; });
    for (auto rest = at == variants.end() ? at : at + 1; rest != variants.end(); ++rest) {
        text += fmt::format("; {} was not tried, for it is not needed", rest->name);
    }
    return text;
}

} // namespace socktally
