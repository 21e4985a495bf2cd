// SPDX-License-Identifier: MIT
#include "commands/make_report.hpp"

#include "commands/describe.hpp"
#include "formats/series.hpp"
#include "table/flow_rows.hpp"
#include "table/merge.hpp"
#include "traffic/attribution.hpp"
#include "util/number.hpp"
#include "util/sum.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace socktally {

namespace {

/// Leaves out the loopback device. No traffic leaves the machine by it, and it counts each byte twice, as sent and as
/// received. Keeps it if rows are by interface and a filter names it. Returns whether it was left out and moved bytes.
bool leave_out_loopback(std::vector<InterfaceTraffic>& interfaces, const Options& options)
{
    constexpr std::string_view loopback = "lo";
    const auto& terms = options.filter.terms();
    const bool is_asked = std::any_of(terms.begin(), terms.end(), [&](const FilterTerm& term) {
        return term.kind->name() == "interface" && !term.is_excluded && term.value.text == loopback;
    });
    bool is_busy = false;
    if (!options.by.is_by_interface() || !is_asked) {
        std::erase_if(interfaces, [&](const InterfaceTraffic& each) {
            is_busy = is_busy || (each.name == loopback && each.rx_bytes != 0);
            return each.name == loopback;
        });
    }
    return is_busy;
}

/// Returns the notes that concern interfaces. Most do not, because drivers count traffic whether or not its socket is
/// seen.
std::vector<Note> notes_about_interfaces(const Sample& sample)
{
    std::vector<Note> notes;
    std::copy_if(sample.notes.begin(), sample.notes.end(), std::back_inserter(notes),
                 [](const Note& note) { return note.about == Note::About::window; });
    return notes;
}

bool passes(const Flow& flow, const Sample& sample, const Filter& filter)
{
    return filter.judge(row_of(flow, sample)).judgement != Judgement::out;
}

/// Returns whether several processes own the flow's socket, and the filter may match one of them. The bytes may then be
/// in the row of another owner.
bool may_be_shared(const Flow& flow, const Sample& sample, const Filter& filter)
{
    if (flow.attribution.quality != Quality::shared || !flow.may_have_traffic()) {
        return false;
    }
    const auto holders = movers_of(flow.inode, sample.holders);
    return std::any_of(holders.begin(), holders.end(), [&](const Holder& holder) {
        Flow held = flow;
        held.attribution.process = holder.process;
        return passes(held, sample, filter);
    });
}

/// Returns whether a socket of this protocol with unknown bytes may pass the filter.
bool may_pass_unknown(Protocol protocol, const Sample& sample, const Filter& filter)
{
    return std::any_of(sample.flows.begin(), sample.flows.end(), [&](const Flow& flow) {
        const bool is_udp_too = protocol == Protocol::udp && flow.tuple.protocol == Protocol::udplite;
        return (flow.tuple.protocol == protocol || is_udp_too) && !(flow.rx_bytes && flow.tx_bytes) &&
               (passes(flow, sample, filter) || may_be_shared(flow, sample, filter));
    });
}

/// Returns whether a socket without an owner may pass the filter.
bool may_pass_unowned(const Sample& sample, const Filter& filter)
{
    return std::any_of(sample.flows.begin(), sample.flows.end(), [&](const Flow& flow) {
        return !flow.attribution.process && flow.may_have_traffic() && passes(flow, sample, filter);
    });
}

/// Returns the notes about the whole sample, and those about sockets that may pass the filter. `is_of_open` is false
/// with --since, where the figures also cover sockets that closed before the sample.
std::vector<Note> notes_about(const Sample& sample, const Filter& filter, bool is_of_open)
{
    const auto is_wanted = [&](Protocol protocol) {
        Row row;
        row.protocol = protocol;
        return filter.judge(row).judgement != Judgement::out;
    };
    const auto is_shared = [&](const Flow& flow) { return may_be_shared(flow, sample, filter); };
    std::vector<Note> notes;
    std::copy_if(sample.notes.begin(), sample.notes.end(), std::back_inserter(notes), [&](const Note& note) {
        switch (note.about) {
        case Note::About::open_sockets:
            return is_of_open ? may_pass_unknown(note.protocol, sample, filter) : is_wanted(note.protocol);
        case Note::About::protocol: return is_wanted(note.protocol);
        case Note::About::shared_sockets: return std::any_of(sample.flows.begin(), sample.flows.end(), is_shared);
        case Note::About::other_namespaces: return !filter.asks("tree") || sample.tree.leaves_netns;
        case Note::About::unowned_sockets: return !filter.asks("tree") || may_pass_unowned(sample, filter);
        case Note::About::window:
        case Note::About::everything: break;
        }
        return true;
    });
    return notes;
}

Note unnamed_note(std::size_t users)
{
    return {NoteCode::user_names,
            fmt::format("the user database did not answer: {} shown by number", plural(users, "user is", "users are"))};
}

/// Looks up the names of the users and namespaces of rows.
class Names {
public:
    Names(bool is_list, const OutputPlan& plan)
        : has_users_(shows(plan, "user")),
          has_namespaces_(shows(plan, "netns") || (is_list && plan.format->is_for_people))
    {
    }
    void look_up(const Row& row, Identifier& identifier)
    {
        if (has_users_ && row.uid && !users_.contains(*row.uid)) {
            users_.emplace(*row.uid, identifier.users().name(*row.uid));
        }
        if (has_namespaces_ && row.netns && !namespaces_.contains(*row.netns)) {
            namespaces_.emplace(*row.netns, identifier.netns_name(*row.netns));
        }
    }
    /// Names the numbers of a row that look_up() had before.
    void add_to(Row& row) const
    {
        if (has_users_ && row.uid) {
            row.user = users_.at(*row.uid);
        }
        if (has_namespaces_ && row.netns) {
            row.netns_name = namespaces_.at(*row.netns);
        }
    }

private:
    bool has_users_;
    bool has_namespaces_;
    std::map<Uid, std::string> users_;
    std::map<Inode, std::string> namespaces_;
};

/// Returns whether rows may be made when they are printed: the list has its usual order, and all of its sockets are
/// printed, each once.
bool may_make_rows(const Options& options, const OutputPlan& plan)
{
    return options.by.is_by_socket() && options.sort.empty() && !options.top && plan.alerts.empty() &&
           plan.format->takes_made_rows && !asks(plan, Requirement::reports);
}

/// Counts the sockets that pass the filter, looks up their names, and returns their rows in order.
MadeRows list_rows(const std::shared_ptr<const Sample>& sample, Grouping& grouping, Names names, Identifier& identifier)
{
    std::vector<std::uint32_t> flows;
    flows.reserve(sample->flows.size());
    for (std::uint32_t i = 0; i < sample->flows.size(); ++i) {
        const Row row = row_of(std::size_t{i}, *sample);
        if (grouping.count(row)) {
            names.look_up(row, identifier);
            flows.push_back(i);
        }
    }
    sort_flows(flows, *sample);
    const std::size_t count = flows.size();
    return {count, [sample, flows = std::move(flows), names = std::move(names)](std::size_t i) {
                Row row = row_of(std::size_t{flows[i]}, *sample);
                names.add_to(row);
                return row;
            }};
}

/// Removes notes about facts that are read only for the extra columns (Style::has_extras).
void leave_out_extra_notes(std::vector<Note>& notes, const Options& options, OutputPlan plan)
{
    if (!plan.style.has_extras) {
        return;
    }
    plan.style.has_extras = false;
    const bool asks_identity = identity_needs_of(options, plan).any();
    const bool asks_peers = needs_of(options, plan).peers;
    std::erase_if(notes, [=](const Note& note) {
        const bool is_on_identity = note.code == NoteCode::identity_unread || note.code == NoteCode::container_names;
        return (is_on_identity && !asks_identity) || (note.code == NoteCode::no_peers && !asks_peers);
    });
}

/// Keeps the rows that match one of the alerts, or all rows if there are no alerts.
void keep_alerting(std::vector<Row>& rows, const std::vector<Alert>& alerts)
{
    if (!alerts.empty()) {
        std::erase_if(rows, [&](const Row& row) {
            return std::none_of(alerts.begin(), alerts.end(), [&](const Alert& alert) { return matches(alert, row); });
        });
    }
}

} // namespace

Note unmeasured_note() { return Note(NoteCode::alert_unanswered); }

void find_owners(Sample& sample, const Viewer& viewer, const Options& options, const OutputPlan& plan,
                 const Filter& filter, Identifier& identifier, Pid helper)
{
    attribute(sample, viewer);
    std::erase_if(sample.flows, [&](const Flow& flow) {
        const auto process = flow.attribution.process;
        return helper != Pid{} && process && sample.processes[*process].pid == helper;
    });
    // In `ports`, filters such as --pid and --name match the other owners of a socket, too.
    if (asks(plan, Requirement::sharers) || options.command == Command::ports) {
        find_sharers(sample);
    }
    identifier.identify(sample, options.all, [&](const Flow& flow) {
        return filter.judge(row_of(flow, sample)).judgement != Judgement::out;
    });
}

void name_services(Report& report, const Options& options, const OutputPlan& plan)
{
    if (!options.service_names || !plan.format->is_for_people) {
        return;
    }
    std::set<Service> services;
    for (const Row& row : report.rows) {
        for (const auto& port : {row.local_port, row.remote_port, row.port}) {
            if (port) {
                services.emplace(*port, row.protocol);
            }
        }
    }
    report.services = service_names(services);
}

std::vector<Address> remotes_of(const Sample& sample, const Options& options, Filter filter)
{
    const auto& terms = filter.terms();
    if (std::any_of(terms.begin(), terms.end(), [](const FilterTerm& term) { return term.value.is_host; })) {
        filter.remove("remote"); // any address may turn out to have the name that the filter asks for
    }
    std::map<Address, std::uint64_t> bytes;
    for (const Flow& flow : sample.flows) {
        const Address& remote = flow.tuple.remote.address;
        if (!remote.is_unspecified() && !remote.goes_to_many() && (options.all || flow.may_have_traffic()) &&
            filter.judge(row_of(flow, sample)).judgement != Judgement::out) {
            bytes[remote] += sum_known(flow.rx_bytes, flow.tx_bytes).value_or(0);
        }
    }
    std::vector<Address> remotes;
    std::transform(bytes.begin(), bytes.end(), std::back_inserter(remotes),
                   [](const auto& entry) { return entry.first; });
    std::stable_sort(remotes.begin(), remotes.end(),
                     [&](const Address& a, const Address& b) { return bytes.at(a) > bytes.at(b); });
    return remotes;
}

void finish_rows(std::vector<Row>& rows, const Report& whole, const Options& options, const OutputPlan& plan)
{
    if (plan.format->is_series) { // must precede --top, which might keep only some rows of a series
        merge_series(rows, plan.columns, options.by);
    }
    if (!whole.is_list && !whole.by.counts_lookups()) { // rows of `ports` and `dns` have no bytes
        add_rates(rows, whole.duration, whole.totals);
    }
    keep_alerting(rows, plan.alerts); // must precede --top: its last row sums up only rows that raise an alert
    sort_rows(rows, options.sort);
    keep_top(rows, is_cumulative(options, plan) ? rows.size() : options.top.value_or(rows.size()));
    if (!rows.empty() && rows.back().is_other()) {
        add_rates(rows, whole.duration, whole.totals); // for the last row: a sum of rounded rates would be wrong
    }
}

Report make_report(Sample whole, const Options& options, const OutputPlan& plan, const Filter& filter,
                   Identifier& identifier)
{
    const auto shared = std::make_shared<Sample>(std::move(whole));
    Sample& sample = *shared;
    const bool is_lo_busy = leave_out_loopback(sample.interfaces, options);
    Report report;
    report.started_at = sample.started_at;
    report.duration = sample.duration;
    report.backend = sample.backend;
    report.by = options.by;
    report.is_list = options.command == Command::ports;
    report.is_of_command = options.command == Command::run;
    report.notes = options.by.is_by_interface() ? notes_about_interfaces(sample)
                                                : notes_about(sample, filter, options.since.empty());
    Grouping grouping(options.by, filter, options.all);
    Names names(report.is_list, plan);
    if (options.by.is_by_interface()) {
        add_interfaces(grouping, sample.interfaces);
    } else if (options.by.is_by_socket()) {
        report.made = list_rows(shared, grouping, names, identifier);
    } else if (options.by.counts_lookups()) {
        join_truncated(sample);
        add_lookups(grouping, sample);
    } else {
        add_flows(grouping, sample);
    }
    report.totals = grouping.totals();
    report.rows = grouping.take_rows();
    if (!may_make_rows(options, plan)) {
        for (std::size_t i = 0; i < report.made.count; ++i) {
            report.rows.push_back(report.made.make(i));
        }
        report.made = {};
    }
    if (!grouping.unjudged().empty()) {
        const Unjudged& unjudged = grouping.unjudged();
        report.notes.push_back(options.command == Command::run && unjudged.is_only_about("tree")
                                   ? unjudged.unplaced_note()
                                   : unjudged.note(options.by.counts_lookups() ? "look-up" : "socket", filter));
    }
    // `ports` has no window, and --since has none without an earlier run. With -d 0, make_output_plan() has refused the
    // alert already.
    if (report.duration.count() == 0 && has_rate_alert(plan)) {
        report.notes.push_back(unmeasured_note());
    }
    report.complete = is_complete(report.notes);
    report.interfaces = std::move(sample.interfaces);
    leave_out_extra_notes(report.notes, options, plan);
    describe(report, options, grouping.counts().passed, is_lo_busy);
    if (describes_flows(options, plan)) {
        describe_flows(report, sample, filter, plan.style.has_extras);
    }
    for (Row& row : report.rows) {
        names.look_up(row, identifier);
        names.add_to(row);
    }
    if (const std::size_t users = identifier.users().unanswered(); users > 0) {
        report.notes.push_back(unnamed_note(users));
    }
    finish_rows(report.rows, report, options, plan);
    name_services(report, options, plan);
    return report;
}

std::string render(const Report& report, const OutputPlan& plan)
{
    std::string out;
    plan.format->render(out, report, plan.columns, plan.style);
    return out;
}

} // namespace socktally
