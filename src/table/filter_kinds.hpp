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

/// The three answers of a filter. They are ordered, so that "and" is the least of several and "or" the greatest.
enum class Judgement : std::uint8_t { out, unknown, in };

/// One value of a filter: as it was typed, and what it means.
struct FilterValue {
    struct Numbers {
        std::uint64_t first = 0;
        std::uint64_t last = 0;
        bool contain(std::uint64_t number) const { return number >= first && number <= last; }
        bool operator==(const Numbers&) const = default;
    };

    std::string text;
    /// Ports, or the number of a process, a protocol, a user, a namespace or an interface. Null for a name whose number
    /// is not known, or does not matter, as in a report.
    std::optional<Numbers> numbers = std::nullopt;
    std::vector<Prefix> networks = {}; // of addresses; of the name of a host empty until it is resolved
    bool is_elsewhere = false;         // all addresses but those in `networks`
    bool is_own = false;               // the addresses of this machine

    bool operator==(const FilterValue&) const = default;
};

/// One kind of filter.
struct FilterKind {
    std::string_view names; // of the option: "--pid", "-4,--ipv4"
    const char* value;      // "PID,..." if it is a list; null: it is a flag
    const char* help;
    std::string_view columns; // by which a saved row is judged
    Requirement requirement;
    /// Reads what was typed; what only the machine knows is filled in later (commands/resolve_filter.hpp). Throws
    /// std::invalid_argument with a one-line message. The value of a flag is empty.
    FilterValue (*parse)(std::string_view text);
    Judgement (*judge)(const Row& row, const FilterValue& value, const Machine& machine);
    enum class Takers : std::uint8_t { all, samples, all_but_run };
    Takers takers = Takers::all;                            // samples: ports and run too; none of these: report
    const char* offers = "";                                // as in Option
    std::span<const std::string_view> (*words)() = nullptr; // as in Option
    std::string_view relation = {}; // of a process to a value, for the note that no process has it; empty: no note
    std::string_view meant = {};    // the column whose values may have been meant then

    std::string_view name() const { return names.substr(names.find("--") + 2); } // "pid"
};

std::span<const FilterKind> filter_kinds(); // in the order of the help text
/// Null if there is no such kind.
const FilterKind* find_filter_kind(std::string_view name);

/// Splits `a,b,c`, or lines as pgrep(1) prints them. `\,` is a comma within a part. Throws std::invalid_argument for an
/// empty part, because it is probably an empty shell variable.
std::vector<std::string> split_values(std::string_view text);

} // namespace socktally
