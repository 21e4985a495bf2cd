// SPDX-License-Identifier: MIT
#include "traffic/packet/delivered.hpp"

#include "traffic/snapshot.hpp"
#include "util/sum.hpp"

#include <algorithm>

namespace socktally {

namespace {

bool same_socket(const Socket& first, const Socket& last)
{
    const bool accepted = first.inode == Inode{}; // the connection was accepted after the first list
    return first.cookie == last.cookie && (first.cookie != Cookie{} || accepted || first.inode == last.inode);
}

/// Returns the payload by which the kernel's counters have grown in the window; null if a list has no counters, or if
/// they were reset. `counted` is the payload counted so far. It is set to the payload in the last list. A list may show
/// too much payload, and the next list less (see SocketCounters). So bytes up to the old `counted` are not counted
/// again.
std::optional<TcpPayload> gained(const PacketFlow& flow, const Socket* first, const Socket* last, TcpPayload& counted)
{
    if (last == nullptr || !last->tcp) {
        return std::nullopt;
    }
    SocketCounters after = counters_of(*last, {last->accepted, false});
    SocketCounters before{counted};
    if (!flow.began()) {
        if (first == nullptr || !first->tcp) {
            return std::nullopt;
        }
        before = counters_of(*first, {first->accepted, false});
        if (have_restarted(before, after)) {
            counted = {};
            return std::nullopt;
        }
        before.payload.rx_bytes = std::max(before.payload.rx_bytes, counted.rx_bytes);
        before.payload.tx_bytes = std::max(before.payload.tx_bytes, counted.tx_bytes);
    }
    TcpPayload moved = subtract(before, after);
    counted = after.payload;
    if (!flow.began()) {
        moved.rx_bytes = minus(moved.rx_bytes, flow.rx.earlier_bytes);
        moved.tx_bytes = minus(moved.tx_bytes, flow.tx.earlier_bytes);
    }
    return moved;
}

/// Returns whether the connection may have ended with bytes unread or unsent. An end that closes with unread bytes, or
/// receives bytes after it has closed, sends a RST (tcp_close()). The other end then drops its unsent bytes. If a
/// connection has ended without FIN and RST, the kernel has given it up.
bool may_have_left_bytes(const PacketFlow& flow, const TcpMoved& window)
{
    const bool moved = window.rx_bytes + window.tx_bytes != 0;
    const bool reset = ((flow.rx.tcp_flags | flow.tx.tcp_flags) & TcpHeader::rst) != 0;
    const bool closed = (flow.tx.tcp_flags & TcpHeader::fin) != 0;
    return moved && (reset || (!closed && flow.has_socket()));
}

} // namespace

TcpMoved tcp_in_window(const PacketFlow& flow, const Socket* first, const Socket* last)
{
    const bool is_new = flow.began() && !flow.is_old;
    if (is_new || (first != nullptr && last != nullptr && !same_socket(*first, *last))) {
        first = nullptr; // the first list shows an earlier connection with this tuple
    }
    const auto unsent = [](const Socket* socket) {
        return std::int64_t{socket == nullptr ? 0 : unsent_bytes(*socket).value_or(0)};
    };
    const auto unread = [](const Socket* socket) {
        return std::int64_t{socket == nullptr ? 0 : unread_bytes(*socket)};
    };
    const auto unknown = [](const Socket* socket) { return socket != nullptr && !unsent_bytes(*socket); };
    const std::int64_t rx =
        flow.rx.carried + static_cast<std::int64_t>(flow.rx.payload_bytes) + (flow.is_old ? 0 : unread(first));
    const std::int64_t tx =
        flow.tx.carried + static_cast<std::int64_t>(flow.tx.payload_bytes) - (flow.is_old ? 0 : unsent(first));
    TcpMoved window;
    window.counted = {flow.rx.counted, flow.tx.counted};
    if (const auto payload = gained(flow, first, last, window.counted)) {
        window.rx_bytes = payload->rx_bytes;
        window.tx_bytes = payload->tx_bytes;
    } else {
        window.rx_bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(rx - unread(last), 0));
        window.tx_bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(tx + unsent(last), 0));
        window.ended_unread = last == nullptr && may_have_left_bytes(flow, window);
        window.unsent_unknown = unknown(first) || unknown(last);
        window.counted.rx_bytes += window.rx_bytes;
        window.counted.tx_bytes += window.tx_bytes;
    }
    window.rx_carried = rx - static_cast<std::int64_t>(window.rx_bytes);
    window.tx_carried = tx - static_cast<std::int64_t>(window.tx_bytes);
    return window;
}

void count(PacketFlow& flow, const TcpMoved& window)
{
    flow.rx.payload_bytes = window.rx_bytes;
    flow.tx.payload_bytes = window.tx_bytes;
    flow.rx.carried = window.rx_carried;
    flow.tx.carried = window.tx_carried;
    flow.rx.counted = window.counted.rx_bytes;
    flow.tx.counted = window.counted.tx_bytes;
}

TcpMoved tcp_without_packets(const Socket* first, const Socket& last)
{
    if (first == nullptr || !same_socket(*first, last)) {
        return {};
    }
    TcpMoved window = tcp_in_window(PacketFlow{}, first, &last);
    window.rx_carried -= std::int64_t{unread_bytes(last)};
    window.tx_carried += std::int64_t{unsent_bytes(last).value_or(0)};
    return window;
}

namespace {

bool is_ours(const Socket& socket) { return socket.tuple.protocol == Protocol::udp && socket.inode != Inode{}; }

/// Among the flows of one socket: the flow with the most received bytes, and the number of flows with received bytes.
struct Most {
    Flow* flow = nullptr;
    std::size_t candidates = 0;
};

Most most_of(std::vector<Flow>& flows, Inode inode)
{
    Most most;
    for (Flow& flow : flows) {
        if (flow.inode != inode) {
            continue;
        }
        if (most.flow == nullptr || flow.rx_bytes.value_or(0) > most.flow->rx_bytes.value_or(0)) {
            most.flow = &flow;
        }
        most.candidates += flow.rx_bytes.value_or(0) != 0 ? 1 : 0;
    }
    return most;
}

} // namespace

void UdpDelivery::begin(const std::vector<Socket>& sockets, const std::optional<ProtocolCounters>& counters)
{
    counters_before_ = counters;
    for (const Socket& listed : sockets) {
        if (is_ours(listed)) {
            const auto [entry, is_new] = sockets_.try_emplace(listed.inode.value);
            Received& socket = entry->second;
            socket.queued_before = is_new ? listed.rqueue : std::min(socket.queued_before, listed.rqueue);
            socket.drops_before = listed.drops;
        }
    }
}

void UdpDelivery::end(const std::vector<Socket>& sockets, const std::optional<ProtocolCounters>& counters)
{
    counters_after_ = counters;
    for (auto& [inode, socket] : sockets_) {
        socket.queued = 0;
        socket.is_listed = false;
    }
    for (const Socket& listed : sockets) {
        if (is_ours(listed)) {
            Received& socket = sockets_[listed.inode.value]; // a socket that was not listed before began with 0 drops
            socket.is_listed = true;
            socket.queued = listed.rqueue;
            socket.drops = listed.drops.value_or(0) - socket.drops_before.value_or(0);
        }
    }
}

/// Begins the next window. Sets read_early_ to the number of datagrams that came after the end of the window, but were
/// read before the second reading of the counters. Their packets belong to the next window.
void UdpDelivery::next_window()
{
    read_early_ = std::min(std::max<std::int64_t>(-unread(), 0), static_cast<std::int64_t>(read_meanwhile()));
    if (counters_at_end_ && counters_after_) {
        counters_after_->udp_no_ports = counters_at_end_->udp_no_ports;
    }
    counters_before_ = counters_after_;
    elsewhere_ = 0;
    unsure_ = 0;
    std::erase_if(sockets_, [](const auto& entry) { return !entry.second.is_listed; });
    for (auto& [inode, socket] : sockets_) {
        Received next;
        next.drops_before = socket.drops_before.value_or(0) + socket.drops;
        next.dropped_early = socket.early_drops();
        next.queued_before = socket.queued;
        next.waited = socket.waits;
        next.knows_waited = socket.knows_waits;
        next.reader = socket.waits != 0 ? std::move(socket.reader) : nullptr;
        socket = std::move(next);
    }
}

/// Returns the number of drops that are already counted, but whose packets belong to the next window. These are the
/// drops that exceed the datagrams received in this window.
std::uint32_t UdpDelivery::Received::early_drops() const
{
    const std::uint64_t all = std::uint64_t{dropped_early} + drops;
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(all - lost(), drops));
}

bool UdpDelivery::is_queued(const std::vector<Socket>& sockets) const
{
    return std::any_of(sockets.begin(), sockets.end(),
                       [](const Socket& socket) { return is_ours(socket) && socket.rqueue != 0; });
}

void UdpDelivery::add(const PacketFlow& flow)
{
    if (flow.tuple.protocol != Protocol::udp || flow.rx.datagrams == 0) {
        return;
    }
    Received& socket = sockets_[flow.found.inode.value];
    socket.datagrams += flow.rx.datagrams;
    socket.smallest = std::min(socket.smallest, flow.rx.smallest);
    socket.largest = std::max(socket.largest, flow.rx.largest);
    unsure_ += flow.is_unsure ? 1 : 0;
}

void UdpDelivery::add_elsewhere(const PacketFlow& flow) { elsewhere_ += flow.rx.datagrams; }

/// Returns the number of received datagrams minus those that were read or dropped. The result is too low if the sender
/// uses UDP_SEGMENT: its datagrams arrive as one packet, and are read one by one.
std::int64_t UdpDelivery::unread() const
{
    std::uint64_t came = elsewhere_;
    std::uint64_t dropped = 0;
    for (const auto& [inode, socket] : sockets_) {
        came += socket.datagrams;
        dropped += socket.lost();
    }
    return static_cast<std::int64_t>(came) - read_early_ -
           static_cast<std::int64_t>(was_read().value_or(came) + dropped);
}

/// Returns the number of datagrams that processes have read in the whole namespace in the window; null if not known.
std::optional<std::uint64_t> UdpDelivery::was_read() const
{
    if (!counters_before_ || !counters_after_) {
        return std::nullopt;
    }
    return counters_after_->udp_read - counters_before_->udp_read;
}

/// Returns the number of datagrams that processes have read between counters_at_end_ and counters_after_.
std::uint64_t UdpDelivery::read_meanwhile() const
{
    return counters_at_end_ && counters_after_ ? counters_after_->udp_read - counters_at_end_->udp_read : 0;
}

bool UdpDelivery::take_unseen(std::uint64_t datagrams, std::uint64_t unclaimed)
{
    const auto unseen = static_cast<std::uint64_t>(std::max<std::int64_t>(-unread(), 0));
    const std::uint64_t sure = unseen - std::min(unseen, unclaimed);
    unsure_ += unseen > 0 && sure < datagrams ? datagrams - sure : 0;
    return sure > 0;
}

void UdpDelivery::correct(std::vector<Flow>& flows)
{
    bool explained = false;
    for (auto& [inode, socket] : sockets_) {
        const bool is_short = socket.lost() != 0 || (socket.datagrams != 0 && socket.queued != 0);
        const bool has_waited = socket.queued_before > socket.queued || socket.waited != 0;
        if (is_short || has_waited) {
            explained = true;
            correct(Inode{inode}, socket, flows);
        }
    }
    if (!explained) {
        // No queue and no drop explains the missing datagrams. Either their sockets were closed before a process read
        // them, or a firewall dropped them.
        unsure_ += static_cast<std::uint64_t>(std::max<std::int64_t>(unread(), 0));
    }
}

/// Handles the datagrams that were queued at a socket that is closed now. They count as read in this window, but also
/// as unsure, because the process may have closed the socket without reading them. If no datagram was read in the whole
/// namespace, they do not count.
void UdpDelivery::add_last_reads(const Received& socket, std::vector<Flow>& flows)
{
    if (was_read() == 0U) {
        return;
    }
    unsure_ += 1;
    if (socket.reader != nullptr) {
        flows.push_back(*socket.reader);
        flows.back().rx_bytes = socket.waited;
    }
}

void UdpDelivery::correct(Inode inode, Received& socket, std::vector<Flow>& flows)
{
    const Most most = most_of(flows, inode);
    if (most.flow == nullptr) { // the socket is closed, and had no packets in this window
        add_last_reads(socket, flows);
        return;
    }
    const std::uint64_t came = most.flow->rx_bytes.value_or(0) + socket.waited;
    socket.reader = std::make_unique<Flow>(*most.flow);
    socket.reader->tx_bytes = 0;
    socket.reader->packets = {0, 0, 0, 0};
    // No process has read from the socket.
    if (socket.lost() == socket.datagrams && socket.queued == socket.queued_before) {
        most.flow->rx_bytes = 0;
        socket.waits = socket.waited;
        socket.knows_waits = socket.knows_waited;
        return;
    }
    bool sure = socket.lost() == 0 || socket.smallest == socket.largest;
    socket.waits = waiting(socket, sure);
    sure = sure && most.candidates <= 1 && (socket.queued_before == 0 || (socket.waited != 0 && socket.knows_waited));
    socket.knows_waits = sure;
    const std::uint64_t dropped = socket.lost() * socket.largest;
    const std::uint64_t left = came - std::min(came, dropped);
    socket.waits = std::min(socket.waits, left);
    most.flow->rx_bytes = left - socket.waits;
    unsure_ += sure ? 0 : std::max<std::uint64_t>(1, socket.lost());
}

/// Returns the payload in the socket's receive queue, in bytes. The kernel reports only the memory of the queue, which
/// is more. So the payload is computed from the number and the length of the datagrams. If these are not certain,
/// clears `sure` and returns the memory.
std::uint64_t UdpDelivery::waiting(const Received& socket, bool& sure) const
{
    const auto queues = std::count_if(sockets_.begin(), sockets_.end(), [](const auto& entry) {
        return entry.second.queued != 0 || entry.second.queued_before != 0;
    });
    const bool is_only_theirs =
        elsewhere_ == 0 && std::all_of(sockets_.begin(), sockets_.end(), [](const auto& entry) {
            return entry.second.is_listed || entry.second.datagrams == 0; // a closed socket may have unread datagrams
        });
    const std::int64_t rest = unread();
    if (socket.queued == 0) {
        sure = sure && (rest <= 0 || queues != 0);
        return 0;
    }
    const auto bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(rest, 0)) * socket.largest;
    sure = sure && socket.smallest == socket.largest && socket.waited == 0 && queues == 1 && is_only_theirs &&
           rest > 0 && read_meanwhile() == 0 && bytes < socket.queued;
    return sure ? bytes : socket.queued;
}

bool UdpDelivery::unwanted(std::uint64_t datagrams) const
{
    return counters_before_ && counters_after_ &&
           counters_after_->udp_no_ports - counters_before_->udp_no_ports >= datagrams;
}

} // namespace socktally
