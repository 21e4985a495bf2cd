// SPDX-License-Identifier: MIT
// The columns of a saved row that a report can add up: how each is written, and what becomes of it where rows are
// added up. The printed columns are in table/columns.cpp.
#pragma once

#include "model/identity.hpp"
#include "table/row.hpp"
#include "util/timestamp.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace socktally {

enum class Member : std::uint8_t {
    host, // of the snapshot, and in a report of the row
    time, // nanoseconds since 1970; of the rows of a report that was cut into pieces
    pid,
    process,
    kind,
    start_time,
    user,
    uid,
    ppid,
    exe,
    command,
    cgroup,
    unit,
    container,
    container_id,
    image,
    pod,
    pod_namespace,
    netns,
    protocol,
    local_address,
    local_port,
    remote_address,
    remote_port,
    port,
    published,
    interface,
    outbound,
    rx_bytes,
    tx_bytes,
    rx_packets,
    tx_packets,
    rx_ip_bytes,
    tx_ip_bytes,
    connections,
    unknown_connections,
    attribution,
};
inline constexpr std::size_t member_count = static_cast<std::size_t>(Member::attribution) + 1;

/// A number or a text; of a member that takes one of a few words, the number of the word.
struct Value {
    std::uint64_t number = 0;
    std::string_view text;
    auto operator<=>(const Value&) const = default;
};

/// What becomes of the values of rows that are added up.
enum class Merging : std::uint8_t {
    common,      // the value that all have, else null
    known_sum,   // of those that are not null
    certain_sum, // null as soon as one is
    worst,       // the greatest
};

struct MemberInfo {
    std::string_view name;
    Merging merging = Merging::common;
    std::uint64_t limit = 0; // of a number; 0: it is a text
    /// The number of a word; null: it takes any text.
    std::optional<std::uint64_t> (*word)(std::string_view text) = nullptr;
    /// Whether a text that is no word may be this.
    bool (*is_valid)(std::string_view text) = nullptr;
    /// Puts a value that is not null into a row.
    void (*put)(Row& row, Identity& identity, const Value& value) = nullptr;
};

const MemberInfo& info(Member member);
std::optional<Member> find_member(std::string_view name);

/// A saved row. A column that was not saved is `absent`, which a filter cannot judge; null is a value like any other.
class SavedRow {
public:
    bool is_absent(Member member) const { return (saved_ & bit(member)) == 0; }
    /// Null also where it is absent.
    const Value* find(Member member) const { return (known_ & bit(member)) != 0 ? &values_[index(member)] : nullptr; }
    std::optional<std::uint64_t> number(Member member) const
    {
        const Value* value = find(member);
        return value != nullptr ? std::optional(value->number) : std::nullopt;
    }
    std::optional<std::string_view> text(Member member) const
    {
        const Value* value = find(member);
        return value != nullptr ? std::optional(value->text) : std::nullopt;
    }
    bool is(RowKind kind) const { return number(Member::kind) == static_cast<std::uint64_t>(kind); }

    void clear() { saved_ = known_ = 0; }
    void set_null(Member member) { saved_ |= bit(member); }
    void set(Member member, const Value& value)
    {
        saved_ |= bit(member);
        known_ |= bit(member);
        values_[index(member)] = value;
    }

private:
    static_assert(member_count <= 64);
    static constexpr std::size_t index(Member member) { return static_cast<std::size_t>(member); }
    static constexpr std::uint64_t bit(Member member) { return std::uint64_t{1} << index(member); }

    std::uint64_t saved_ = 0;
    std::uint64_t known_ = 0;
    std::array<Value, member_count> values_{};
};

} // namespace socktally
