// SPDX-License-Identifier: MIT
// Selects rows: those of flows of a sample, whose owners are identified, or saved ones. Pure. A row that a filter
// cannot judge passes neither the filter nor its opposite.
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
    // A bit for each kind that could not judge, Filter::excluded_shift higher for --exclude; 0 if the row is judged.
    std::uint64_t unsure = 0;
};

/// One value that was given, to a filter or to --exclude.
struct FilterTerm {
    const FilterKind* kind;
    bool is_excluded;
    FilterValue value;
};

/// Values of one kind are alternatives (any matches). All kinds that are asked for must match, and no excluded value
/// may match.
class Filter {
public:
    static constexpr unsigned excluded_shift = 32;

    void add(const FilterKind& kind, FilterValue value, bool is_excluded = false);
    /// Takes back all that was given of a kind.
    void remove(std::string_view kind);

    /// The values of one kind are neighbours.
    const std::vector<FilterTerm>& terms() const { return terms_; }
    std::vector<FilterTerm>& terms() { return terms_; }
    bool is_empty() const { return terms_.empty(); }
    bool asks(std::string_view kind) const;
    /// Returns whether a kind that is asked for has this requirement.
    bool requires_any(Requirement requirement) const;
    Judged judge(const Row& row) const;

    Machine machine; // for --no-loopback and --interface

private:
    std::vector<FilterTerm> terms_;
};

/// Sums up what filters could not judge, for the note about it.
class Unjudged {
public:
    /// `saved` are the columns that the row has; of a flow all.
    void add(const Judged& judged, const Row& row, std::uint64_t count, const ColumnSet& saved);
    bool empty() const { return count_ == 0; }
    /// `noun` is what is counted: "socket" or "row". The remedy is to save the columns that were not.
    Note note(std::string_view noun) const;
    /// The note for run: who used a socket decides.
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

/// The remedy if these columns would have to be saved; empty if there are none.
std::string saving_remedy(const ColumnSet& columns);

} // namespace socktally
