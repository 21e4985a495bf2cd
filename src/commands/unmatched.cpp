// SPDX-License-Identifier: MIT
#include "commands/unmatched.hpp"

#include "model/flow_owner.hpp"
#include "model/nearest.hpp"
#include "model/quote.hpp"

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

/// One kind of filter.
struct Kind {
    std::string_view relation; // of a process to the value
    bool (*has)(const Process& process, const std::string& value);
    Text (*word)(const Process& process); // what might have been meant; null: nothing
};

Text no_word(const Process&) { return std::nullopt; }

constexpr Kind by_pid{
    "has the pid",
    [](const Process& process, const std::string& value) { return std::to_string(process.pid.value) == value; },
    no_word};
constexpr Kind by_name{"is called",
                       [](const Process& process, const std::string& value) { return process.name == value; },
                       [](const Process& process) { return Text(process.name); }};
constexpr Kind by_substring{
    "has a name that contains",
    [](const Process& process, const std::string& value) { return process.name.find(value) != std::string::npos; },
    no_word};
constexpr Kind by_unit{"is in the unit",
                       [](const Process& process, const std::string& value) {
                           return is_unit_called(known(process.identity.get(), &Identity::unit), value);
                       },
                       [](const Process& process) {
                           constexpr std::string_view type = ".service"; // which nobody types
                           Text word = known(process.identity.get(), &Identity::unit);
                           if (word && word->ends_with(type)) {
                               word->remove_suffix(type.size());
                           }
                           return word;
                       }};
constexpr Kind by_container{"is in the container",
                            [](const Process& process, const std::string& value) {
                                return is_container_called(known(process.identity.get(), &Identity::container),
                                                           known(process.identity.get(), &Identity::container_id),
                                                           value);
                            },
                            [](const Process& process) { return known(process.identity.get(), &Identity::container); }};
constexpr Kind by_pod{"is in the pod",
                      [](const Process& process, const std::string& value) {
                          return is_pod_called(known(process.identity.get(), &Identity::pod),
                                               known(process.identity.get(), &Identity::pod_uid), value);
                      },
                      [](const Process& process) { return known(process.identity.get(), &Identity::pod); }};

using WantedValues = std::vector<std::pair<const Kind*, std::string>>;

WantedValues wanted_of(const Filter& filter)
{
    WantedValues wanted;
    const auto add = [&](const Kind& kind, const std::vector<std::string>& values) {
        for (const std::string& value : values) {
            wanted.emplace_back(&kind, value);
        }
    };
    for (const Pid each : filter.pids) {
        wanted.emplace_back(&by_pid, std::to_string(each.value));
    }
    add(by_name, filter.names);
    std::erase_if(wanted, [](const auto& each) { return each.second.starts_with('['); }); // of no process: "[exited]"
    add(by_substring, filter.substrings);
    add(by_unit, filter.units);
    add(by_container, filter.containers);
    add(by_pod, filter.pods);
    return wanted;
}

void leave_out_matched(WantedValues& wanted, const std::vector<Process>& processes)
{
    std::erase_if(wanted, [&](const auto& each) {
        return std::any_of(processes.begin(), processes.end(),
                           [&](const Process& process) { return each.first->has(process, each.second); });
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
    return {"filter-unmatched",
            fmt::format("no process seen here {} {}{}", kind.relation, quote(value),
                        meant ? fmt::format(": did you mean {}?", quote(*meant)) : ""),
            "", false};
}

/// For each cgroup of a socket without a process, a process of which nothing else is known.
std::vector<Process> unknown_processes(const Sample& sample)
{
    std::vector<Process> processes;
    for (const auto& [id, identity] : sample.groups) {
        processes.emplace_back().identity = identity;
    }
    return processes;
}

} // namespace

void add_unmatched_notes(Sample& sample, const Filter& filter, Identifier& identifier)
{
    WantedValues wanted = wanted_of(filter);
    leave_out_matched(wanted, sample.processes);
    leave_out_matched(wanted, unknown_processes(sample));
    if (wanted.empty()) {
        return;
    }
    Sample running = identifier.running();
    leave_out_matched(wanted, running.processes);
    for (const auto& [kind, value] : wanted) {
        sample.notes.push_back(unmatched_note(*kind, value, running.processes));
    }
    const bool has_one = std::any_of(sample.notes.begin(), sample.notes.end(),
                                     [](const Note& note) { return note.code == "container-names"; });
    if (!wanted.empty() && !has_one) { // why a name may be missing among them
        std::move(running.notes.begin(), running.notes.end(), std::back_inserter(sample.notes));
    }
}

} // namespace socktally
