// SPDX-License-Identifier: MIT
// The names that flows' enums are printed and typed with.
#include "model/flow.hpp"

namespace socktally {

std::string_view to_string(Protocol protocol) { return protocol == Protocol::tcp ? "tcp" : "udp"; }

std::optional<Protocol> parse_protocol(std::string_view text)
{
    for (const auto protocol : {Protocol::tcp, Protocol::udp})
        if (text == to_string(protocol))
            return protocol;
    return std::nullopt;
}

std::string_view cause_name(Cause cause)
{
    switch (cause) {
    case Cause::none:
        return {};
    case Cause::exited:
        return "[exited]";
    case Cause::kernel:
        return "[kernel]";
    case Cause::unaccepted:
        return "[unaccepted]";
    case Cause::time_wait:
        return "[time-wait]";
    case Cause::other_user:
        return "[other user]";
    case Cause::other_netns:
        return "[other netns]";
    case Cause::unknown:
        break;
    }
    return "[unknown]";
}

std::string_view to_string(Quality quality)
{
    switch (quality) {
    case Quality::exact:
        return "exact";
    case Quality::owner:
        return "owner";
    case Quality::shared:
        return "shared";
    case Quality::inherited:
        return "inherited";
    case Quality::unknown:
        break;
    }
    return "unknown";
}

} // namespace socktally
