// SPDX-License-Identifier: MIT
#include "table/filter.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace socktally {

namespace {

constexpr std::array<std::string_view, 13> kind_names{"pid",    "name",      "filter",     "user", "port",
                                                      "remote", "protocol",  "container",  "pod",  "unit",
                                                      "netns",  "interface", "no-loopback"};

Judgement judge_name(const Subject& subject, std::string_view name)
{
    const Judgement shown = subject.shown_name().is(name);
    return parse_cause(name) ? shown : std::max(shown, subject.process_name().is(name));
}

Judgement judge_user(const Subject& subject, const Named<Uid>& user)
{
    if (user.id) {
        return subject.uid().is(*user.id);
    }
    const auto is_its_number = [&](Uid uid) { return std::to_string(uid.value) == user.name; };
    const bool is_number = user.name.find_first_not_of("0123456789") == std::string::npos;
    return std::max(subject.user().is(user.name), is_number ? subject.uid().judge(is_its_number) : Judgement::out);
}

Judgement judge_container(const Subject& subject, std::string_view name)
{
    return std::max(subject.container().is(name),
                    subject.container_id().judge([name](std::string_view id) { return begins_id(id, name); }));
}

/// Calls `use` with each kind that has values, and with what it says of the subject.
template <typename Use>
void judge_each(const Criteria& criteria, const Subject& subject, const Use& use)
{
    const auto ask = [&use](FilterKind kind, const auto& list, const auto& test) {
        if (!list.empty()) {
            use(kind, judge_any(list, test));
        }
    };
    ask(FilterKind::pid, criteria.pids, [&](Pid pid) { return subject.pid().is(pid); });
    ask(FilterKind::name, criteria.names, [&](const std::string& name) { return judge_name(subject, name); });
    ask(FilterKind::filter, criteria.substrings, [&](const std::string& part) {
        return subject.process_name().judge([&](std::string_view name) { return name.find(part) != name.npos; });
    });
    ask(FilterKind::user, criteria.users, [&](const Named<Uid>& user) { return judge_user(subject, user); });
    ask(FilterKind::port, criteria.ports,
        [&](std::uint16_t port) { return std::max(subject.local_port().is(port), subject.remote_port().is(port)); });
    ask(FilterKind::remote, criteria.remotes, [&](const Prefix& prefix) {
        return subject.remote().judge([&](const Address& address) { return prefix.contains(address); });
    });
    ask(FilterKind::protocol, criteria.protocols, [&](Protocol protocol) { return subject.protocol().is(protocol); });
    ask(FilterKind::container, criteria.containers,
        [&](const std::string& name) { return judge_container(subject, name); });
    ask(FilterKind::pod, criteria.pods,
        [&](const std::string& name) { return std::max(subject.pod().is(name), subject.pod_uid().is(name)); });
    ask(FilterKind::unit, criteria.units, [&](const std::string& name) {
        return subject.unit().judge([&](std::string_view unit) { return is_unit_called(unit, name); });
    });
    ask(FilterKind::netns, criteria.namespaces, [&](const Named<Inode>& netns) {
        return netns.id ? subject.netns().is(*netns.id) : subject.netns_name().is(netns.name);
    });
    ask(FilterKind::interface, criteria.interfaces,
        [&](const Named<std::uint32_t>& interface) { return subject.interface().is(interface.id); });
}

std::string byte_text(const std::optional<std::uint64_t>& rx, const std::optional<std::uint64_t>& tx)
{
    const auto number = [](const std::optional<std::uint64_t>& bytes) {
        return bytes ? std::to_string(*bytes) : "an unknown number of";
    };
    return rx || tx ? number(rx) + " bytes received, " + number(tx) + " sent" : "an unknown number of bytes";
}

} // namespace

std::string_view to_string(FilterKind kind) { return kind_names.at(static_cast<std::size_t>(kind)); }

bool is_unit_called(std::string_view unit, std::string_view name)
{
    constexpr std::string_view type = ".service";
    return unit.starts_with(name) && (unit.size() == name.size() || unit.substr(name.size()) == type);
}

bool begins_id(std::string_view id, std::string_view name)
{
    constexpr std::size_t shortest = 12; // what engines print; less might be a name
    return name.size() >= shortest && id.starts_with(name);
}

bool Filter::is_empty() const
{
    static const Criteria none; // made once: this is asked for each flow
    return loopback && static_cast<const Criteria&>(*this) == none && excluded == none;
}

Judged Filter::judge(const Subject& subject) const
{
    Judged result;
    const auto require = [&result](std::uint32_t option, Judgement judgement) {
        result.judgement = std::min(result.judgement, judgement);
        result.unsure |= judgement == Judgement::unknown ? option : 0U;
    };
    judge_each(*this, subject,
               [&](FilterKind kind, Judgement judgement) { require(option_bit(kind, false), judgement); });
    judge_each(excluded, subject,
               [&](FilterKind kind, Judgement judgement) { require(option_bit(kind, true), opposite(judgement)); });
    if (!loopback) {
        require(option_bit(FilterKind::no_loopback, false), opposite(subject.stays_on_this_machine().is(true)));
    }
    result.unsure = result.judgement == Judgement::unknown ? result.unsure : 0;
    return result;
}

Judged Filter::judge(const Flow& flow, const Sample& sample) const
{
    return is_empty() ? Judged{} : judge(FlowSubject(flow, sample, machine));
}

void Unjudged::add(const Judged& judged, std::uint64_t count, std::optional<std::uint64_t> sockets,
                   const std::optional<std::uint64_t>& rx_bytes, const std::optional<std::uint64_t>& tx_bytes)
{
    count_ = sum(count_, count);
    unsure_ |= judged.unsure;
    add_or_lose(sockets_, sockets);
    rx_.add(rx_bytes);
    tx_.add(tx_bytes);
}

Note Unjudged::note(std::string_view remedy) const
{
    std::string filters;
    for (const bool excluded : {false, true}) {
        for (std::size_t kind = 0; kind < kind_names.size(); ++kind) {
            if ((unsure_ & option_bit(static_cast<FilterKind>(kind), excluded)) != 0) {
                filters.append(filters.empty() ? "" : ", ").append(excluded ? "--exclude " : "--");
                filters.append(kind_names[kind]);
            }
        }
    }
    const bool is_one = count_ == 1;
    std::string message = std::to_string(count_) + ' ';
    message.append(noun_).append(is_one ? " was" : "s were").append(" left out because ").append(filters);
    message.append(" cannot judge ").append(is_one ? "it" : "them");
    message += ": " + byte_text(rx_.value(), tx_.value());
    Note note(NoteCode::filter_unjudged, std::move(message), remedy);
    note.missing = Missing{sockets_, rx_.value(), tx_.value()};
    return note;
}

} // namespace socktally
