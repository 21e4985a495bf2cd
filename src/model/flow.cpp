// SPDX-License-Identifier: MIT
// The names that flows' enums are printed and typed with, and sums of packets.
#include "model/flow.hpp"

#include "util/sum.hpp"

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

bool has_ports(Protocol protocol)
{
    return protocol != Protocol::icmp && protocol != Protocol::raw && protocol != Protocol::packet;
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

std::optional<Cause> parse_cause(std::string_view name)
{
    constexpr std::array causes{Cause::exited,     Cause::kernel,      Cause::unaccepted, Cause::time_wait,
                                Cause::other_user, Cause::other_netns, Cause::unknown};
    const auto* found =
        std::find_if(causes.begin(), causes.end(), [name](Cause cause) { return cause_name(cause) == name; });
    return found == causes.end() ? std::nullopt : std::optional(*found);
}

bool hides_process(Cause cause) { return cause != Cause::kernel && cause != Cause::unaccepted; }

std::string_view to_string(Quality quality)
{
    switch (quality) {
    case Quality::exact: return "exact";
    case Quality::owner: return "owner";
    case Quality::shared: return "shared";
    case Quality::inherited: return "inherited";
    case Quality::socket: return "socket";
    case Quality::unknown: break;
    }
    return "unknown";
}

bool is_same_program(const Process& before, const Process& now)
{
    const bool stacks_known = before.stack_start != 0 && now.stack_start != 0;
    return stacks_known ? before.stack_start == now.stack_start : before.name == now.name;
}

/// The stack and the user of an ended process are no longer known.
bool update(Process& process, const Process& now)
{
    const bool is_same = is_same_program(process, now);
    const std::uint64_t stack_start = is_same && now.stack_start == 0 ? process.stack_start : now.stack_start;
    const std::optional<Uid> uid = now.uid ? now.uid : process.uid;
    if (is_same && process.name == now.name && process.uid == uid) {
        process.stack_start = stack_start;
        return false;
    }
    process.name = now.name;
    process.stack_start = stack_start;
    process.uid = uid;
    return true;
}

void add_or_lose(PacketCounts& total, const PacketCounts& part)
{
    add_or_lose(total.rx_packets, part.rx_packets);
    add_or_lose(total.tx_packets, part.tx_packets);
    add_or_lose(total.rx_ip_bytes, part.rx_ip_bytes);
    add_or_lose(total.tx_ip_bytes, part.tx_ip_bytes);
}

} // namespace socktally
