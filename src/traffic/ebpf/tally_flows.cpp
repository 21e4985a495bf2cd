// SPDX-License-Identifier: MIT
#include "traffic/ebpf/tally_flows.hpp"

#include "linux/bpf_rows.hpp"
#include "owners/fd_table.hpp"
#include "sockets/socket.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace socktally {

namespace {

Protocol protocol_of(const tally_flow& flow)
{
    if (flow.family == AF_PACKET) {
        return Protocol::packet;
    }
    switch (flow.protocol) {
    case IPPROTO_TCP: return Protocol::tcp;
    case IPPROTO_UDP: return Protocol::udp;
    case IPPROTO_UDPLITE: return Protocol::udplite;
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6: return Protocol::icmp;
    case IPPROTO_SCTP: return Protocol::sctp;
    case IPPROTO_DCCP: return Protocol::dccp;
    case IPPROTO_MPTCP: return Protocol::mptcp;
    default: return Protocol::raw; // the BPF programs report raw sockets as IPPROTO_RAW, except those for ICMP
    }
}

} // namespace

Tuple tuple_of(const tally_flow& flow)
{
    Tuple tuple{protocol_of(flow), {address_of(flow.local, flow.family), flow.local_port}, {}};
    const Address remote = address_of(flow.remote, flow.family);
    if (!remote.is_unspecified()) {
        tuple.remote = {remote, flow.remote_port};
    }
    return tuple;
}

TallyFlows::TallyFlows(Sample& sample, Tally::Detail detail)
    : sample_(sample), detail_(detail), proc_(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC))
{
}

void TallyFlows::add(std::uint32_t slot, const tally_counters& counters)
{
    if (counters.rx_bytes == 0 && counters.tx_bytes == 0) {
        return;
    }
    Attribution attribution{std::nullopt, Cause::unknown, Quality::unknown};
    if (slot == TALLY_KERNEL_SLOT) {
        attribution.cause = Cause::kernel;
    } else if (slot >= TALLY_FIRST_SLOT && counters.tgid != 0) {
        attribution = {add_process(counters), Cause::none, Quality::exact};
    } else if (slot >= TALLY_FIRST_SLOT) {
        attribution.is_foreign = true;
        ++foreign_processes_;
    }
    left_.emplace(slot, Left{attribution, counters.rx_bytes, counters.tx_bytes, counters.sockets});
}

std::uint32_t TallyFlows::add_process(const tally_counters& counters)
{
    Process& process = sample_.processes.emplace_back(
        process_of(static_cast<std::int32_t>(counters.tgid), counters.start_ns, counters.uid, counters.name));
    process.cgroup_id = counters.cgroup_id;
    process.netns = Inode{counters.netns};
    process.stack_start = counters.stack_start;
    process.trees = counters.trees;
    if (const auto now = reread_process(proc_.get(), process)) { // the process may have executed another program
        update(process, *now);
    }
    return static_cast<std::uint32_t>(sample_.processes.size() - 1);
}

void TallyFlows::add(const tally_flow_key& key, const tally_flow& flow)
{
    const auto left = left_.find(key.slot);
    if (left == left_.end()) {
        return;
    }
    append(left->second.attribution, Cookie{key.cookie}, flow);
    left->second.rx_bytes -= std::min(left->second.rx_bytes, flow.rx_bytes);
    left->second.tx_bytes -= std::min(left->second.tx_bytes, flow.tx_bytes);
}

void TallyFlows::add_the_rest()
{
    for (const auto& [slot, left] : left_) {
        if (left.rx_bytes != 0 || left.tx_bytes != 0) {
            Flow& rest = append(left.attribution, left.rx_bytes, left.tx_bytes);
            rest.has_tuple = false;
            rest.sockets = detail_ == Tally::Detail::processes ? std::max(left.sockets, 1U) : 1;
        }
    }
}

namespace {

/// Joins the rows of each connection. A connection may have several rows (Tally::connections()).
std::unordered_map<std::uint64_t, tally_connection> by_cookie(const std::vector<tally_connection>& connections)
{
    std::unordered_map<std::uint64_t, tally_connection> result;
    for (const tally_connection& connection : connections) {
        if (connection.cookie == 0) { // of MPTCP: no process has used it, or it would have one
            continue;
        }
        const auto [entry, is_new] = result.try_emplace(connection.cookie, connection);
        if (!is_new) {
            const tally_connection before = std::exchange(entry->second, connection);
            entry->second.retransmitted_bytes += before.retransmitted_bytes;
            entry->second.is_tracked &= before.is_tracked;
            entry->second.inode = std::max(before.inode, connection.inode);
            if (connection.flow.protocol == IPPROTO_MPTCP) { // the rows are of subflows
                entry->second.rtt_us = std::max(before.rtt_us, connection.rtt_us);
            }
        }
    }
    return result;
}

SocketFacts facts_of(const tally_connection& connection)
{
    Socket socket;
    socket.state = static_cast<TcpState>(connection.state);
    socket.tcp.emplace().rtt_us = connection.rtt_us;
    SocketFacts facts = facts_of(socket);
    facts.retransmitted_bytes =
        connection.is_tracked != 0 ? std::optional(connection.retransmitted_bytes) : std::nullopt;
    return facts;
}

bool has_sent(const Flow& flow) { return flow.tx_bytes != 0U; }

} // namespace

void TallyFlows::add_facts(const std::vector<tally_connection>& connections)
{
    auto known = by_cookie(connections);
    std::unordered_map<std::uint64_t, std::vector<Flow*>> flows;
    for (Flow& flow : sample_.flows) {
        const bool is_tcp = flow.tuple.protocol == Protocol::tcp || flow.tuple.protocol == Protocol::mptcp;
        if (is_tcp && flow.cookie != Cookie{}) {
            flows[flow.cookie.value].push_back(&flow);
        }
    }
    for (const auto& [cookie, of_socket] : flows) {
        const auto connection = known.extract(cookie);
        const SocketFacts facts = connection ? facts_of(connection.mapped()) : SocketFacts{};
        const auto senders =
            std::count_if(of_socket.begin(), of_socket.end(), [](const Flow* f) { return has_sent(*f); });
        for (Flow* flow : of_socket) {
            SocketFacts own = facts;
            if (of_socket.size() > 1 && own.retransmitted_bytes && !(senders == 1 && has_sent(*flow))) {
                own.retransmitted_bytes = senders == 1 ? std::optional<std::uint64_t>(0) : std::nullopt;
            }
            flow->facts = std::make_shared<const SocketFacts>(std::move(own));
        }
    }
    for (const auto& [cookie, connection] : known) {
        if (connection.is_tracked != 0 && connection.retransmitted_bytes != 0) {
            Flow& flow = append({}, Cookie{cookie}, connection.flow);
            flow.inode = Inode{connection.inode};
            const bool is_open = connection.inode != 0 && static_cast<TcpState>(connection.state) != TcpState::close;
            flow.state = is_open ? SocketState::open : SocketState::closed;
            flow.facts = std::make_shared<const SocketFacts>(facts_of(connection));
        }
    }
}

Flow& TallyFlows::append(const Attribution& attribution, Cookie cookie, const tally_flow& flow)
{
    Flow& result = append(attribution, flow.rx_bytes, flow.tx_bytes);
    result.tuple = tuple_of(flow);
    result.cookie = cookie;
    result.uid = Uid{flow.uid};
    result.netns = Inode{flow.netns};
    result.interface = flow.interface;
    result.accepted = flow.accepted != 0;
    return result;
}

Flow& TallyFlows::append(const Attribution& attribution, std::uint64_t rx_bytes, std::uint64_t tx_bytes)
{
    Flow& flow = sample_.flows.emplace_back();
    flow.attribution = attribution;
    flow.rx_bytes = rx_bytes;
    flow.tx_bytes = tx_bytes;
    if (attribution.process) {
        flow.uid = sample_.processes[*attribution.process].uid;
    }
    return flow;
}

} // namespace socktally
