// SPDX-License-Identifier: MIT
#include "traffic/packet/flow_sockets.hpp"

#include "sockets/tcp_bytes.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <system_error>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace socktally {

namespace {

using namespace std::chrono_literals;

/// The interval between lists of sockets while datagrams arrive. A new socket may take over the datagrams of a flow,
/// and only a list shows that socket.
constexpr auto datagram_list_interval = 100ms;

/// Packets of a closed socket are expected for at most this long after the first list without the socket.
constexpr auto longest_lag = 1s;

/// After this many lists without a socket for a flow, the search for its socket ends. For a connection that waits to be
/// accepted it goes on, ever less often.
constexpr std::uint32_t looks_per_flow = 4;

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
    inodes.insert(inodes.end(), flow.senders.begin(), flow.senders.end());
}

bool has_socket_or_takers(const PacketFlow& flow)
{
    return flow.has_socket() || flow.found.cookie != Cookie{} || !flow.takers.empty();
}

bool waits_to_be_accepted(const Socket& socket)
{
    return socket.inode == Inode{} && state_of(socket) == SocketState::open;
}

/// Returns the tuple of each socket, by inode.
std::unordered_map<std::uint64_t, const Tuple*> tuples_of(const std::vector<Socket>& sockets)
{
    std::unordered_map<std::uint64_t, const Tuple*> tuples;
    tuples.reserve(sockets.size());
    for (const Socket& socket : sockets) {
        tuples.emplace(socket.inode.value, &socket.tuple);
    }
    return tuples;
}

bool has(const std::unordered_map<std::uint64_t, const Tuple*>& tuples, const Socket& socket)
{
    const auto same = tuples.find(socket.inode.value);
    return same != tuples.end() && *same->second == socket.tuple;
}

} // namespace

FlowSockets::FlowSockets(OwnerScanner& holders, Captured protocols, FlowTable& flows)
    : owners_(holders), protocols_(protocols), flows_(flows)
{
    try {
        dumper_.emplace(owners_.trace());
    } catch (const std::system_error&) {
        dumper_.reset(); // files_ lists the sockets instead
    }
    const auto ignore = [](const Socket&) {};
    const auto lists_tcp = [&] {
        const auto outcome = dumper_->tcp_once(ignore, DiagDetail::sockets, state_bit(TcpState::listen));
        return outcome != Dumper::Outcome::refused;
    };
    if (!dumper_ || !dumper_->udp(ignore) || (has_tcp() && !lists_tcp())) {
        files_.emplace(ProcLists::tcp_and_udp);
    }
}

bool FlowSockets::list_by_diag(std::vector<Socket>& sockets, DiagDetail detail)
{
    std::set<std::uint16_t> ports; // TCP ports with a listener; the kernel lists listeners first
    const auto take = [&](const Socket& socket) {
        Socket& listed = sockets.emplace_back(socket);
        if (is_listener(socket)) {
            ports.insert(socket.tuple.local.port);
            listed.tcp.reset();
        }
        listed.accepted = ports.contains(socket.tuple.local.port);
    };
    const bool asks_for_tcp = has_tcp() && dumper_->tcp_in_use() != 0U;
    return (!asks_for_tcp || dumper_->tcp_once(take, detail) != Dumper::Outcome::refused) && dumper_->udp(take);
}

void FlowSockets::list(DiagDetail detail)
{
    const Instant begun = packet_clock_now();
    std::vector<Socket> sockets;
    sockets.reserve(listed().size());
    if (files_) {
        ProcSockets read = files_->read();
        sockets = std::move(read.sockets);
        failed_lists_ += read.missing ? 1 : 0;
    } else if (!list_by_diag(sockets, detail)) {
        ++failed_lists_;
        return; // keeps the old list, because an incomplete one may lack open sockets
    }
    const Instant last_listed = std::exchange(listed_at_, packet_clock_now());
    const auto before = std::exchange(lookup_, std::make_shared<SocketLookup>(std::move(sockets)));
    owners_.identify_groups(listed());
    note_changes(before->all(), last_listed);
    begun_ = begun;
    datagrams_ = flows_.datagrams();
    for (const Inode inode : only_open(missed_.waiting(Clock::now()))) {
        hand_on(inode);
    }
    trace_owners();
}

/// Compares the last list with the list `before`. Sockets that are no longer listed stay in gone_ for longest_lag,
/// except listeners, which move no bytes. If the sockets of a UDP port have changed, cuts the flows of the port.
void FlowSockets::note_changes(const std::vector<Socket>& before, Instant last_listed)
{
    const auto tuples_before = tuples_of(before);
    const auto tuples = tuples_of(listed());
    std::set<std::uint16_t> ports; // of UDP
    std::erase_if(gone_, [this](const Gone& gone) { return listed_at_ > gone.since + longest_lag; });
    std::erase_if(came_, [this](const auto& entry) { return listed_at_ > entry.second + longest_lag; });
    for (const Socket& socket : before) {
        if (!is_listener(socket) && socket.inode != Inode{} && !has(tuples, socket)) {
            gone_.push_back({socket, last_listed, listed_at_});
            if (socket.tuple.protocol == Protocol::udp) {
                ports.insert(socket.tuple.local.port);
            }
        }
    }
    for (const Socket& socket : listed()) {
        if (socket.tuple.protocol == Protocol::udp && !has(tuples_before, socket)) {
            came_.insert_or_assign(socket.inode.value, begun_);
            ports.insert(socket.tuple.local.port);
        }
    }
    index_gone();
    for (const std::uint16_t port : ports) {
        cut_flows(port);
    }
    flows_.next_list();
}

/// Returns whether the sockets that match the flow in the last list are exactly its known receivers.
bool FlowSockets::has_its_sockets(const PacketFlow& flow) const
{
    const SocketMatch match = lookup_->find(flow.tuple, flow.device());
    std::vector<Inode> known;
    add_inodes(flow, known);
    std::erase_if(known, [&flow](Inode inode) {
        return std::find(flow.senders.begin(), flow.senders.end(), inode) != flow.senders.end();
    });
    std::set<Inode> listed;
    for (const Socket* socket : match.sockets) {
        listed.insert(socket->inode);
    }
    return listed == std::set<Inode>(known.begin(), known.end());
}

void FlowSockets::index_gone()
{
    std::vector<Socket> sockets;
    gone_by_inode_.clear();
    for (std::size_t i = 0; i < gone_.size(); ++i) {
        sockets.push_back(gone_[i].socket);
        gone_by_inode_[gone_[i].socket.inode.value] = i;
    }
    gone_lookup_ = SocketLookup(std::move(sockets));
}

/// Cuts the flows of a UDP port whose sockets have changed: later datagrams become another flow. Datagrams that came
/// between the previous list and the last list may belong to an old or to a new socket. All multicast and broadcast of
/// the flow counts for each of its sockets. This may be too much for a closed socket, and too little for a new one.
void FlowSockets::cut_flows(std::uint16_t port)
{
    std::size_t cut = 0;
    for (auto entry = by_port_.lower_bound({port, nullptr}); entry != by_port_.end() && entry->first == port; ++entry) {
        PacketFlow& flow = *entry->second;
        const bool was_looked_up = flow.found.match != Quality::unknown || !flow.takers.empty() || flow.lookups != 0;
        if (flow.is_cut || !was_looked_up || has_its_sockets(flow)) {
            continue;
        }
        if (flow.list == flows_.list()) {
            add_takers(flow);
            add_senders(flow);
            flow.is_unsure = flow.to_many;
            if (!decide(flow)) {
                pending_.push_back(&flow);
                pace_.hurry();
            }
        }
        flow.is_cut = true;
        ++cut;
    }
    if (cut != 0) {
        owners_.trace()("udp port {}: other sockets, of {} flows", port, cut);
    }
}

void FlowSockets::begin_window(Arrival arrival)
{
    first_ = lookup_;
    if (arrival == Arrival::is_new) {
        std::vector<Socket> sockets = listed();
        for (Socket& socket : sockets) {
            if (socket.tcp) { // all bytes in a new namespace count, as if the first list had shown counters of 0
                TcpCounters none;
                none.notsent_bytes = socket.tcp->notsent_bytes;
                socket.tcp = none;
            }
        }
        first_ = std::make_shared<SocketLookup>(std::move(sockets));
    }
    first_at_ = listed_at_;
    by_port_.clear();
    failed_lists_ = 0;
    std::erase_if(pending_, [](const PacketFlow* flow) { return flow->tuple.protocol != Protocol::tcp; });
}

void FlowSockets::add(const std::vector<PacketFlow*>& flows)
{
    for (PacketFlow* flow : flows) {
        if (flow->tuple.protocol == Protocol::udp) {
            by_port_.emplace(flow->tuple.local.port, flow);
        }
        if (!resolve(*flow)) {
            pending_.push_back(flow);
            pace_.hurry();
        }
    }
}

void FlowSockets::add_ended(PacketFlow& flow)
{
    if (!flow.has_socket()) { // a known socket is right: it was found while the flow had the tuple
        resolve(flow);
    }
}

std::optional<FlowSockets::Clock::time_point> FlowSockets::next_search() const
{
    std::optional<Clock::time_point> next;
    if (!pending_.empty() || !handed_on_.empty()) {
        next = std::max(pace_.next(), rested_);
    }
    if (flows_.datagrams() != datagrams_) {
        const auto list = std::max(pace_.last + datagram_list_interval, rested_);
        next = next ? std::min(*next, list) : list;
    }
    return next;
}

void FlowSockets::search(Clock::time_point now)
{
    const SearchCost cost;
    list(DiagDetail::sockets);
    std::vector<Inode> inodes;
    // Stays true if nothing is pending but connections that have long waited to be accepted.
    bool all_wait = handed_on_.empty();
    std::erase_if(pending_, [&](PacketFlow* flow) {
        if (resolve(*flow)) {
            return true;
        }
        note_rewritten(*flow);
        std::vector<Inode> own;
        add_inodes(*flow, own);
        inodes.insert(inodes.end(), own.begin(), own.end());
        const bool is_searched = std::any_of(own.begin(), own.end(), [this](Inode inode) {
            return !owners_.held(inode) && !owners_.is_given_up(inode);
        });
        const bool is_long = ++flow->lookups >= looks_per_flow && !is_searched;
        all_wait = all_wait && is_long;
        return is_long && !is_unaccepted(*flow);
    });
    handed_on_ = only_open(std::move(handed_on_));
    inodes.insert(inodes.end(), handed_on_.begin(), handed_on_.end());
    owners_.search(owners_.worth_searching(std::move(inodes)), OwnerScanner::Reach::likely,
                   Clock::now() + longest_search);
    trace_owners();
    std::erase_if(pending_, [this](PacketFlow* flow) { return decide(*flow); });
    std::erase_if(handed_on_, [&](Inode inode) { return owners_.held(inode) || owners_.is_given_up(inode); });
    pace_.last = now;
    if (all_wait) {
        pace_.slow_down();
    } else {
        pace_.hurry();
    }
    rested_ = cost.rested();
}

void FlowSockets::search_again(const std::vector<Inode>& missed)
{
    missed_.add(missed, Clock::now());
    std::vector<Socket> known;
    bool needs_list = false;
    bool has_unaccepted = false;
    for (const Socket& socket : listed()) {
        has_unaccepted = has_unaccepted || waits_to_be_accepted(socket);
        if (std::binary_search(missed.begin(), missed.end(), socket.inode)) {
            known.push_back(socket);
            needs_list = needs_list || files_ || socket.tuple.protocol != Protocol::tcp;
        }
    }
    // The last list shows a socket without inode if it waits to be accepted. If it was accepted and handed over after
    // that list, it may be one of the missed sockets.
    if (needs_list || (has_unaccepted && known.size() < missed.size())) {
        list(DiagDetail::sockets);
        return;
    }
    for (const Socket& socket : known) { // looks up single sockets, because a list would cost more
        const auto found = dumper_->lookup(flow_of(socket));
        if (found && found->inode == socket.inode) {
            hand_on(socket.inode);
        }
    }
}

void FlowSockets::hand_on(Inode inode)
{
    missed_.forget(inode);
    owners_.handed_on(inode);
    handed_on_.push_back(inode);
    pace_.hurry();
}

bool FlowSockets::is_unaccepted(const PacketFlow& flow) const
{
    const Socket* socket = flow.tuple.protocol == Protocol::tcp ? match(flow).only() : nullptr;
    return socket != nullptr && waits_to_be_accepted(*socket);
}

/// Returns whether both sockets are held by one and the same process, and by no other.
bool FlowSockets::have_one_holder(Inode a, Inode b) const
{
    const auto holders = owners_.holders_of(a);
    return holders.size() == 1 && owners_.holders_of(b) == holders;
}

/// Returns the sockets that match a TCP flow. Packets are read late, so the last list may lack the socket, or show it
/// as closed, without inode. If so, match() searches the recently closed sockets, and then the first list of the
/// window. It ignores lists from before the first packet or after the end of the connection, because the tuple then
/// belonged to another connection.
SocketMatch FlowSockets::match(const PacketFlow& flow) const
{
    const std::uint32_t interface = flow.device();
    const bool has_beginning = ((flow.rx.tcp_flags | flow.tx.tcp_flags) & TcpHeader::syn) != 0;
    const auto was_there = [&](Instant listed_at) {
        const bool had_begun = !has_beginning || flow.first_packet <= listed_at;
        return had_begun && (flow.ended == Instant{0} || listed_at < flow.ended);
    };
    SocketMatch match = was_there(listed_at_) ? lookup_->find(flow.socket_tuple(), interface) : SocketMatch{};
    const bool is_closed = match.only() != nullptr && match.only()->inode == Inode{};
    if (!match.sockets.empty() && !is_closed) {
        return match;
    }
    const auto is_same = [&](const SocketMatch& found) {
        return found.only() != nullptr && (!is_closed || found.only()->cookie == match.only()->cookie);
    };
    SocketMatch found = gone_lookup_.find(flow.socket_tuple(), interface);
    if (is_same(found) && was_there(gone_of(found.only()->inode).last_listed)) {
        return found;
    }
    const SocketMatch before = was_there(first_at_) ? first_->find(flow.socket_tuple(), interface) : SocketMatch{};
    return is_same(before) ? before : match;
}

/// Calls PacketFlow::add_taker() for each socket that matches the flow in the last list or was closed recently.
void FlowSockets::add_takers(PacketFlow& flow) const
{
    const bool is_tcp = flow.tuple.protocol == Protocol::tcp;
    const bool is_accepted = is_tcp && lookup_->accepts_at(flow.tuple.local);
    const auto add = [&](const Socket& socket, Quality quality) {
        Flow taker = flow_of(socket);
        taker.match = quality;
        taker.accepted = is_accepted;
        flow.add_taker(taker);
    };
    if (is_tcp) {
        const SocketMatch match = this->match(flow);
        for (const Socket* socket : match.sockets) {
            add(*socket, match.quality);
        }
        return;
    }
    const auto is_known = [&flow] { return flow.found.match != Quality::unknown || !flow.takers.empty(); };
    if (flow.is_cut || (flow.to_many && is_known())) {
        return;
    }
    const std::uint32_t interface = flow.device();
    const SocketMatch went = gone_lookup_.find(flow.tuple, interface);
    for (const Socket* socket : went.sockets) {
        if (gone_of(socket->inode).since > flow.first_packet) {
            add(*socket, went.quality);
        }
    }
    const bool has_others = is_known();
    const SocketMatch match = lookup_->find(flow.tuple, interface);
    for (const Socket* socket : match.sockets) {
        const auto came = came_.find(socket->inode.value);
        if (!has_others && came != came_.end() && came->second > flow.first_packet) {
            flow.is_cut = true; // the socket is newer than the flow, so only later packets belong to the socket
        } else {
            add(*socket, match.quality);
        }
    }
}

/// Sets PacketFlow::senders: the other sockets that may have sent the flow's datagrams. Call it after add_takers().
void FlowSockets::add_senders(PacketFlow& flow) const
{
    if (flow.tuple.protocol != Protocol::udp || flow.is_cut || flow.to_many) {
        return;
    }
    std::vector<Inode> known;
    add_inodes(flow, known);
    for (const Socket* socket : lookup_->senders(flow.tuple, flow.device())) {
        if (std::find(known.begin(), known.end(), socket->inode) == known.end()) {
            flow.senders.push_back(socket->inode);
        }
    }
}

/// Sets the flow's socket if there is only one candidate, or if one process holds all candidates. Returns whether the
/// holders of all candidates are known.
bool FlowSockets::decide(PacketFlow& flow) const
{
    if (!flow.takers.empty()) {
        const Flow& first = flow.takers.front();
        const bool is_one = std::all_of(flow.takers.begin(), flow.takers.end(),
                                        [&](const Flow& taker) { return have_one_holder(first.inode, taker.inode); });
        const SocketState state = flow.found.state;
        flow.found = is_one ? first : Flow{};
        flow.found.match = is_one ? first.match : Quality::unknown;
        flow.found.state = state;
    }
    flow.is_sender_unsure = std::any_of(flow.senders.begin(), flow.senders.end(),
                                        [&](Inode inode) { return !have_one_holder(flow.found.inode, inode); });
    if (!flow.has_socket() && flow.takers.empty()) {
        return false;
    }
    std::vector<Inode> inodes;
    add_inodes(flow, inodes);
    return owners_.unheld(std::move(inodes)).empty();
}

/// Sets the flow's socket for the last time. Clears the inode if its owner is doubtful (OwnerScanner::is_doubtful()).
void FlowSockets::conclude(PacketFlow& flow) const
{
    decide(flow);
    if (owners_.is_doubtful(flow.found)) {
        flow.found.inode = {};
    }
    if (flow.tuple.protocol == Protocol::tcp && !flow.has_socket()) {
        flow.found.accepted = flow.found.accepted || lookup_->accepts_at(flow.tuple.local);
    }
}

bool FlowSockets::resolve(PacketFlow& flow) const
{
    add_takers(flow);
    add_senders(flow);
    return decide(flow);
}

/// Sets `maybe` if NAT may have changed the tuple of a known socket into the flow's tuple. A UDP flow that only
/// received datagrams is left out, because its datagrams need not belong to any socket.
void FlowSockets::note_rewritten(PacketFlow& flow) const
{
    const bool only_came = flow.tuple.protocol == Protocol::udp && flow.tx.packets == 0;
    if (has_socket_or_takers(flow) || flow.to_many || only_came) {
        return;
    }
    const Socket* socket = lookup_->find_rewritten(flow.tuple);
    if (socket == nullptr) {
        socket = gone_lookup_.find_rewritten(flow.tuple);
    }
    if (socket != nullptr) {
        Flow found = flow_of(*socket);
        found.match = flow.tuple.protocol == Protocol::tcp ? Quality::owner : Quality::inherited;
        found.accepted = lookup_->accepts_at(socket->tuple.local);
        flow.maybe = std::make_shared<Flow>(found);
    }
}

/// Returns whether `flow.maybe` can be the flow's socket. For TCP, the socket must have existed when the packets came.
/// If the packets have payload, its counters must have grown.
bool FlowSockets::fits(const PacketFlow& flow) const
{
    if (flow.tuple.protocol != Protocol::tcp) {
        return true;
    }
    const Socket* first = first_->find(flow.maybe->tuple).only();
    const Socket* last = lookup_->find(flow.maybe->tuple).only();
    const bool was_there = first != nullptr && first->inode == flow.maybe->inode;
    if (flow.began() && !flow.is_old) {
        return !was_there;
    }
    const bool has_counters = was_there && first->tcp && last != nullptr && last->tcp;
    const bool moved = !has_counters || tcp_payload(*first) != tcp_payload(*last);
    return was_there && (moved || flow.rx.payload_bytes + flow.tx.payload_bytes == 0);
}

void FlowSockets::trace_owners() const
{
    if (owners_.trace()) {
        for (const Socket& socket : listed()) {
            owners_.trace_owners(socket.cookie, socket.inode);
        }
    }
}

void FlowSockets::drop(PacketFlow& flow)
{
    std::erase(pending_, &flow);
    by_port_.erase({flow.tuple.local.port, &flow});
    if (flow.tuple.protocol == Protocol::tcp) {
        flow.found.state = SocketState::closed;
    }
    conclude(flow);
}

void FlowSockets::settle(PacketFlow& flow) const
{
    resolve(flow);
    if (flow.tuple.protocol == Protocol::tcp) {
        const Socket* socket = lookup_->find(flow.socket_tuple(), flow.device()).only();
        flow.found.state = socket != nullptr ? state_of(*socket) : SocketState::closed;
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
    const std::vector<Inode> open = only_open(std::move(inodes));
    owners_.search(owners_.worth_searching(open), OwnerScanner::Reach::everywhere, Clock::now() + last_search);
    owners_.disown(owners_.unheld(open));
    owners_.confirm(Clock::now());
    for (PacketFlow* flow : flows) {
        conclude(*flow);
    }
}

/// Returns `inodes` without those that are missing from the last list. The holder of a closed socket cannot be found
/// any more.
std::vector<Inode> FlowSockets::only_open(std::vector<Inode> inodes) const
{
    if (inodes.empty()) {
        return inodes;
    }
    std::unordered_set<std::uint64_t> open;
    for (const Socket& socket : listed()) {
        open.insert(socket.inode.value);
    }
    std::erase_if(inodes, [&](Inode inode) { return !open.contains(inode.value); });
    return inodes;
}

} // namespace socktally
