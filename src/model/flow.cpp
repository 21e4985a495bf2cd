// SPDX-License-Identifier: MIT
// The names of the enums of flow.hpp, and the update of a process that is seen again.
#include "model/flow.hpp"

#include "util/sum.hpp"

#include <algorithm>
#include <array>

namespace socktally {

namespace {

constexpr std::array<std::string_view, 9> protocols{"tcp",  "udp",  "udplite", "icmp",  "raw",
                                                    "sctp", "dccp", "mptcp",   "packet"};
constexpr std::array<std::string_view, 8> causes{
    "", "[exited]", "[kernel]", "[unaccepted]", "[time-wait]", "[other user]", "[other netns]", "[unknown]"};
constexpr std::array<std::string_view, 6> qualities{"exact", "owner", "shared", "inherited", "socket", "unknown"};

template <typename Enum, std::size_t count>
std::optional<Enum> parse(std::string_view name, const std::array<std::string_view, count>& names)
{
    const auto found = std::find(names.begin(), names.end(), name);
    return found == names.end() || name.empty() ? std::nullopt
                                                : std::optional(static_cast<Enum>(found - names.begin()));
}

} // namespace

std::span<const std::string_view> protocol_names() { return protocols; }

std::string_view to_string(Protocol protocol) { return protocols[static_cast<std::size_t>(protocol)]; }

std::optional<Protocol> parse_protocol(std::string_view text) { return parse<Protocol>(text, protocols); }

bool has_ports(Protocol protocol)
{
    return protocol != Protocol::icmp && protocol != Protocol::raw && protocol != Protocol::packet;
}

std::string_view cause_name(Cause cause) { return causes.at(static_cast<std::size_t>(cause)); }

std::optional<Cause> parse_cause(std::string_view name) { return parse<Cause>(name, causes); }

bool hides_process(Cause cause) { return cause != Cause::kernel && cause != Cause::unaccepted; }

std::string_view to_string(Quality quality) { return qualities.at(static_cast<std::size_t>(quality)); }

bool is_same_program(const Process& before, const Process& now)
{
    const bool stacks_known = before.stack_start != 0 && now.stack_start != 0;
    return stacks_known ? before.stack_start == now.stack_start : before.name == now.name;
}

/// Keeps the earlier `uid`, and the earlier `stack_start` of the same program, if `now` lacks them. /proc does not show
/// them for a process that has ended.
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
