// SPDX-License-Identifier: MIT
// Selects saved rows, or rows of a sample whose owners are identified. No I/O. If a filter cannot judge a row, the row
// passes neither the filter nor the same filter under --exclude.
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
    // The filters that could not judge the row: one bit for each kind. Bits of --exclude are shifted left by
    // Filter::excluded_shift. 0 unless `judgement` is unknown.
    std::uint64_t unsure = 0;
};

/// One value of a filter, given directly or under --exclude.
struct FilterTerm {
    const FilterKind* kind;
    bool is_excluded;
    FilterValue value;
    std::string_view option = {}; // option that set it, such as "--external"; empty: the option of `kind`
};

/// A row passes if it matches at least one value of each given kind of filter, and no value under --exclude.
class Filter {
public:
    static constexpr unsigned excluded_shift = 32;

    void add(const FilterKind& kind, FilterValue value, bool is_excluded = false, std::string_view option = {});
    /// Removes all values of a kind.
    void remove(std::string_view kind);

    /// Returns all values, sorted by kind. Values under --exclude come last.
    const std::vector<FilterTerm>& terms() const { return terms_; }
    std::vector<FilterTerm>& terms() { return terms_; }
    bool is_empty() const { return terms_.empty(); }
    bool asks(std::string_view kind) const;
    /// Returns whether any of the given filters has this requirement.
    bool requires_any(Requirement requirement) const;
    Judged judge(const Row& row) const;

    Machine machine; // this machine's interfaces and addresses, for --no-loopback, --interface and the address `own`

private:
    std::vector<FilterTerm> terms_;
};

/// Counts what filters could not judge, for a note: sockets of a sample, or saved rows.
class Unjudged {
public:
    /// Counts a row. `count` is 1 for a saved row, and the number of sockets for a row of a sample. `saved` has the
    /// columns of a saved row, and all columns for a row of a sample.
    void add(const Judged& judged, const Row& row, std::uint64_t count, const ColumnSet& saved);
    bool empty() const { return count_ == 0; }
    /// `noun` is the thing that is counted: "socket" or "row". The remedy is to save the missing columns.
    Note note(std::string_view noun, const Filter& filter) const;
    /// Returns whether filters of this kind, and of no other, could not judge the rows.
    bool is_only_about(std::string_view kind) const;
    /// Returns the note of `run` that sockets were left out, because it is not known whether the command used them.
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

/// Returns the remedy "record with -o +COLUMNS" for columns that `report` needs and saved rows lack; empty if there are
/// none.
std::string saving_remedy(const ColumnSet& columns);

} // namespace socktally
