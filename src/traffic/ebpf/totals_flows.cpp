// SPDX-License-Identifier: MIT
#include "traffic/ebpf/totals_flows.hpp"

#include "sockets/tcp_bytes.hpp"
#include "traffic/ebpf/tally_flows.hpp"

#include <algorithm>
#include <bit>
#include <iterator>
#include <memory>
#include <utility>

namespace socktally {

namespace {

Socket tcp_socket_of(const totals_row& row)
{
    Socket socket;
    socket.inode = Inode{row.inode};
    socket.state = static_cast<TcpState>(row.state);
    socket.rqueue = row.rqueue;
    socket.wqueue = row.wqueue;
    TcpCounters& counters = socket.tcp.emplace();
    counters.bytes_acked = row.bytes_acked;
    counters.bytes_received = row.bytes_received;
    counters.segs_out = row.segs_out;
    counters.segs_in = row.segs_in;
    counters.data_segs_in = row.data_segs_in;
    counters.notsent_bytes = row.notsent_bytes;
    counters.sent = TcpCounters::Sent{row.bytes_sent, row.bytes_retrans};
    counters.rtt_us = row.rtt_us;
    return socket;
}

/// Returns why no process holds the socket, if the row shows that. attribute() finds all other causes.
Cause known_cause(const totals_row& row)
{
    switch (row.holder) {
    case TOTALS_HELD_BY_FILE: return Cause::none;
    case TOTALS_HELD_BY_KERNEL: return Cause::kernel;
    default: return Cause::unknown;
    }
}

} // namespace

void TotalsFlows::begin_namespace(std::size_t tcp_in_use)
{
    constexpr std::size_t sane = 4'000'000;
    if (flows_.empty()) { // reserves memory only for the first namespace, usually the largest
        flows_.reserve(std::min(tcp_in_use + tcp_in_use / 64, sane));
    }
    listening_.reset();
}

void TotalsFlows::add(const totals_row& row)
{
    const bool is_tcp = row.protocol == IPPROTO_TCP;
    if (is_tcp && static_cast<TcpState>(row.state) == TcpState::listen) {
        listening_.set(row.local_port);
        listeners_.push_back(Inode{row.inode});
        return;
    }
    if (is_repeated(row.cookie)) {
        return;
    }
    Flow& flow = flows_.emplace_back();
    flow.tuple.protocol = is_tcp ? Protocol::tcp : Protocol::udp;
    flow.tuple.local = {address_of(row.local, row.family), row.local_port};
    if (row.remote_port != 0) {
        flow.tuple.remote = {address_of(row.remote, row.family), row.remote_port};
    }
    flow.cookie = Cookie{row.cookie};
    flow.inode = Inode{row.inode};
    flow.netns = Inode{row.netns};
    flow.uid = Uid{row.uid};
    flow.cgroup_id = row.cgroup_id;
    flow.interface = row.interface;
    flow.attribution.cause = known_cause(row);
    if (is_tcp) {
        count_tcp(flow, row);
    } else {
        has_udp_ = true;
    }
}

/// Returns whether the iterator has shown this socket before. Before Linux 6.17, the iterator may repeat a socket if
/// other sockets in the same part of the kernel's hash table come and go.
bool TotalsFlows::is_repeated(std::uint64_t cookie)
{
    constexpr std::size_t least = 1024;
    const auto place_of = [this](std::uint64_t wanted) -> std::uint64_t& {
        std::size_t place = wanted * 0x9e3779b97f4a7c15U >> 32U;
        for (;; ++place) {
            std::uint64_t& found = cookies_[place & (cookies_.size() - 1)];
            if (found == wanted || found == 0) {
                return found;
            }
        }
    };
    if (cookies_.size() <= flows_.size() + flows_.size() / 4) {
        const std::size_t size = std::bit_ceil(std::max({least, 2 * cookies_.size(), flows_.capacity()}));
        cookies_.assign(size, 0);
        for (const Flow& flow : flows_) {
            place_of(flow.cookie.value) = flow.cookie.value;
        }
    }
    return cookie != 0 && std::exchange(place_of(cookie), cookie) == cookie;
}

void TotalsFlows::count_tcp(Flow& flow, const totals_row& row)
{
    const Socket socket = tcp_socket_of(row);
    flow.state = state_of(socket);
    flow.accepted = listening_[row.local_port];
    const SocketCounters counters = counters_of(socket, {.accepted = flow.accepted});
    flow.rx_bytes = counters.payload.rx_bytes;
    flow.tx_bytes = counters.payload.tx_bytes;
    if (keeps_facts_) {
        flow.facts = std::make_shared<const SocketFacts>(facts_of(socket));
    }
    if (snapshot_ != nullptr) {
        snapshot_->sockets.try_emplace(
            {flow.netns, flow.cookie},
            Snapshot::Socket{counters, flow.tuple.remote, flow.state == SocketState::orphaned});
    }
    resets_ += counters_were_reset(socket) ? 1 : 0;
}

std::vector<Inode> TotalsFlows::inodes() const
{
    std::vector<Inode> inodes;
    inodes.reserve(flows_.size());
    for (const Flow& flow : flows_) {
        if (flow.inode != Inode{} && flow.attribution.cause == Cause::none) {
            inodes.push_back(flow.inode);
        }
    }
    return inodes;
}

std::vector<Inode> TotalsFlows::listed() const
{
    std::vector<Inode> listed = listeners_;
    std::transform(flows_.begin(), flows_.end(), std::back_inserter(listed),
                   [](const Flow& flow) { return flow.inode; });
    return listed;
}

} // namespace socktally
