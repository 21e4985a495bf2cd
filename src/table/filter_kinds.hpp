// SPDX-License-Identifier: MIT
// The one table of filters. The command line, --exclude, the help text, completions, notes and `report` read it.
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

/// The answer of a filter. The values are ordered, so that "and" is the minimum of several and "or" the maximum.
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
    /// Ports, or the number of a process, protocol, user, namespace or interface. Null for a name whose number is not
    /// known, or not needed, as in a report.
    std::optional<Numbers> numbers = std::nullopt;
    std::vector<Prefix> networks = {}; // of an address; empty for a host name until it is resolved
    bool is_elsewhere = false;         // matches all addresses except those in `networks`
    bool is_own = false;               // matches the addresses of this machine

    bool operator==(const FilterValue&) const = default;
};

/// One kind of filter.
struct FilterKind {
    std::string_view names; // of the option: "--pid", "-4,--ipv4"
    const char* value;      // "PID,..." if it takes a list; null if it is a flag
    const char* help;
    std::string_view columns; // the columns by which a saved row is judged
    Requirement requirement;
    /// Parses the typed value, which is empty for a flag. Facts that only the machine knows are filled in later
    /// (commands/resolve_filter.hpp). Throws std::invalid_argument with a one-line message.
    FilterValue (*parse)(std::string_view text);
    Judgement (*judge)(const Row& row, const FilterValue& value, const Machine& machine);
    enum class Takers : std::uint8_t { all, samples, all_but_run };
    Takers takers = Takers::all;                            // samples: also ports and run; but no report
    const char* offers = "";                                // as in Option
    std::span<const std::string_view> (*words)() = nullptr; // as in Option
    std::string_view relation = {}; // of a process to the value, for the note that no process matches; empty: no note
    std::string_view meant = {};    // the column to suggest in that note

    std::string_view name() const { return names.substr(names.find("--") + 2); } // "pid"
};

std::span<const FilterKind> filter_kinds(); // in the order of the help text
/// Returns null if there is no such kind.
const FilterKind* find_filter_kind(std::string_view name);

/// Splits `a,b,c`, or lines as pgrep(1) prints them. `\,` is a comma within a part. Throws std::invalid_argument for an
/// empty part, which probably comes from an empty shell variable.
std::vector<std::string> split_values(std::string_view text);

} // namespace socktally
