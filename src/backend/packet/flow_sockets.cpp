// SPDX-License-Identifier: MIT
#include "backend/packet/flow_sockets.hpp"

#include "backend/tcp/tcp_state.hpp"
#include "sys/cpu_time.hpp"

#include <algorithm>
#include <set>
#include <system_error>
#include <unordered_set>
#include <utility>

namespace socktally {

namespace {

using namespace std::chrono_literals;

/// As often, and as dear, as the netlink backend's looks.
constexpr auto list_interval = 20ms;
constexpr auto longest_list_interval = 500ms;
constexpr int rest_share = 3;
constexpr auto longest_owner_search = 50ms;
constexpr auto last_search = 500ms;

/// So long, at most, packets of a socket come after it was listed.
constexpr auto longest_lag = 1s;

/// A flow that so many lists did not have is of no socket, or of one that is gone. One that waits to be accepted is
/// looked up ever less often.
constexpr std::uint32_t looks_per_flow = 4;

/// `accepted`: its port is listened on.
void set_queues(ListedSocket& listed, const DiagSocket& socket, bool accepted)
{
    listed.drops = socket.drops;
    if (listed.listening) {
        return; // its queue is of connections
    }
    listed.queued = socket.rqueue;
    if (socket.tuple.protocol != Protocol::tcp) {
        return;
    }
    if (peer_has_closed(socket.state) && listed.queued > 0) {
        --listed.queued; // the FIN is no byte
    }
    if (socket.wqueue == 0) {
        listed.unsent = 0;
    }
    if (socket.tcp) {
        const bool own_fin = is_closing(socket.state) && socket.tcp->notsent_bytes > 0; // the last in the queue
        listed.unsent = socket.tcp->notsent_bytes - (own_fin ? 1 : 0);
        const TcpSocketView view{socket.state, socket.rqueue, socket.wqueue, *socket.tcp};
        listed.payload = tcp_payload(view, {accepted, false});
    }
}

void add_inodes(const PacketFlow& flow, std::vector<Inode>& inodes)
{
    if (flow.has_socket()) {
        inodes.push_back(flow.found.inode);
    }
    for (const Flow& taker : flow.takers) {
        inodes.push_back(taker.inode);
    }
    if (flow.maybe) {
        inodes.push_back(flow.maybe->inode);
    }
}

bool has_socket_or_takers(const PacketFlow& flow)
{
    return flow.has_socket() || flow.found.cookie != Cookie{} || !flow.takers.empty();
}

bool waits_to_be_accepted(const ListedSocket& socket)
{
    return socket.inode == Inode{} && socket.state == SocketState::open;
}

ListedSocket as_listed(const DiagSocket& socket)
{
    ListedSocket result;
    result.tuple = socket.tuple;
    if (socket.tuple.remote.port == 0) {
        result.tuple.remote = {};
    }
    result.family = socket.tuple.local.address.family;
    result.v6_only = socket.v6_only;
    result.listening = socket.tuple.protocol == Protocol::tcp && socket.state == TcpState::listen;
    result.interface = socket.interface;
    result.cookie = socket.cookie;
    result.inode = socket.inode;
    result.uid = socket.uid;
    result.cgroup_id = socket.cgroup_id;
    if (socket.tuple.protocol == Protocol::tcp) {
        result.state = socket_state(socket.state, socket.inode);
    }
    return result;
}

} // namespace

FlowSockets::FlowSockets(HolderMap& holders, Protocols protocols) : holders_(holders), protocols_(protocols)
{
    try {
        dumper_.emplace(holders_.trace());
    } catch (const std::system_error&) {
        dumper_.reset(); // /proc/net has the sockets too
    }
    if (!dumper_ || !dumper_->udp([](const DiagSocket&) {}) || (has_tcp() && !dumper_->lists_tcp())) {
        files_.emplace(ProcLists::tcp_and_udp);
    }
}

bool FlowSockets::list_by_diag(std::vector<ListedSocket>& sockets, DiagDetail detail)
{
    std::set<std::uint16_t> ports; // that are listened on; the kernel lists those sockets first
    const auto take = [&](const DiagSocket& socket) {
        ListedSocket& listed = sockets.emplace_back(as_listed(socket));
        if (listed.listening) {
            ports.insert(listed.tuple.local.port);
        }
        set_queues(listed, socket, ports.contains(listed.tuple.local.port));
    };
    const bool asks_for_tcp = has_tcp() && dumper_->tcp_in_use() != 0U;
    return (!asks_for_tcp || dumper_->tcp_quick(take, detail)) && dumper_->udp(take);
}

void FlowSockets::list(DiagDetail detail)
{
    std::vector<ListedSocket> sockets;
    sockets.reserve(listed_.size());
    if (files_) {
        ProcSockets read = files_->read();
        sockets = std::move(read.sockets);
        failed_lists_ += read.missing ? 1 : 0;
    } else if (!list_by_diag(sockets, detail)) {
        ++failed_lists_;
    }
    const std::vector<ListedSocket> before = std::exchange(listed_, sockets);
    holders_.look_at_groups(listed_);
    lookup_ = std::make_shared<SocketLookup>(std::move(sockets));
    note_gone(before);
    trace_owners();
}

/// Keeps for a moment the connections that were in the list before and are not in this one.
void FlowSockets::note_gone(const std::vector<ListedSocket>& before)
{
    const auto now = Clock::now();
    std::erase_if(gone_, [now](const Gone& gone) { return now > gone.since + longest_lag; });
    for (const ListedSocket& socket : before) {
        if (socket.inode == Inode{} || socket.tuple.remote.port == 0) {
            continue;
        }
        const ListedSocket* found = lookup_->find(socket.tuple).only();
        if (found == nullptr || found->inode != socket.inode) {
            gone_.push_back({socket, now});
        }
    }
    std::vector<ListedSocket> sockets;
    std::transform(gone_.begin(), gone_.end(), std::back_inserter(sockets),
                   [](const Gone& gone) { return gone.socket; });
    gone_lookup_ = SocketLookup(std::move(sockets));
}

void FlowSockets::begin_window()
{
    first_ = lookup_;
    failed_lists_ = 0;
    std::erase_if(pending_, [](const PacketFlow* flow) { return flow->tuple.protocol != Protocol::tcp; });
    if (!searches_.is_empty()) {
        std::vector<Inode> live;
        std::transform(listed_.begin(), listed_.end(), std::back_inserter(live),
                       [](const ListedSocket& socket) { return socket.inode; });
        searches_.keep(live);
    }
}

void FlowSockets::add(const std::vector<PacketFlow*>& flows)
{
    for (PacketFlow* flow : flows) {
        if (!resolve(*flow)) {
            pending_.push_back(flow);
            interval_ = list_interval;
        }
    }
}

std::optional<FlowSockets::Clock::time_point> FlowSockets::next_look() const
{
    return pending_.empty() && handed_on_.empty() ? std::nullopt
                                                  : std::optional(last_look_ + std::max(interval_, rest_));
}

void FlowSockets::look(Clock::time_point now)
{
    const auto used = thread_cpu_time();
    list(DiagDetail::sockets);
    std::vector<Inode> inodes;
    bool all_wait = handed_on_.empty(); // to be accepted, and long
    std::erase_if(pending_, [&](PacketFlow* flow) {
        if (resolve(*flow)) {
            return true;
        }
        note_rewritten(*flow);
        add_inodes(*flow, inodes);
        const bool is_searched = flow->has_socket() && !searches_.is_given_up(flow->found.inode);
        const bool is_long = ++flow->looks >= looks_per_flow && !is_searched;
        all_wait = all_wait && is_long;
        return is_long && !is_unaccepted(*flow);
    });
    handed_on_ = only_open(std::move(handed_on_));
    inodes.insert(inodes.end(), handed_on_.begin(), handed_on_.end());
    search(holders_.unheld(std::move(inodes)));
    std::erase_if(pending_,
                  [&](const PacketFlow* flow) { return flow->has_socket() && holders_.held(flow->found.inode); });
    std::erase_if(handed_on_, [&](Inode inode) { return holders_.held(inode) || searches_.is_given_up(inode); });
    last_look_ = now;
    interval_ = all_wait ? std::min<std::chrono::nanoseconds>(2 * interval_, longest_list_interval) : list_interval;
    rest_ = Clock::now() - now + rest_share * (thread_cpu_time() - used);
}

void FlowSockets::look_again(const std::vector<Inode>& missed)
{
    if (has_unaccepted() && !are_listed(missed)) { // accepted since, and handed on already
        list(DiagDetail::sockets);
    }
    std::vector<ListedSocket> sockets;
    bool all_tcp = true;
    for (const ListedSocket& socket : listed_) {
        if (std::binary_search(missed.begin(), missed.end(), socket.inode)) {
            sockets.push_back(socket);
            all_tcp = all_tcp && socket.tuple.protocol == Protocol::tcp;
        }
    }
    if (!sockets.empty() && (files_ || !all_tcp)) {
        list(DiagDetail::sockets);
    }
    for (const ListedSocket& socket : sockets) {
        if (is_open(socket)) {
            holders_.handed_on(socket.inode);
            searches_.forget(socket.inode);
            handed_on_.push_back(socket.inode);
            interval_ = list_interval;
        }
    }
}

bool FlowSockets::has_unaccepted() const { return std::any_of(listed_.begin(), listed_.end(), waits_to_be_accepted); }

bool FlowSockets::is_unaccepted(const PacketFlow& flow) const
{
    const ListedSocket* socket = match(flow).only();
    return socket != nullptr && waits_to_be_accepted(*socket);
}

bool FlowSockets::are_listed(const std::vector<Inode>& inodes) const
{
    const auto count = std::count_if(listed_.begin(), listed_.end(), [&](const ListedSocket& socket) {
        return std::binary_search(inodes.begin(), inodes.end(), socket.inode);
    });
    return static_cast<std::size_t>(count) == inodes.size();
}

/// Where only one connection is in doubt, it is not worth a list.
bool FlowSockets::is_open(const ListedSocket& socket)
{
    if (files_ || socket.tuple.protocol != Protocol::tcp) {
        return !only_open({socket.inode}).empty();
    }
    const auto found = dumper_->lookup(flow_of(socket));
    return found && found->inode == socket.inode;
}

void FlowSockets::search(std::vector<Inode> worth)
{
    std::erase_if(worth, [this](Inode inode) { return searches_.is_given_up(inode); });
    searches_.search(holders_, worth, Clock::now() + longest_owner_search);
    trace_owners();
}

/// The socket that a match names, or nothing where it could be one of several that not one and the same process holds.
const ListedSocket* FlowSockets::one_of(const SocketMatch& match) const
{
    if (match.sockets.size() < 2) {
        return match.only();
    }
    const ListedSocket* first = match.sockets.front();
    const bool same = std::all_of(match.sockets.begin(), match.sockets.end(), [&](const ListedSocket* socket) {
        return have_one_holder(first->inode, socket->inode);
    });
    return same ? first : nullptr;
}

/// One and the same process.
bool FlowSockets::have_one_holder(Inode a, Inode b) const
{
    const auto holders = holders_.holders_of(a);
    return holders.size() == 1 && holders_.holders_of(b) == holders;
}

/// Returns the sockets that fit the flow. Packets are read late: the last list may lack their socket, or show it closed
/// and without inode. Then the sockets are asked that went a moment ago, and the first list of the window if the flow
/// is that old.
SocketMatch FlowSockets::match(const PacketFlow& flow) const
{
    const std::uint32_t interface = flow.looped ? 0 : flow.interface;
    SocketMatch match = lookup_->find(flow.tuple, interface);
    const bool is_closed = match.only() != nullptr && match.only()->inode == Inode{};
    if (!match.sockets.empty() && !is_closed) {
        return match;
    }
    const bool is_new = flow.began() && !flow.is_old;
    const auto is_same = [&](const SocketMatch& found) {
        return !is_closed || (found.only() != nullptr && found.only()->cookie == match.only()->cookie);
    };
    SocketMatch before = first_->find(flow.tuple, interface);
    SocketMatch found = flow.replaces ? SocketMatch{} : gone_lookup_.find(flow.tuple, interface);
    const bool was_there = found.only() != nullptr && before.only() != nullptr &&
                           found.only()->inode == before.only()->inode; // and is not the one that began since
    if (found.quality == Quality::owner && is_same(found) && !(is_new && was_there)) {
        return found;
    }
    if (!is_new && !before.sockets.empty() && is_same(before)) {
        return before;
    }
    return match;
}

/// True where the flow has a socket, and the socket a holder.
bool FlowSockets::resolve(PacketFlow& flow) const
{
    const SocketMatch match = this->match(flow);
    if (match.sockets.size() > 1 && flow.takers.empty() && flow.tuple.protocol == Protocol::udp) {
        for (const ListedSocket* socket : match.sockets) {
            flow.takers.push_back(flow_of(*socket));
            flow.takers.back().match = match.quality;
        }
    }
    const ListedSocket* socket = one_of(match);
    if (socket == nullptr) {
        return false;
    }
    flow.found = flow_of(*socket);
    flow.found.match = match.quality;
    flow.found.accepted = flow.tuple.protocol == Protocol::tcp && lookup_->accepts_at(flow.tuple.local);
    return flow.has_socket() && holders_.held(socket->inode);
}

/// Keeps the socket that has another tuple because the flow's is rewritten on the way (NAT), if one fits. A datagram
/// that only came may be for nobody.
void FlowSockets::note_rewritten(PacketFlow& flow) const
{
    const bool only_came = flow.tuple.protocol == Protocol::udp && flow.tx.packets == 0;
    if (has_socket_or_takers(flow) || flow.to_many || only_came) {
        return;
    }
    const ListedSocket* socket = lookup_->find_rewritten(flow.tuple);
    if (socket == nullptr) {
        socket = gone_lookup_.find_rewritten(flow.tuple);
    }
    if (socket != nullptr) {
        Flow found = flow_of(*socket);
        found.match = flow.tuple.protocol == Protocol::tcp ? Quality::owner : Quality::inherited;
        found.accepted = lookup_->accepts_at(socket->tuple.local);
        flow.maybe = std::make_shared<Flow>(std::move(found));
    }
}

/// Whether the socket of that kind is as old as its packets, and has moved bytes if they have any.
bool FlowSockets::fits(const PacketFlow& flow) const
{
    if (flow.tuple.protocol != Protocol::tcp) {
        return true;
    }
    const ListedSocket* first = first_->find(flow.maybe->tuple).only();
    const ListedSocket* last = lookup_->find(flow.maybe->tuple).only();
    const bool was_there = first != nullptr && first->inode == flow.maybe->inode;
    if (flow.began() && !flow.is_old) {
        return !was_there;
    }
    const bool has_counters = was_there && first->payload && last != nullptr && last->payload;
    const bool moved = !has_counters || first->payload != last->payload;
    return was_there && (moved || flow.rx.payload_bytes + flow.tx.payload_bytes == 0);
}

void FlowSockets::trace_owners() const
{
    if (holders_.trace()) {
        for (const ListedSocket& socket : listed_) {
            holders_.trace_owners(socket.cookie, socket.inode);
        }
    }
}

void FlowSockets::drop(const PacketFlow& flow) { std::erase(pending_, &flow); }

/// Where another socket has the tuple by now, and of another process, the bytes may be of either.
void FlowSockets::settle(PacketFlow& flow) const
{
    const Inode before = flow.found.inode;
    const ListedSocket* socket = one_of(lookup_->find(flow.socket_tuple(), flow.looped ? 0 : flow.interface));
    if (before == Inode{}) {
        resolve(flow);
    } else if (socket != nullptr && socket->inode != Inode{} && socket->inode != before &&
               !have_one_holder(before, socket->inode)) {
        flow.found = {};
        flow.found.match = Quality::unknown;
    }
    if (flow.tuple.protocol == Protocol::tcp) {
        flow.found.state = socket != nullptr ? socket->state : SocketState::closed;
    }
}

void FlowSockets::finish(const std::vector<PacketFlow*>& flows)
{
    std::vector<Inode> inodes;
    for (PacketFlow* flow : flows) {
        settle(*flow);
        note_rewritten(*flow);
        if (flow->maybe && !has_socket_or_takers(*flow) && fits(*flow)) {
            flow->found = *flow->maybe;
            flow->rewritten = true;
        }
        add_inodes(*flow, inodes);
    }
    std::vector<Inode> unheld = holders_.unheld(only_open(std::move(inodes)));
    std::vector<Inode> worth = unheld;
    std::erase_if(worth, [this](Inode inode) { return searches_.is_given_up(inode); });
    if (!worth.empty()) {
        searches_.search(holders_, worth, Clock::now() + last_search, HolderMap::Reach::everywhere);
        unheld = holders_.unheld(std::move(unheld));
    }
    holders_.disown(std::move(unheld));
    holders_.confirm(Clock::now());
    for (PacketFlow* flow : flows) {
        if (holders_.is_doubtful(flow->found)) {
            flow->found.inode = {};
        }
    }
}

/// Holders were looked at a moment ago: whoever had a socket that is closed by now is found no more.
std::vector<Inode> FlowSockets::only_open(std::vector<Inode> inodes) const
{
    if (inodes.empty()) {
        return inodes;
    }
    std::unordered_set<std::uint64_t> open;
    for (const ListedSocket& socket : listed_) {
        open.insert(socket.inode.value);
    }
    std::erase_if(inodes, [&](Inode inode) { return !open.contains(inode.value); });
    return inodes;
}

} // namespace socktally
