// SPDX-License-Identifier: MIT
// Combines the answers of all filters into one, and makes the note about rows that filters cannot judge.
#include "table/filter.hpp"

#include "table/columns.hpp"
#include "util/number.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

namespace socktally {

namespace {

std::size_t index_of(const FilterKind& kind) { return static_cast<std::size_t>(&kind - filter_kinds().data()); }

/// Returns the columns that the filter with the index `kind` needs to judge a saved row.
const ColumnSet& columns_of(std::size_t kind)
{
    static const auto sets = [] {
        std::vector<ColumnSet> all;
        for (const FilterKind& each : filter_kinds()) {
            all.push_back(column_set(each.columns));
        }
        return all;
    }();
    return sets[kind];
}

std::size_t place_of(const FilterTerm& term)
{
    return index_of(*term.kind) + (term.is_excluded ? Filter::excluded_shift : 0);
}

/// Returns the option as it was typed.
std::string option_of(const FilterTerm& term)
{
    return term.option.empty() ? fmt::format("{}{}", term.is_excluded ? "--exclude " : "--", term.kind->name())
                               : std::string(term.option);
}

/// Negates a judgement. The opposite of unknown is unknown.
constexpr Judgement opposite(Judgement judgement)
{
    return judgement == Judgement::unknown ? judgement : judgement == Judgement::in ? Judgement::out : Judgement::in;
}

std::string byte_text(const std::optional<std::uint64_t>& rx, const std::optional<std::uint64_t>& tx)
{
    if (!rx && !tx) {
        return "an unknown number of bytes";
    }
    return fmt::format("{} received, {} sent", rx ? plural(*rx, "byte") : "an unknown number of bytes",
                       tx ? std::to_string(*tx) : "an unknown number");
}

} // namespace

void Filter::add(const FilterKind& kind, FilterValue value, bool is_excluded, std::string_view option)
{
    FilterTerm term{&kind, is_excluded, std::move(value), option};
    const auto is_before = [](const FilterTerm& a, const FilterTerm& b) { return place_of(a) < place_of(b); };
    const auto place = std::upper_bound(terms_.begin(), terms_.end(), term, is_before);
    terms_.insert(place, std::move(term));
}

void Filter::remove(std::string_view kind)
{
    std::erase_if(terms_, [&](const FilterTerm& term) { return !term.is_excluded && term.kind->name() == kind; });
}

bool Filter::asks(std::string_view kind) const
{
    return std::any_of(terms_.begin(), terms_.end(), [&](const FilterTerm& term) { return term.kind->name() == kind; });
}

bool Filter::requires_any(Requirement requirement) const
{
    return std::any_of(terms_.begin(), terms_.end(),
                       [&](const FilterTerm& term) { return term.kind->requirement == requirement; });
}

Judged Filter::judge(const Row& row) const
{
    Judged result;
    for (auto term = terms_.begin(); term != terms_.end();) {
        const std::size_t place = place_of(*term);
        const bool is_excluded = term->is_excluded;
        Judgement judgement = Judgement::out;
        for (; term != terms_.end() && place_of(*term) == place; ++term) {
            judgement = std::max(judgement, term->kind->judge(row, term->value, machine));
        }
        judgement = is_excluded ? opposite(judgement) : judgement;
        result.judgement = std::min(result.judgement, judgement);
        result.unsure |= judgement == Judgement::unknown ? std::uint64_t{1} << place : 0;
    }
    result.unsure = result.judgement == Judgement::unknown ? result.unsure : 0;
    return result;
}

void Unjudged::add(const Judged& judged, const Row& row, std::uint64_t count, const ColumnSet& saved)
{
    count_ = sum(count_, count);
    // Rows of `ports` and `dns` have no bytes to report.
    has_bytes_ = has_bytes_ || !(is_listed(row) || row.lookups != nullptr);
    unsure_ |= judged.unsure;
    for (std::size_t kind = 0; kind < filter_kinds().size(); ++kind) {
        if (((judged.unsure | judged.unsure >> Filter::excluded_shift) >> kind & 1U) != 0) {
            lacking_ |= columns_of(kind) & ~saved;
        }
    }
    add_or_lose(sockets_, row.connections);
    rx_.add(row.rx_bytes);
    tx_.add(row.tx_bytes);
}

Note Unjudged::note(std::string_view noun, const Filter& filter) const
{
    std::vector<std::string> options;
    for (const FilterTerm& term : filter.terms()) {
        std::string option = option_of(term);
        const bool is_new = std::find(options.begin(), options.end(), option) == options.end();
        if (is_new && (unsure_ >> place_of(term) & 1U) != 0) {
            options.push_back(std::move(option));
        }
    }
    const std::string filters = fmt::format("{}", fmt::join(options, ", "));
    const bool is_one = count_ == 1;
    Note note(NoteCode::filter_unjudged,
              fmt::format("{} left out because it is not known whether {} {}{}",
                          plural(count_, fmt::format("{} was", noun), fmt::format("{}s were", noun)),
                          is_one ? "it matches" : "they match", filters,
                          has_bytes_ ? fmt::format(": {}", byte_text(rx_.value(), tx_.value())) : ""),
              saving_remedy(lacking_));
    note.missing = Missing{sockets_, rx_.value(), tx_.value()};
    return note;
}

bool Unjudged::is_only_about(std::string_view kind) const
{
    return unsure_ == std::uint64_t{1} << index_of(*find_filter_kind(kind));
}

Note Unjudged::unplaced_note() const
{
    Note note(NoteCode::run_unplaced,
              fmt::format("{} left out because it is not known whether the command's processes used {}: {}",
                          plural(count_, "socket was", "sockets were"), count_ == 1 ? "it" : "them",
                          byte_text(rx_.value(), tx_.value())));
    note.missing = Missing{sockets_, rx_.value(), tx_.value()};
    return note;
}

std::string saving_remedy(const ColumnSet& columns)
{
    if (columns.none()) {
        return "";
    }
    return "record with -o +" + names_of(columns);
}

} // namespace socktally
