// SPDX-License-Identifier: MIT
#include "commands/unmatched.hpp"

#include "table/columns.hpp"
#include "table/flow_rows.hpp"
#include "traffic/attribution.hpp"
#include "util/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace socktally {

namespace {

/// Returns the filter values that choose processes, without causes such as "[exited]", which match no process.
std::vector<FilterTerm> wanted_of(const Filter& filter)
{
    std::vector<FilterTerm> wanted;
    std::copy_if(filter.terms().begin(), filter.terms().end(), std::back_inserter(wanted),
                 [](const FilterTerm& term) { return !term.kind->relation.empty() && !parse_cause(term.value.text); });
    return wanted;
}

enum class Of : std::uint8_t { all, movers };

/// Returns a row for each process of the sample, and for each cgroup of a socket whose process is not known. With
/// Of::movers, leaves out those that have certainly moved no bytes.
std::vector<Row> rows_of(const Sample& sample, Of which)
{
    std::set<std::uint32_t> processes;
    std::set<std::uint64_t> groups;
    for (const Flow& each : sample.flows) {
        if (each.may_have_traffic() && each.attribution.process) {
            processes.insert(*each.attribution.process);
            for (const Holder& holder : movers_of(each.inode, sample.holders)) {
                processes.insert(holder.process);
            }
        } else if (each.may_have_traffic()) {
            groups.insert(each.cgroup_id);
        }
    }
    std::vector<Row> rows;
    Flow flow;
    flow.has_tuple = false;
    for (const auto& [cgroup_id, identity] : sample.groups) {
        flow.cgroup_id = cgroup_id;
        if (which == Of::all || groups.contains(cgroup_id)) {
            rows.push_back(row_of(flow, sample));
        }
    }
    for (std::uint32_t i = 0; i < sample.processes.size(); ++i) {
        flow.attribution.process = i;
        if (which == Of::all || processes.contains(i)) {
            rows.push_back(row_of(flow, sample));
        }
    }
    return rows;
}

bool matches_any(const FilterTerm& wanted, const std::vector<Row>& rows)
{
    return std::any_of(rows.begin(), rows.end(), [&](const Row& row) {
        return wanted.kind->judge(row, wanted.value, Machine{}) == Judgement::in;
    });
}

void leave_out_matched(std::vector<FilterTerm>& wanted, const std::vector<Row>& rows)
{
    std::erase_if(wanted, [&](const FilterTerm& each) { return matches_any(each, rows); });
}

/// Returns whether one of the processes that filters ask for may have moved bytes.
bool has_mover(const std::vector<FilterTerm>& wanted, const std::vector<Row>& movers)
{
    return std::any_of(wanted.begin(), wanted.end(),
                       [&](const FilterTerm& each) { return !each.is_excluded && matches_any(each, movers); });
}

Note idle_note(const FilterTerm& wanted, bool is_list)
{
    return {NoteCode::filter_idle,
            fmt::format("a process {} {}, but {}", wanted.kind->relation, quote(wanted.value.text),
                        is_list ? "none of its sockets is listed" : "no traffic of it was seen")};
}

/// Returns the text that a user would type for a value: the name of a unit without ".service", or the file name of a
/// path. If the user typed a slash, returns the whole path.
std::string_view word_for(std::string_view value, const FilterTerm& wanted)
{
    constexpr std::string_view type = ".service";
    if (wanted.kind->meant == "unit" && value.ends_with(type)) {
        value.remove_suffix(type.size());
    } else if (wanted.kind->meant == "exe" && wanted.value.text.find('/') == std::string::npos) {
        value.remove_prefix(value.rfind('/') + 1); // npos + 1 is 0
    }
    return value;
}

Note unmatched_note(const FilterTerm& wanted, const std::vector<Row>& rows)
{
    std::set<std::string> words;
    const Column* const column = find_column(wanted.kind->meant);
    for (const Row& row : rows) {
        const Cell cell = column != nullptr && row.kind == RowKind::process ? column->value(row) : Cell();
        if (const auto* text = std::get_if<std::string>(&cell)) {
            words.emplace(word_for(*text, wanted));
        }
    }
    const auto meant = nearest(wanted.value.text, std::vector<std::string_view>(words.begin(), words.end()));
    return {NoteCode::filter_unmatched,
            fmt::format("no visible process {} {}{}", wanted.kind->relation, quote(wanted.value.text),
                        meant ? fmt::format(": did you mean {}?", quote(*meant)) : "")};
}

} // namespace

void add_unmatched_notes(Sample& sample, const Filter& filter, Identifier& identifier, bool is_list)
{
    const std::vector<FilterTerm> all = wanted_of(filter);
    if (all.empty()) {
        return;
    }
    std::vector<FilterTerm> wanted = all;
    leave_out_matched(wanted, rows_of(sample, Of::all));
    Sample running;
    std::vector<Row> rows;
    if (!wanted.empty()) {
        running = identifier.running();
        rows = rows_of(running, Of::all);
        leave_out_matched(wanted, rows);
    }
    for (const FilterTerm& each : wanted) {
        sample.notes.push_back(unmatched_note(each, rows));
    }
    if (wanted.empty() && !has_mover(all, rows_of(sample, Of::movers))) {
        for (const FilterTerm& each : all) {
            if (!each.is_excluded) {
                sample.notes.push_back(idle_note(each, is_list));
            }
        }
    }
    const bool has_one = std::any_of(sample.notes.begin(), sample.notes.end(),
                                     [](const Note& note) { return note.code == NoteCode::container_names; });
    // The names of containers may be unknown. A note about this may explain why a value matches no process.
    if (!wanted.empty() && !has_one) {
        std::move(running.notes.begin(), running.notes.end(), std::back_inserter(sample.notes));
    }
}

} // namespace socktally
