// SPDX-License-Identifier: MIT
// Selects rows, of a sample whose owners are identified, or saved ones. Pure. A row that a filter cannot judge passes
// neither the filter nor its opposite.
#pragma once

#include "table/filter_kinds.hpp"
#include "util/sum.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace socktally {

struct Judged {
    Judgement judgement = Judgement::in;
    // One bit for each kind of filter that could not judge, shifted by Filter::excluded_shift for --exclude; 0 if all
    // could.
    std::uint64_t unsure = 0;
};

/// One value of a filter or of --exclude.
struct FilterTerm {
    const FilterKind* kind;
    bool is_excluded;
    FilterValue value;
    std::string_view option = {}; // the option that stands for it: "--external"; empty: its own
};

/// A row passes if it matches a value of each kind of filter that is given, and no excluded value.
class Filter {
public:
    static constexpr unsigned excluded_shift = 32;

    void add(const FilterKind& kind, FilterValue value, bool is_excluded = false, std::string_view option = {});
    /// Removes all values of a kind.
    void remove(std::string_view kind);

    /// Returns the values; those of one kind follow each other.
    const std::vector<FilterTerm>& terms() const { return terms_; }
    std::vector<FilterTerm>& terms() { return terms_; }
    bool is_empty() const { return terms_.empty(); }
    bool asks(std::string_view kind) const;
    /// Returns whether a kind of filter that is given has this requirement.
    bool requires_any(Requirement requirement) const;
    Judged judge(const Row& row) const;

    Machine machine; // for --no-loopback and --interface

private:
    std::vector<FilterTerm> terms_;
};

/// Counts the rows that filters could not judge, for the note about them.
class Unjudged {
public:
    /// `saved` are the columns that the row has: all columns if it is of a flow.
    void add(const Judged& judged, const Row& row, std::uint64_t count, const ColumnSet& saved);
    bool empty() const { return count_ == 0; }
    /// `noun` is the thing that is counted: "socket" or "row". The remedy is to save the missing columns.
    Note note(std::string_view noun, const Filter& filter) const;
    /// Returns whether no filter but this kind left a row unjudged.
    bool is_only_about(std::string_view kind) const;
    /// Returns the note of run about sockets that may be those of its command.
    Note unplaced_note() const;

private:
    std::uint64_t count_ = 0;
    bool has_bytes_ = false;
    std::uint64_t unsure_ = 0;
    ColumnSet lacking_;
    std::optional<std::uint64_t> sockets_ = 0;
    KnownSum rx_;
    KnownSum tx_;
};

/// Returns the remedy if these columns must be saved; empty if there are none.
std::string saving_remedy(const ColumnSet& columns);

} // namespace socktally
