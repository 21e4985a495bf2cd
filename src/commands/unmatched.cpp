// SPDX-License-Identifier: MIT
#include "commands/unmatched.hpp"

#include "table/flow_rows.hpp"
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

using Text = std::optional<std::string_view>;

Text text_of(const Process& process, std::optional<std::string> Identity::*field)
{
    return process.identity != nullptr ? Text((*process.identity).*field) : std::nullopt;
}

/// One kind of filter.
struct Kind {
    std::string_view relation;            // of a process to the value
    Text (*word)(const Process& process); // what might have been meant; null: nothing
};

Text no_word(const Process&) { return std::nullopt; }

constexpr Kind by_pid{"has the pid", no_word};
constexpr Kind by_name{"is called", [](const Process& process) { return Text(process.name); }};
constexpr Kind by_substring{"has a name that contains", no_word};
constexpr Kind by_unit{"is in the unit", [](const Process& process) {
                           constexpr std::string_view type = ".service"; // rarely typed
                           Text word = text_of(process, &Identity::unit);
                           if (word && word->ends_with(type)) {
                               word->remove_suffix(type.size());
                           }
                           return word;
                       }};
constexpr Kind by_container{"is in the container",
                            [](const Process& process) { return text_of(process, &Identity::container); }};
constexpr Kind by_pod{"is in the pod", [](const Process& process) { return text_of(process, &Identity::pod); }};

/// One value of a filter.
struct WantedValue {
    const Kind* kind;
    std::string value;
    Filter filter; // for this value alone
};

std::string text_of(Pid pid) { return std::to_string(pid.value); }
std::string text_of(const std::string& text) { return text; }

std::vector<WantedValue> wanted_of(const Criteria& criteria)
{
    std::vector<WantedValue> wanted;
    const auto add = [&](const Kind& kind, auto list) {
        for (const auto& value : criteria.*list) {
            Filter filter;
            (filter.*list).push_back(value);
            wanted.push_back({&kind, text_of(value), std::move(filter)});
        }
    };
    add(by_pid, &Criteria::pids);
    add(by_name, &Criteria::names);
    std::erase_if(wanted,
                  [](const WantedValue& each) { return each.value.starts_with('['); }); // of no process: "[exited]"
    add(by_substring, &Criteria::substrings);
    add(by_unit, &Criteria::units);
    add(by_container, &Criteria::containers);
    add(by_pod, &Criteria::pods);
    return wanted;
}

/// The identity of a process of the sample, or of the cgroup of a socket whose process is not known.
void leave_out_matched(std::vector<WantedValue>& wanted, const Sample& sample)
{
    std::vector<Row> rows;
    Flow flow;
    for (const auto& [cgroup_id, identity] : sample.groups) {
        flow.cgroup_id = cgroup_id;
        rows.push_back(row_of(flow, sample));
    }
    for (std::uint32_t i = 0; i < sample.processes.size(); ++i) {
        flow.attribution.process = i;
        rows.push_back(row_of(flow, sample));
    }
    std::erase_if(wanted, [&](const WantedValue& each) {
        return std::any_of(rows.begin(), rows.end(),
                           [&](const Row& row) { return each.filter.judge(row).judgement == Judgement::in; });
    });
}

Note unmatched_note(const Kind& kind, const std::string& value, const std::vector<Process>& processes)
{
    std::set<std::string_view> words;
    for (const Process& process : processes) {
        if (const Text word = kind.word(process)) {
            words.insert(*word);
        }
    }
    const auto meant = nearest(value, std::vector<std::string_view>(words.begin(), words.end()));
    return {NoteCode::filter_unmatched, fmt::format("no visible process {} {}{}", kind.relation, quote(value),
                                                    meant ? fmt::format(": did you mean {}?", quote(*meant)) : "")};
}

} // namespace

void add_unmatched_notes(Sample& sample, const Filter& filter, Identifier& identifier)
{
    std::vector<WantedValue> wanted = wanted_of(filter);
    std::vector<WantedValue> excluded = wanted_of(filter.excluded);
    std::move(excluded.begin(), excluded.end(), std::back_inserter(wanted));
    leave_out_matched(wanted, sample);
    if (wanted.empty()) {
        return;
    }
    Sample running = identifier.running();
    leave_out_matched(wanted, running);
    for (const WantedValue& each : wanted) {
        sample.notes.push_back(unmatched_note(*each.kind, each.value, running.processes));
    }
    const bool has_one = std::any_of(sample.notes.begin(), sample.notes.end(),
                                     [](const Note& note) { return note.code == NoteCode::container_names; });
    if (!wanted.empty() && !has_one) { // why a name may be missing among them
        std::move(running.notes.begin(), running.notes.end(), std::back_inserter(sample.notes));
    }
}

} // namespace socktally
