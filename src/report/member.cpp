// SPDX-License-Identifier: MIT
// One line a member, in the order of the enum.
#include "report/member.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <string>

namespace socktally {

namespace {

constexpr std::uint64_t any_number = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t any_pid = std::numeric_limits<std::int32_t>::max();
constexpr std::uint64_t any_uid = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t any_port = std::numeric_limits<std::uint16_t>::max();

/// Where a row sums the rest past --top, the column that rows were told apart by says so.
constexpr std::string_view rest = "other";

/// The word of an enum whose values begin with 0 and have a name each up to `last`.
template <typename Enum, Enum last>
std::optional<std::uint64_t> word_of(std::string_view text)
{
    for (std::uint64_t i = 0; i <= static_cast<std::uint64_t>(last); ++i) {
        if (to_string(static_cast<Enum>(i)) == text) {
            return i;
        }
    }
    return std::nullopt;
}

bool is_address(std::string_view text) { return text == rest || parse_address(text); }
bool is_protocol(std::string_view text) { return text == rest || parse_protocol(text); }

template <auto field>
void put_text(Row& row, Identity& /*identity*/, const Value& value)
{
    row.*field = std::string(value.text);
}

template <auto field>
void put_identity(Row& /*row*/, Identity& identity, const Value& value)
{
    identity.*field = std::string(value.text);
}

template <auto field, typename Number>
void put_number(Row& row, Identity& /*identity*/, const Value& value)
{
    row.*field = static_cast<Number>(value.number);
}

template <auto field, typename Id, typename Number>
void put_id(Row& row, Identity& /*identity*/, const Value& value)
{
    row.*field = Id{static_cast<Number>(value.number)};
}

template <auto field>
void put_address(Row& row, Identity& /*identity*/, const Value& value)
{
    row.*field = parse_address(value.text);
}

template <auto field>
void put_packets(Row& row, Identity& /*identity*/, const Value& value)
{
    row.packets.*field = value.number;
}

void put_parent(Row& /*row*/, Identity& identity, const Value& value)
{
    identity.parent = Pid{static_cast<std::int32_t>(value.number)};
}

void put_protocol(Row& row, Identity& /*identity*/, const Value& value) { row.protocol = parse_protocol(value.text); }

std::optional<std::uint64_t> nanoseconds_of(std::string_view text)
{
    const auto time = parse_timestamp(text);
    return time ? std::optional(static_cast<std::uint64_t>(time->time_since_epoch().count())) : std::nullopt;
}

void put_time(Row& row, Identity& /*identity*/, const Value& value)
{
    row.time = TimePoint(std::chrono::nanoseconds(value.number));
}

constexpr MemberInfo text_member(std::string_view name, decltype(MemberInfo::put) put)
{
    return {name, Merging::common, 0, nullptr, nullptr, put};
}

constexpr MemberInfo number_member(std::string_view name, std::uint64_t limit, decltype(MemberInfo::put) put,
                                   Merging merging = Merging::common)
{
    return {name, merging, limit, nullptr, nullptr, put};
}

constexpr std::array<MemberInfo, member_count> member_table{
    text_member("host", put_text<&Row::host>),
    MemberInfo{"time", Merging::common, 0, nanoseconds_of, nullptr, put_time},
    number_member("pid", any_pid, put_id<&Row::pid, Pid, std::int32_t>),
    text_member("process", put_text<&Row::process>),
    MemberInfo{"kind", Merging::common, 0, word_of<RowKind, RowKind::other>, nullptr, put_number<&Row::kind, RowKind>},
    number_member("start_time", any_number, put_id<&Row::start_time, StartTime, std::uint64_t>),
    text_member("user", put_text<&Row::user>),
    number_member("uid", any_uid, put_id<&Row::uid, Uid, std::uint32_t>),
    number_member("ppid", any_pid, put_parent),
    text_member("exe", put_identity<&Identity::exe>),
    text_member("command", put_identity<&Identity::command>),
    text_member("cgroup", put_identity<&Identity::cgroup>),
    text_member("unit", put_identity<&Identity::unit>),
    text_member("container", put_identity<&Identity::container>),
    text_member("container_id", put_identity<&Identity::container_id>),
    text_member("image", put_identity<&Identity::image>),
    text_member("pod", put_identity<&Identity::pod>),
    text_member("namespace", put_identity<&Identity::pod_namespace>),
    text_member("netns", put_text<&Row::netns_name>),
    MemberInfo{"protocol", Merging::common, 0, nullptr, is_protocol, put_protocol},
    MemberInfo{"local_address", Merging::common, 0, nullptr, is_address, put_address<&Row::local_address>},
    number_member("local_port", any_port, put_number<&Row::local_port, std::uint16_t>),
    MemberInfo{"remote_address", Merging::common, 0, nullptr, is_address, put_address<&Row::remote_address>},
    number_member("remote_port", any_port, put_number<&Row::remote_port, std::uint16_t>),
    number_member("port", any_port, put_number<&Row::port, std::uint16_t>),
    text_member("published", put_text<&Row::published>),
    text_member("interface", put_text<&Row::interface>),
    MemberInfo{"outbound", Merging::common, 0, word_of<Outbound, Outbound::first_up>, nullptr,
               put_number<&Row::outbound, Outbound>},
    number_member("rx_bytes", any_number, put_number<&Row::rx_bytes, std::uint64_t>, Merging::known_sum),
    number_member("tx_bytes", any_number, put_number<&Row::tx_bytes, std::uint64_t>, Merging::known_sum),
    number_member("rx_packets", any_number, put_packets<&PacketCounts::rx_packets>, Merging::certain_sum),
    number_member("tx_packets", any_number, put_packets<&PacketCounts::tx_packets>, Merging::certain_sum),
    number_member("rx_ip_bytes", any_number, put_packets<&PacketCounts::rx_ip_bytes>, Merging::certain_sum),
    number_member("tx_ip_bytes", any_number, put_packets<&PacketCounts::tx_ip_bytes>, Merging::certain_sum),
    number_member("connections", any_number, put_number<&Row::connections, std::uint64_t>, Merging::certain_sum),
    number_member("unknown_connections", any_number, put_number<&Row::unknown_connections, std::uint64_t>,
                  Merging::known_sum),
    MemberInfo{"attribution", Merging::worst, 0, word_of<Quality, Quality::unknown>, nullptr,
               put_number<&Row::attribution, Quality>},
};

} // namespace

const MemberInfo& info(Member member) { return member_table[static_cast<std::size_t>(member)]; }

std::optional<Member> find_member(std::string_view name)
{
    const auto found = std::find_if(member_table.begin(), member_table.end(),
                                    [name](const MemberInfo& each) { return each.name == name; });
    return found == member_table.end() ? std::nullopt
                                       : std::optional(static_cast<Member>(found - member_table.begin()));
}

} // namespace socktally
