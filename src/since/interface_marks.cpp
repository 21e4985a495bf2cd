// SPDX-License-Identifier: MIT
#include "since/interface_marks.hpp"

#include "traffic/interfaces.hpp"
#include "util/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace socktally {

namespace {

const InterfaceTraffic* find(const InterfaceMarks& marks, const InterfaceTraffic& interface)
{
    const auto found = std::find_if(marks.counters.begin(), marks.counters.end(),
                                    [&](const InterfaceTraffic& mark) { return is_same(mark, interface); });
    return found == marks.counters.end() ? nullptr : &*found;
}

/// It concerns what is printed by interface too.
void add_note(Sample& sample, NoteCode code, std::string message)
{
    sample.notes.emplace_back(code, std::move(message)).about = Note::About::window;
}

} // namespace

InterfaceMarks advance_interfaces(const InterfaceMarks* before, Sample& sample)
{
    InterfaceMarks next;
    next.counters = sample.interfaces;
    next.latest = before != nullptr ? before->latest : 0;
    for (const InterfaceTraffic& interface : sample.interfaces) {
        next.latest = std::max(next.latest, interface.index);
    }
    if (before == nullptr) {
        return next;
    }
    std::erase_if(sample.interfaces, [&](const InterfaceTraffic& interface) {
        const InterfaceTraffic* mark = find(*before, interface);
        const bool was_away = mark == nullptr && interface.index <= before->latest;
        if (was_away) {
            add_note(sample, NoteCode::unseen_before,
                     fmt::format("interface {} was not seen by the run before: what it moved since then is unknown",
                                 quote(interface.name)));
        } else if (mark != nullptr && counters_fell(*mark, interface)) {
            add_note(sample, NoteCode::counters_reset,
                     fmt::format("the counters of interface {} began anew since the run before: what moved until then "
                                 "is missing",
                                 quote(interface.name)));
        }
        return was_away;
    });
    sample.interfaces = interface_deltas(before->counters, std::move(sample.interfaces));
    return next;
}

} // namespace socktally
