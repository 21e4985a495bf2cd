// SPDX-License-Identifier: MIT
#include "report/selection.hpp"

#include <algorithm>
#include <initializer_list>

namespace socktally {

namespace {

using Verdict = Selection::Verdict;

template <typename List, typename Test>
bool any(const List& list, const Test& test)
{
    return std::any_of(list.begin(), list.end(), test);
}

/// Whether null says that there is nothing, and not that the row sums up what differs in it.
bool is_definite(Member member, GroupBy by)
{
    if (by == GroupBy::connection || to_string(by) == info(member).name) {
        return true;
    }
    switch (member) {
    case Member::process: return by == GroupBy::process || by == GroupBy::name;
    case Member::pid:
    case Member::user:
    case Member::uid:
    case Member::cgroup:
    case Member::unit:
    case Member::pod:
    case Member::pod_namespace: return by == GroupBy::process;
    case Member::container:
    case Member::container_id: return by == GroupBy::process || by == GroupBy::container;
    case Member::remote_address: return by == GroupBy::remote;
    default: return false; // of single sockets
    }
}

/// One kind of filter on one row.
class Question {
public:
    Question(const Heading& heading, const SavedRow& row) : heading_(heading), row_(row) {}

    /// `test` is asked for each of `list`; without an answer where one of `members`, which it looks at, has none.
    template <typename List, typename Test>
    void ask(const List& list, std::initializer_list<Member> members, const Test& test)
    {
        if (list.empty() || any(list, test)) {
            return;
        }
        const bool is_told = std::all_of(members.begin(), members.end(),
                                         [this](Member member) { return tells(heading_, row_, member); });
        verdict_ = is_told || verdict_ == Verdict::out ? Verdict::out : Verdict::unanswered;
    }
    Verdict verdict() const { return verdict_; }

private:
    const Heading& heading_;
    const SavedRow& row_;
    Verdict verdict_ = Verdict::in;
};

} // namespace

bool tells(const Heading& heading, const SavedRow& row, Member member)
{
    return row.find(member) != nullptr || (!row.is_absent(member) && is_definite(member, heading.by));
}

TimePoint time_of(const Heading& heading, const SavedRow& row)
{
    const auto own = row.number(Member::time);
    return own ? TimePoint(std::chrono::nanoseconds(*own)) : heading.started_at;
}

Selection::Selection(Wanted wanted) : wanted_(std::move(wanted))
{
    const Filter& filter = wanted_.filter;
    takes_every_row_ = filter.pids.empty() && filter.names.empty() && filter.substrings.empty() &&
                       wanted_.users.empty() && filter.ports.empty() && filter.remotes.empty() &&
                       filter.protocols.empty() && filter.units.empty() && filter.containers.empty() &&
                       filter.pods.empty() && wanted_.namespaces.empty();
}

bool Selection::takes_time(TimePoint time) const
{
    return (!wanted_.from || time >= *wanted_.from) && (!wanted_.to || time < *wanted_.to);
}

bool Selection::takes_host(const SavedRow& row) const
{
    const auto host = row.text(Member::host);
    return wanted_.hosts.empty() || any(wanted_.hosts, [&](const std::string& name) { return host == name; });
}

Verdict Selection::judge(const Heading& heading, const SavedRow& row) const
{
    if (takes_every_row_) {
        return Verdict::in;
    }
    const Filter& filter = wanted_.filter;
    Question question(heading, row);
    question.ask(filter.pids, {Member::pid}, [pid = row.number(Member::pid)](Pid wanted) {
        return pid == static_cast<std::uint64_t>(wanted.value);
    });
    const auto name = row.text(Member::process);
    question.ask(filter.names, {Member::process}, [&](const std::string& wanted) { return name == wanted; });
    question.ask(filter.substrings, {Member::process}, [&](const std::string& wanted) {
        return name && !row.is(RowKind::cause) && name->find(wanted) != name->npos;
    });
    const auto user = row.text(Member::user);
    const auto uid = row.number(Member::uid);
    question.ask(wanted_.users, {Member::user},
                 [&](const std::string& wanted) { return user == wanted || (uid && std::to_string(*uid) == wanted); });
    const auto local_port = row.number(Member::local_port);
    const auto remote_port = row.number(Member::remote_port);
    question.ask(filter.ports, {Member::local_port, Member::remote_port},
                 [&](std::uint16_t wanted) { return local_port == wanted || remote_port == wanted; });
    if (!filter.remotes.empty()) {
        const auto address = parse_address(row.text(Member::remote_address).value_or(""));
        question.ask(filter.remotes, {Member::remote_address},
                     [&](const Prefix& wanted) { return address && wanted.contains(*address); });
    }
    question.ask(filter.protocols, {Member::protocol},
                 [protocol = row.text(Member::protocol)](Protocol wanted) { return protocol == to_string(wanted); });
    question.ask(filter.units, {Member::unit},
                 [unit = row.text(Member::unit)](const std::string& wanted) { return is_unit_called(unit, wanted); });
    const auto container = row.text(Member::container);
    const auto container_id = row.text(Member::container_id);
    question.ask(filter.containers, {Member::container},
                 [&](const std::string& wanted) { return is_container_called(container, container_id, wanted); });
    question.ask(filter.pods, {Member::pod},
                 [pod = row.text(Member::pod)](const std::string& wanted) { return pod == wanted; });
    question.ask(wanted_.namespaces, {Member::netns},
                 [netns = row.text(Member::netns)](const std::string& wanted) { return netns == wanted; });
    // What is true of the sum of the rest is not known of its parts.
    return row.is(RowKind::other) && question.verdict() == Verdict::out ? Verdict::unanswered : question.verdict();
}

} // namespace socktally
