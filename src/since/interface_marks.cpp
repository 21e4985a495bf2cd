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

Note reset_note(const std::string& name)
{
    return {
        "counters-reset",
        fmt::format("the counters of interface {} began anew since the run before: what moved until then is missing",
                    quote(name)),
        "", true, Note::About::window};
}

Note away_note(const std::string& name)
{
    return {
        "unseen-before",
        fmt::format("interface {} was not seen by the run before: what it moved since then is unknown", quote(name)),
        "", true, Note::About::window};
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
            sample.notes.push_back(away_note(interface.name));
        } else if (mark != nullptr && counters_fell(*mark, interface)) {
            sample.notes.push_back(reset_note(interface.name));
        }
        return was_away;
    });
    sample.interfaces = interface_deltas(before->counters, std::move(sample.interfaces));
    return next;
}

} // namespace socktally
