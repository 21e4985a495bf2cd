// SPDX-License-Identifier: MIT
#include "traffic/snapshot.hpp"

#include "util/sum.hpp"
#include "util/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace socktally {

namespace {

/// Returns whether a counter was reset. A reset shows as a fall by more than 2. A smaller fall is no reset, because
/// some counters include a FIN and others do not.
bool went_back(std::uint64_t before, std::uint64_t after) { return after + 2 < before; }

/// Returns whether a segment counter was reset. The counter has 32 bits, so it also falls when it wraps. It has wrapped
/// if `after` is less than 2^31 ahead of `before`, modulo 2^32. It may have wrapped if at least 2^31 bytes moved, so
/// such a fall does not count as a reset either.
bool segments_went_back(std::uint32_t before, std::uint32_t after, std::uint64_t moved)
{
    constexpr std::uint64_t a_lot = std::uint64_t{1} << 31;
    const bool is_ahead = static_cast<std::int32_t>(after - before) >= 0;
    return !is_ahead && after < before && moved < a_lot;
}

std::uint64_t size_of(const TcpPayload& payload) { return sum(payload.rx_bytes, payload.tx_bytes); }

void set_bytes(Flow& flow, const std::optional<TcpPayload>& moved)
{
    flow.rx_bytes = moved ? std::optional(moved->rx_bytes) : std::nullopt;
    flow.tx_bytes = moved ? std::optional(moved->tx_bytes) : std::nullopt;
    if (!moved) {
        set_retransmitted(flow, std::nullopt);
    }
}

} // namespace

SocketCounters counters_of(const Socket& socket, const TcpHints& hints)
{
    const TcpCounters& raw = *socket.tcp;
    return {tcp_payload(socket, hints),
            raw.bytes_received,
            raw.bytes_acked,
            raw.segs_in,
            raw.segs_out,
            raw.sent ? raw.sent->bytes_retrans : 0};
}

bool have_restarted(const SocketCounters& before, const SocketCounters& after)
{
    const std::uint64_t moved = minus(size_of(after.payload), size_of(before.payload));
    return went_back(before.bytes_received, after.bytes_received) || went_back(before.bytes_acked, after.bytes_acked) ||
           segments_went_back(before.segs_in, after.segs_in, moved) ||
           segments_went_back(before.segs_out, after.segs_out, moved);
}

TcpPayload subtract(const SocketCounters& before, SocketCounters& after)
{
    after.payload.rx_bytes = std::max(after.payload.rx_bytes, before.payload.rx_bytes);
    after.payload.tx_bytes = std::max(after.payload.tx_bytes, before.payload.tx_bytes);
    return {after.payload.rx_bytes - before.payload.rx_bytes, after.payload.tx_bytes - before.payload.tx_bytes};
}

void set_retransmitted(Flow& flow, std::optional<std::uint64_t> bytes)
{
    if (flow.facts != nullptr && flow.facts->retransmitted_bytes) {
        SocketFacts facts = *flow.facts;
        facts.retransmitted_bytes = bytes;
        flow.facts = std::make_shared<const SocketFacts>(std::move(facts));
    }
}

std::uint64_t missed_connections(const OpenCounts& before, OpenCounts& after, std::uint64_t shown)
{
    const std::uint64_t opened = minus(after.opened, before.opened);
    const std::uint64_t accounted = before.ahead + shown + minus(after.failed, before.failed);
    after.ahead = std::min(minus(accounted, opened), shown);
    return minus(opened, accounted);
}

namespace {

class Subtraction {
public:
    Subtraction(const Snapshot& before, Snapshot& after, const std::vector<Inode>& wanted)
        : before_(before), after_(after), wanted_(wanted), left_out_(after.left_out.begin(), after.left_out.end()),
          listed_(std::exchange(after.sockets, {}))
    {
        after_.sockets.reserve(listed_.size());
    }

    void count(Flow& flow);
    void keep_missed();
    void count_missed_connections();
    void keep_left_out();
    const SnapshotGaps& gaps() const { return gaps_; }

private:
    void begin(Flow& flow);
    void count(Flow& flow, const Snapshot::Socket& before, Snapshot::Socket& now);
    bool is_replaced(Inode netns) const;
    bool was_left_out(Inode netns) const;
    std::size_t one_if_wanted(Inode netns) const { return is_wanted(netns, wanted_) ? 1 : 0; }

    const Snapshot& before_;
    Snapshot& after_; // has the sockets that were counted so far
    const std::vector<Inode>& wanted_;
    std::set<Inode> left_out_;
    decltype(Snapshot::sockets) listed_;    // sockets that are not counted yet
    std::map<Inode, std::uint64_t> opened_; // number of new connections in each namespace
    SnapshotGaps gaps_;
};

/// Returns whether the namespace is a new one that has the inode of an earlier one. The counters of a new namespace
/// begin at 0.
bool Subtraction::is_replaced(Inode netns) const
{
    const auto before = before_.opens.find(netns);
    const auto now = after_.opens.find(netns);
    return before != before_.opens.end() && now != after_.opens.end() && now->second.opened < before->second.opened;
}

bool Subtraction::was_left_out(Inode netns) const
{
    const auto before = before_.opens.find(netns);
    return before == before_.opens.end() ? !before_.saw_all : before->second.is_old;
}

void Subtraction::count(Flow& flow)
{
    if (!flow.rx_bytes || !flow.tx_bytes) {
        return;
    }
    if (flow.cookie == Cookie{}) {
        set_bytes(flow, std::nullopt);
        gaps_.nameless += one_if_wanted(flow.netns);
        return;
    }
    const SocketKey key{flow.netns, flow.cookie};
    auto listed = listed_.extract(key);
    if (listed.empty()) { // the list shows this socket for the second time
        set_bytes(flow, TcpPayload{});
        set_retransmitted(flow, 0);
        return;
    }
    Snapshot::Socket& now = after_.sockets.insert(std::move(listed)).position->second;
    const auto before = before_.sockets.find(key);
    if (before == before_.sockets.end() || is_replaced(flow.netns)) {
        begin(flow);
    } else {
        count(flow, before->second, now);
    }
}

/// Counts a socket that is in no earlier snapshot. The socket was opened after its namespace was last listed, so all
/// its bytes count. If the namespace was never listed, the bytes are unknown.
void Subtraction::begin(Flow& flow)
{
    if (!before_.saw_all && !before_.opens.contains(flow.netns)) {
        set_bytes(flow, std::nullopt);
        gaps_.unknown += one_if_wanted(flow.netns);
        return;
    }
    ++opened_[flow.netns];
}

void Subtraction::count(Flow& flow, const Snapshot::Socket& before, Snapshot::Socket& now)
{
    if (now.remote != before.remote || have_restarted(before.counters, now.counters)) {
        gaps_.restarted += one_if_wanted(flow.netns); // the counters are those of a new connection
        ++opened_[flow.netns];
        return;
    }
    gaps_.late += before.missed > 0 || was_left_out(flow.netns) ? one_if_wanted(flow.netns) : 0;
    set_bytes(flow, subtract(before.counters, now.counters));
    set_retransmitted(flow, minus(now.counters.bytes_retrans, before.counters.bytes_retrans));
}

/// Keeps the sockets of `before` that are not listed now. Otherwise such a socket would count as new when it is listed
/// again, with all its bytes.
void Subtraction::keep_missed()
{
    for (const auto& [key, before] : before_.sockets) {
        if (after_.sockets.contains(key) || is_replaced(key.netns)) {
            continue;
        }
        if (left_out_.contains(key.netns)) {
            after_.sockets.emplace(key, before);
            continue;
        }
        gaps_.closed += before.missed == 0 && !before.is_orphan ? one_if_wanted(key.netns) : 0;
        if (before.missed < most_missed) {
            ++after_.sockets.emplace(key, before).first->second.missed;
        }
    }
}

void Subtraction::count_missed_connections()
{
    for (auto& [netns, now] : after_.opens) {
        const auto found = before_.opens.find(netns);
        const bool is_new = found == before_.opens.end();
        if (is_new && !before_.saw_all) {
            continue;
        }
        const OpenCounts before = is_new || is_replaced(netns) ? OpenCounts{} : found->second;
        gaps_.missed += missed_connections(before, now, opened_[netns]) * one_if_wanted(netns);
    }
}

/// Keeps the counts of namespaces that could not be listed. Otherwise their sockets would count as new when they are
/// listed again, with all their bytes.
void Subtraction::keep_left_out()
{
    for (const Inode netns : left_out_) {
        if (const auto before = before_.opens.find(netns); before != before_.opens.end()) {
            OpenCounts& kept = after_.opens[netns] = before->second;
            kept.is_old = true;
        }
    }
}

} // namespace

SnapshotGaps subtract(const Snapshot* before, Snapshot& after, std::vector<Flow>& flows,
                      const std::vector<Inode>& wanted)
{
    const Snapshot nothing;
    Subtraction subtraction(before != nullptr ? *before : nothing, after, wanted);
    for (Flow& flow : flows) {
        subtraction.count(flow);
    }
    if (before != nullptr) {
        subtraction.keep_missed();
        subtraction.count_missed_connections();
        subtraction.keep_left_out();
    }
    return subtraction.gaps();
}

namespace {

bool is_same(const InterfaceTraffic& a, const InterfaceTraffic& b)
{
    return a.index == b.index && (a.index != 0 || a.name == b.name);
}

bool counters_fell(const InterfaceTraffic& before, const InterfaceTraffic& now)
{
    return now.rx_bytes < before.rx_bytes || now.tx_bytes < before.tx_bytes || now.rx_packets < before.rx_packets ||
           now.tx_packets < before.tx_packets;
}

/// Adds a note about an interface. The note concerns every sample, because JSON prints interfaces besides processes.
void add_note(Sample& sample, NoteCode code, std::string message)
{
    sample.notes.emplace_back(code, std::move(message)).about = Note::About::window;
}

} // namespace

InterfaceCounters subtract(const InterfaceCounters& before, Sample& sample)
{
    InterfaceCounters after{sample.interfaces, before.latest};
    for (const InterfaceTraffic& interface : sample.interfaces) {
        after.latest = std::max(after.latest, interface.index);
    }
    std::erase_if(sample.interfaces, [&](InterfaceTraffic& now) {
        const auto found = std::find_if(before.each.begin(), before.each.end(),
                                        [&](const InterfaceTraffic& each) { return is_same(each, now); });
        const std::string name = quote(now.name);
        if (found == before.each.end()) {
            const bool is_new = now.index > before.latest || before.latest == 0;
            if (!is_new) {
                add_note(sample, NoteCode::unseen_before,
                         fmt::format("interface {} came from another network namespace: its bytes are unknown", name));
            }
            return !is_new;
        }
        if (counters_fell(*found, now)) {
            add_note(sample, NoteCode::counters_reset,
                     fmt::format("the counters of interface {} were reset: earlier bytes are missing", name));
            return false;
        }
        now.rx_bytes -= found->rx_bytes;
        now.tx_bytes -= found->tx_bytes;
        now.rx_packets -= found->rx_packets;
        now.tx_packets -= found->tx_packets;
        return false;
    });
    return after;
}

} // namespace socktally
