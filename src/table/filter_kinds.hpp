// SPDX-License-Identifier: MIT
// The only table of filters. The command line, --exclude, the help text, completions, notes and `report` read it.
#pragma once

#include "model/interfaces.hpp"
#include "table/row.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

/// A filter's answer about a row. The values are ordered: "and" is the minimum of several answers, "or" the maximum.
enum class Judgement : std::uint8_t { out, unknown, in };

/// One value of a filter: the text that was typed, and its meaning.
struct FilterValue {
    struct Numbers {
        std::uint64_t first = 0;
        std::uint64_t last = 0;
        bool contain(std::uint64_t number) const { return number >= first && number <= last; }
        bool operator==(const Numbers&) const = default;
    };

    std::string text;
    /// A range of ports, or the number of a process, protocol, state, user, network namespace or interface. Null if the
    /// filter compares text, or if the number of a name was not looked up. `report` looks up no numbers.
    std::optional<Numbers> numbers = std::nullopt;
    std::vector<Prefix> networks = {}; // networks of an address filter; empty until a host name is looked up
    bool is_elsewhere = false;         // true if the filter matches all addresses that are not in `networks`
    bool is_own = false;               // true if the filter matches the addresses of this machine
    bool is_host = false;              // true if the text is the name of a host

    bool operator==(const FilterValue&) const = default;
};

/// One kind of filter: a row of the table.
struct FilterKind {
    std::string_view names; // names of the option: "--pid", "-4,--ipv4"
    const char* value;      // the value in the help text: "PID,..." for a list; null for a flag
    const char* help;
    std::string_view columns; // columns that this filter needs to judge a saved row
    Requirement requirement;
    /// Parses `text`, the value that the user typed (empty for a flag). resolve_filter() adds facts about this machine
    /// later. Throws std::invalid_argument with a one-line message.
    FilterValue (*parse)(std::string_view text);
    Judgement (*judge)(const Row& row, const FilterValue& value, const Machine& machine);
    enum class Takers : std::uint8_t { all, samples, all_but_run, lookups };
    /// Commands that take this filter. `samples`: sample, ports, run and dns, but not report. `lookups`: only dns.
    Takers takers = Takers::all;
    const char* offers = "";                                // as in Option
    std::span<const std::string_view> (*words)() = nullptr; // as in Option
    std::string_view relation = {}; // RELATION in the note "no visible process RELATION VALUE"; empty: no such note
    std::string_view meant = {};    // the note "no visible process" may suggest a value of this column

    std::string_view name() const { return names.substr(names.find("--") + 2); } // "pid"
};

std::span<const FilterKind> filter_kinds(); // all kinds, in the order of the help text
/// Returns the kind with this name, such as "pid"; null if there is none.
const FilterKind* find_filter_kind(std::string_view name);

/// Splits text at commas, and at newlines, because pgrep(1) prints lines. `\,` is a comma within a part. Throws
/// std::invalid_argument for an empty part, which probably comes from an empty shell variable.
std::vector<std::string> split_values(std::string_view text);

} // namespace socktally
