// SPDX-License-Identifier: MIT
#include "traffic/listed_sockets.hpp"

#include "linux/file.hpp"
#include "owners/fd_table.hpp"
#include "sockets/socket_lookup.hpp"
#include "util/number.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <set>
#include <unordered_set>
#include <utility>

namespace socktally {

namespace {

constexpr std::size_t longest_name = 64;

bool has(const std::vector<Flow>& flows, Protocol protocol)
{
    return std::any_of(flows.begin(), flows.end(), [=](const Flow& flow) { return flow.tuple.protocol == protocol; });
}

/// Returns whether raw IP may have moved bytes. The kernel has no counters of raw IP. So this compares the number of
/// packets of IP with the sum of the other protocols. If TCP moved anything, no comparison is possible, because TCP
/// counts segments and IP counts superpackets. The result is then true.
bool may_have_moved_raw(const ProtocolCounters& before, const ProtocolCounters& after)
{
    const std::uint64_t in = after.ip_in - before.ip_in;
    const std::uint64_t out = after.ip_out - before.ip_out;
    return after.tcp_segments != before.tcp_segments || in > after.known_in - before.known_in ||
           out > after.known_out - before.known_out;
}

bool may_move_bytes(const Socket& socket)
{
    const SocketState state = state_of(socket);
    return !is_listener(socket) && state != SocketState::time_wait && state != SocketState::closed;
}

/// Collects one flow for each socket. A list that changes while it is read may show a socket twice. Also, the subflows
/// of an MPTCP connection share an inode.
class Collector {
public:
    Collector(SocketLookup listeners, bool keeps_facts) : listeners_(std::move(listeners)), keeps_facts_(keeps_facts) {}

    void add(const Socket& socket, SocketState state)
    {
        const bool is_new =
            socket.inode != Inode{} ? inodes_.insert(socket.inode.value).second : unheld_.insert(socket.tuple).second;
        if (!is_new) {
            return;
        }
        Flow& flow = flows_.emplace_back(flow_of(socket));
        flow.state = state;
        flow.accepted = socket.tuple.protocol == Protocol::tcp && listeners_.accepts_at(socket.tuple.local);
        if (keeps_facts_ && socket.tuple.protocol == Protocol::tcp) {
            SocketFacts facts = facts_of(socket);
            facts.state = state == SocketState::closed ? ConnectionState::closed : facts.state;
            flow.facts = std::make_shared<const SocketFacts>(std::move(facts));
        }
    }
    std::vector<Flow> take() { return std::move(flows_); }

private:
    SocketLookup listeners_;
    bool keeps_facts_;
    std::vector<Flow> flows_;
    std::unordered_set<std::uint64_t> inodes_;
    std::set<Tuple> unheld_;
};

SocketLookup listeners_of(const std::vector<Socket>& first, const std::vector<Socket>& last)
{
    std::vector<Socket> listeners;
    std::copy_if(first.begin(), first.end(), std::back_inserter(listeners), is_listener);
    std::copy_if(last.begin(), last.end(), std::back_inserter(listeners), is_listener);
    return SocketLookup(std::move(listeners));
}

} // namespace

std::vector<Flow> flows_of(const std::vector<Socket>& first, const std::vector<Socket>& last, bool keeps_facts)
{
    Collector collector(listeners_of(first, last), keeps_facts);
    for (const Socket& socket : last) {
        if (may_move_bytes(socket)) {
            collector.add(socket, state_of(socket));
        }
    }
    for (const Socket& socket : first) {
        if (may_move_bytes(socket) && socket.inode != Inode{}) {
            collector.add(socket, SocketState::closed);
        }
    }
    return collector.take();
}

std::vector<Inode> inodes_of(const std::vector<Flow>& flows)
{
    std::vector<Inode> inodes;
    std::transform(flows.begin(), flows.end(), std::back_inserter(inodes), [](const Flow& flow) { return flow.inode; });
    return inodes;
}

UncountedTraffic& UncountedTraffic::operator|=(const UncountedTraffic& other)
{
    icmp = icmp || other.icmp;
    raw = raw || other.raw;
    udplite = udplite || other.udplite;
    sctp = sctp || other.sctp;
    return *this;
}

UncountedTraffic uncounted_traffic(const ProtocolCounters& before, const ProtocolCounters& after,
                                   const std::vector<Flow>& flows)
{
    UncountedTraffic traffic;
    traffic.icmp =
        before.echo_requests != after.echo_requests || (before.icmp != after.icmp && has(flows, Protocol::icmp));
    traffic.raw = has(flows, Protocol::raw) && may_have_moved_raw(before, after);
    traffic.udplite = before.udplite != after.udplite;
    traffic.sctp = before.sctp != after.sctp;
    return traffic;
}

void UncountedSockets::begin(Arrival arrival)
{
    has_begun_ = true;
    if (arrival == Arrival::was_there) {
        before_ = counters_.read().value_or(ProtocolCounters{});
        first_ = lists_.read().sockets;
    }
}

/// Lists the sockets before it reads the counters, so the counters include all traffic that the sockets had when they
/// were listed.
void UncountedSockets::end()
{
    if (!has_begun_) {
        return;
    }
    last_ = lists_.read().sockets;
    after_ = counters_.read().value_or(ProtocolCounters{});
    flows_ = flows_of(first_, last_);
    traffic_ = uncounted_traffic(before_, after_, flows_);
}

void UncountedSockets::next_window()
{
    first_ = std::move(last_);
    before_ = after_;
    flows_.clear();
    traffic_ = {};
}

namespace {

/// Returns whether the process is an instance of socktally, judged by its name. The executable is not compared, because
/// it may be a copy, or not be readable.
bool is_instance(const Process& process)
{
    std::string buffer;
    const auto name = read_file(AT_FDCWD, "/proc/self/comm", buffer, longest_name);
    return name && *name == process.name + '\n';
}

void drop_captures(Sample& sample)
{
    if (!has(sample.flows, Protocol::packet)) {
        return;
    }
    std::set<std::uint64_t> captures; // our own sockets are added first, because Sample::holders lacks this process
    for (const Inode own : own_sockets()) {
        captures.insert(own.value);
    }
    std::set<std::uint64_t> sockets;
    for (const Flow& flow : sample.flows) {
        if (flow.tuple.protocol == Protocol::packet) {
            sockets.insert(flow.inode.value);
        }
    }
    for (const Holder& holder : sample.holders) {
        if (sockets.contains(holder.inode.value) && is_instance(sample.processes[holder.process])) {
            captures.insert(holder.inode.value);
        }
    }
    std::erase_if(sample.flows, [&](const Flow& flow) {
        return flow.tuple.protocol == Protocol::packet && captures.contains(flow.inode.value);
    });
}

Note& add_note(Sample& sample, Protocol protocol, std::string_view name)
{
    Note& note = sample.notes.emplace_back(NoteCode::uncounted_bytes,
                                           fmt::format("{} moved bytes that this backend does not count", name));
    note.protocol = protocol;
    return note;
}

} // namespace

Note uncounted_limit()
{
    return {NoteCode::uncounted_bytes,
            "lists sockets of ICMP, raw IP, UDP-Lite, SCTP and AF_PACKET, but cannot count their bytes"};
}

void finish_uncounted(Sample& sample, const UncountedTraffic& traffic)
{
    drop_captures(sample);
    if (traffic.icmp) {
        add_note(sample, Protocol::icmp, "ICMP");
    }
    if (traffic.raw) {
        add_note(sample, Protocol::raw, "raw IP may have").about = Note::About::open_sockets;
    }
    if (traffic.udplite) {
        add_note(sample, Protocol::udplite, "UDP-Lite");
    }
    if (traffic.sctp) {
        add_note(sample, Protocol::sctp, "SCTP");
    }
    const auto sockets = std::count_if(sample.flows.begin(), sample.flows.end(),
                                       [](const Flow& flow) { return flow.tuple.protocol == Protocol::packet; });
    if (sockets > 0) {
        sample.notes
            .emplace_back(NoteCode::packet_sockets,
                          fmt::format("bytes sent through {} are not counted",
                                      plural(static_cast<std::uint64_t>(sockets), "AF_PACKET socket")))
            .protocol = Protocol::packet;
    }
}

} // namespace socktally
