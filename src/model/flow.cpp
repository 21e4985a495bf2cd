// SPDX-License-Identifier: MIT
// The names that flows' enums are printed and typed with.
#include "model/flow.hpp"

#include <algorithm>
#include <array>

namespace socktally {

namespace {

constexpr std::array<std::string_view, 9> protocols{"tcp",  "udp",  "udplite", "icmp",  "raw",
                                                    "sctp", "dccp", "mptcp",   "packet"};

} // namespace

std::span<const std::string_view> protocol_names() { return protocols; }

std::string_view to_string(Protocol protocol) { return protocols[static_cast<std::size_t>(protocol)]; }

std::optional<Protocol> parse_protocol(std::string_view text)
{
    const auto found = std::find(protocols.begin(), protocols.end(), text);
    return found == protocols.end() ? std::nullopt : std::optional(static_cast<Protocol>(found - protocols.begin()));
}

std::string_view cause_name(Cause cause)
{
    switch (cause) {
    case Cause::none: return {};
    case Cause::exited: return "[exited]";
    case Cause::kernel: return "[kernel]";
    case Cause::unaccepted: return "[unaccepted]";
    case Cause::time_wait: return "[time-wait]";
    case Cause::other_user: return "[other user]";
    case Cause::other_netns: return "[other netns]";
    case Cause::unknown: break;
    }
    return "[unknown]";
}

std::string_view to_string(Quality quality)
{
    switch (quality) {
    case Quality::exact: return "exact";
    case Quality::owner: return "owner";
    case Quality::shared: return "shared";
    case Quality::inherited: return "inherited";
    case Quality::unknown: break;
    }
    return "unknown";
}

} // namespace socktally
