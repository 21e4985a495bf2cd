// SPDX-License-Identifier: MIT
#include "since/advance.hpp"

#include "since/interface_marks.hpp"
#include "traffic/namespaces.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace socktally {

namespace {

/// A list of sockets may miss one that is there (inet_diag, while others come and go). One that is not shown is kept
/// for so many runs: it would count as new, and from 0, if it were forgotten.
constexpr std::uint32_t most_absent = 2;

/// The figures of a socket may be 1 byte off in each direction, so a step back of up to 2 is no reset.
bool went_back(std::uint64_t before, std::uint64_t now) { return now + 2 < before; }

std::string count_of(std::size_t connections)
{
    return fmt::format("{} connection{}", connections, connections == 1 ? "" : "s");
}

class Advance {
public:
    Advance(const Baseline& before, const Moment& now, Baseline& next);

    void add(Flow& flow);
    void keep_absent();
    void count_missed();
    void keep_left_out();
    void add_notes(std::vector<Note>& notes) const;

private:
    void count(Flow& flow, Mark& mark, const Mark& before);
    void begin(Flow& flow);
    bool is_replaced(Inode netns) const;
    bool was_left_out(Inode netns) const;
    bool concerns(Inode netns) const { return is_wanted(netns, now_.wanted); }

    const Baseline& before_;
    const Moment& now_;
    Baseline& next_;
    std::set<Inode> left_out_;
    std::map<Inode, std::uint64_t> shown_; // connections that are new, by namespace
    std::size_t closed_ = 0;
    std::size_t resets_ = 0;
    std::size_t unknown_ = 0;
    std::size_t late_ = 0;
    std::size_t nameless_ = 0;
    std::uint64_t missed_ = 0;
};

Advance::Advance(const Baseline& before, const Moment& now, Baseline& next)
    : before_(before), now_(now), next_(next), left_out_(now.listed.left_out.begin(), now.listed.left_out.end())
{
    for (const auto& [netns, counters] : now.listed.counters) {
        next.opens[netns] = {counters.tcp_opens, counters.tcp_failures};
    }
}

Mark mark_of(const Flow& flow)
{
    return {flow.tuple.remote, *flow.rx_bytes, *flow.tx_bytes, flow.state == SocketState::orphaned, 0};
}

bool has_counters(const Flow& flow) { return flow.rx_bytes && flow.tx_bytes; }

/// The number of a namespace is given again when it is gone, and the counters of the new one begin at 0.
bool Advance::is_replaced(Inode netns) const
{
    const auto then = before_.opens.find(netns);
    const auto now = next_.opens.find(netns);
    return then != before_.opens.end() && now != next_.opens.end() && now->second.opened < then->second.opened;
}

/// Of the run before.
bool Advance::was_left_out(Inode netns) const
{
    const auto then = before_.opens.find(netns);
    return then == before_.opens.end() ? !before_.saw_all : then->second.is_old;
}

void Advance::add(Flow& flow)
{
    if (!has_counters(flow)) {
        return;
    }
    if (flow.cookie == Cookie{}) { // the next run could not tell which it was
        flow.rx_bytes.reset();
        flow.tx_bytes.reset();
        nameless_ += concerns(flow.netns) ? 1 : 0;
        return;
    }
    const SocketKey key{flow.netns, flow.cookie};
    const auto [place, is_new] = next_.sockets.emplace(key, mark_of(flow));
    if (!is_new) { // shown twice
        flow.rx_bytes = 0;
        flow.tx_bytes = 0;
        return;
    }
    const auto then = before_.sockets.find(key);
    if (then == before_.sockets.end() || is_replaced(flow.netns)) {
        begin(flow);
    } else {
        count(flow, place->second, then->second);
    }
}

/// A socket that no run has shown was opened since its namespace was last listed, if it ever was.
void Advance::begin(Flow& flow)
{
    if (!before_.saw_all && !before_.opens.contains(flow.netns)) {
        flow.rx_bytes.reset();
        flow.tx_bytes.reset();
        unknown_ += concerns(flow.netns) ? 1 : 0;
        return;
    }
    ++shown_[flow.netns];
}

void Advance::count(Flow& flow, Mark& mark, const Mark& before)
{
    if (mark.remote != before.remote || went_back(before.rx_bytes, mark.rx_bytes) ||
        went_back(before.tx_bytes, mark.tx_bytes)) {
        resets_ += concerns(flow.netns) ? 1 : 0; // all that the counters have is of a connection that is new
        ++shown_[flow.netns];
        return;
    }
    late_ += (before.absent > 0 || was_left_out(flow.netns)) && concerns(flow.netns) ? 1 : 0;
    mark.rx_bytes = std::max(mark.rx_bytes, before.rx_bytes);
    mark.tx_bytes = std::max(mark.tx_bytes, before.tx_bytes);
    flow.rx_bytes = mark.rx_bytes - before.rx_bytes;
    flow.tx_bytes = mark.tx_bytes - before.tx_bytes;
}

void Advance::keep_absent()
{
    for (const auto& [key, mark] : before_.sockets) {
        if (next_.sockets.contains(key) || is_replaced(key.netns)) {
            continue;
        }
        if (left_out_.contains(key.netns)) {
            next_.sockets.emplace(key, mark);
            continue;
        }
        closed_ += mark.absent == 0 && !mark.is_orphan && concerns(key.netns) ? 1 : 0;
        if (mark.absent < most_absent) {
            Mark kept = mark;
            ++kept.absent;
            next_.sockets.emplace(key, kept);
        }
    }
}

void Advance::count_missed()
{
    for (auto& [netns, now] : next_.opens) {
        const auto found = before_.opens.find(netns);
        const bool is_new = found == before_.opens.end();
        if (is_new && !before_.saw_all) {
            continue;
        }
        const Opens then = is_new || is_replaced(netns) ? Opens{} : found->second;
        const std::uint64_t failed = now.failed > then.failed ? now.failed - then.failed : 0;
        const std::uint64_t opened = now.opened - then.opened;
        const std::uint64_t accounted = then.ahead + shown_[netns] + failed;
        missed_ += opened > accounted && concerns(netns) ? opened - accounted : 0;
        now.ahead = std::min(accounted > opened ? accounted - opened : 0, shown_[netns]);
    }
}

/// Whose sockets would else be new the next time, and count from 0.
void Advance::keep_left_out()
{
    for (const Inode netns : left_out_) {
        if (const auto then = before_.opens.find(netns); then != before_.opens.end()) {
            next_.opens[netns] = then->second;
            next_.opens[netns].is_old = true;
        }
    }
}

void Advance::add_notes(std::vector<Note>& notes) const
{
    if (closed_ > 0) {
        notes.push_back(
            {NoteCode::closed_since, fmt::format("{} ended since the run before: the last bytes of {} are unknown",
                                                 count_of(closed_), closed_ == 1 ? "it" : "these")});
    }
    if (missed_ > 0) {
        notes.push_back(
            {NoteCode::connections_missed,
             fmt::format("{} began and ended between the runs: what moved there is unknown", count_of(missed_)),
             "run it more often, or take windows"});
    }
    if (resets_ > 0) {
        notes.push_back({NoteCode::counters_reset,
                         fmt::format("the counters of {} began anew since the run before: what moved until then is "
                                     "missing",
                                     count_of(resets_))});
    }
    if (unknown_ > 0) {
        notes.push_back({NoteCode::unseen_before,
                         fmt::format("{} in network namespaces that the run before could not enter: what moved since "
                                     "then is unknown",
                                     count_of(unknown_))});
    }
    if (late_ > 0) {
        notes
            .emplace_back(NoteCode::unseen_before,
                          fmt::format("{} that the run before did not see, but an earlier one: what moved since that "
                                      "one is counted now",
                                      count_of(late_)))
            .incomplete = false;
    }
    if (nameless_ > 0) {
        notes.push_back({NoteCode::no_counters,
                         fmt::format("the kernel gives {} no cookie to know it again by: what moved there is unknown",
                                     count_of(nameless_))});
    }
}

} // namespace

std::string why_unfit(const Baseline& before, const Moment& now)
{
    if (before.boot_id != now.boot_id) {
        return "the machine was started anew since the run before";
    }
    if (before.netns != now.netns) {
        return "the run before was in another network namespace";
    }
    if (before.uptime >= now.uptime) {
        return "the run before is later than now";
    }
    return "";
}

Baseline advance(const std::optional<Baseline>& before, const Moment& now, Sample& sample)
{
    Baseline next;
    next.boot_id = now.boot_id;
    next.netns = now.netns;
    next.taken_at = std::chrono::floor<std::chrono::microseconds>(sample.started_at);
    next.uptime = now.uptime;
    next.saw_all = now.listed.all;
    next.sockets.reserve(sample.flows.size());

    const Baseline nothing;
    Advance step(before ? *before : nothing, now, next);
    for (Flow& flow : sample.flows) {
        step.add(flow);
    }
    next.interfaces = advance_interfaces(before ? &before->interfaces : nullptr, sample);
    if (before) {
        step.keep_absent();
        step.count_missed();
        step.keep_left_out();
        sample.started_at = before->taken_at;
        sample.duration = now.uptime - before->uptime;
    }
    step.add_notes(sample.notes);
    return next;
}

} // namespace socktally
