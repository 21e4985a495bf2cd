// SPDX-License-Identifier: MIT
// The grouping keys, the kinds of rows, and their names.
#include "table/row.hpp"

#include <array>

namespace socktally {

namespace {

struct KeyNames {
    std::string_view singular;
    std::string_view plural;
};

// In the order of GroupBy.
constexpr std::array key_names = {KeyNames{"process", "processes"},
                                  KeyNames{"connection", "connections"},
                                  KeyNames{"name", "names"},
                                  KeyNames{"user", "users"},
                                  KeyNames{"remote", "remotes"},
                                  KeyNames{"port", "ports"},
                                  KeyNames{"protocol", "protocols"},
                                  KeyNames{"cgroup", "cgroups"},
                                  KeyNames{"unit", "units"},
                                  KeyNames{"container", "containers"},
                                  KeyNames{"pod", "pods"},
                                  KeyNames{"netns", "netns"},
                                  KeyNames{"interface", "interfaces"}};

constexpr std::array keys = {GroupBy::process,  GroupBy::connection, GroupBy::name,     GroupBy::user,
                             GroupBy::remote,   GroupBy::port,       GroupBy::protocol, GroupBy::cgroup,
                             GroupBy::unit,     GroupBy::container,  GroupBy::pod,      GroupBy::netns,
                             GroupBy::interface};

static_assert(key_names.size() == keys.size() && keys.back() == GroupBy{keys.size() - 1});

// In the order of RowKind.
constexpr std::array<std::string_view, 3> row_kind_names = {"process", "cause", "other"};

} // namespace

std::string_view to_string(RowKind kind) { return row_kind_names.at(static_cast<std::size_t>(kind)); }

std::span<const GroupBy> group_keys() { return keys; }

std::string_view to_string(GroupBy by) { return key_names.at(static_cast<std::size_t>(by)).singular; }

bool is_by_owner(GroupBy by)
{
    switch (by) {
    case GroupBy::connection:
    case GroupBy::remote:
    case GroupBy::port:
    case GroupBy::protocol:
    case GroupBy::netns:
    case GroupBy::interface: return false;
    case GroupBy::process:
    case GroupBy::name:
    case GroupBy::user:
    case GroupBy::cgroup:
    case GroupBy::unit:
    case GroupBy::container:
    case GroupBy::pod: break;
    }
    return true;
}

bool is_by_host(GroupBy by)
{
    return by == GroupBy::process || by == GroupBy::connection || by == GroupBy::netns || by == GroupBy::interface;
}

std::string_view plural(GroupBy by) { return key_names.at(static_cast<std::size_t>(by)).plural; }

} // namespace socktally
