// SPDX-License-Identifier: MIT
#include "backend/packet/udp_delivery.hpp"

#include <algorithm>

namespace socktally {

namespace {

bool is_ours(const ListedSocket& socket) { return socket.tuple.protocol == Protocol::udp && socket.inode != Inode{}; }

/// From the flow that has most; false where several had some, so that it may be of another one.
bool take_from(std::vector<Flow>& flows, Inode inode, std::uint64_t bytes)
{
    Flow* most = nullptr;
    std::size_t candidates = 0;
    for (Flow& flow : flows) {
        if (flow.inode == inode && flow.rx_bytes.value_or(0) != 0) {
            most = most == nullptr || *flow.rx_bytes > *most->rx_bytes ? &flow : most;
            ++candidates;
        }
    }
    if (most != nullptr) {
        most->rx_bytes = *most->rx_bytes - std::min(*most->rx_bytes, bytes);
    }
    return candidates == 1;
}

} // namespace

void UdpDelivery::begin(const std::vector<ListedSocket>& sockets, const std::optional<ProtocolCounters>& counters)
{
    counters_before_ = counters;
    for (const ListedSocket& listed : sockets) {
        if (is_ours(listed)) {
            const auto [entry, is_new] = sockets_.try_emplace(listed.inode.value);
            Socket& socket = entry->second;
            socket.queued_before = is_new ? listed.queued : std::min(socket.queued_before, listed.queued);
            socket.drops_before = listed.drops;
        }
    }
}

void UdpDelivery::end(const std::vector<ListedSocket>& sockets, const std::optional<ProtocolCounters>& counters)
{
    counters_after_ = counters;
    for (auto& [inode, socket] : sockets_) {
        socket.queued = 0;
    }
    for (const ListedSocket& listed : sockets) {
        if (is_ours(listed)) {
            Socket& socket = sockets_[listed.inode.value]; // a new one began with no drops
            socket.queued = listed.queued;
            socket.drops = listed.drops.value_or(0) - socket.drops_before.value_or(0);
        }
    }
}

bool UdpDelivery::is_queued(const std::vector<ListedSocket>& sockets) const
{
    return std::any_of(sockets.begin(), sockets.end(),
                       [](const ListedSocket& socket) { return is_ours(socket) && socket.queued != 0; });
}

void UdpDelivery::add(const PacketFlow& flow)
{
    if (flow.tuple.protocol != Protocol::udp || flow.rx.datagrams == 0) {
        return;
    }
    Socket& socket = sockets_[flow.found.inode.value];
    socket.datagrams += flow.rx.datagrams;
    socket.smallest = std::min(socket.smallest, flow.rx.smallest);
    socket.largest = std::max(socket.largest, flow.rx.largest);
}

/// How many more datagrams came than were read or dropped. Less than there were where the kernel has cut some in pieces
/// (UDP_SEGMENT), which come as one and are read one by one.
std::int64_t UdpDelivery::unread() const
{
    std::uint64_t came = 0;
    std::uint64_t dropped = 0;
    for (const auto& [inode, socket] : sockets_) {
        came += socket.datagrams;
        dropped += socket.drops;
    }
    const std::uint64_t read =
        counters_before_ && counters_after_ ? counters_after_->udp_read - counters_before_->udp_read : came;
    return static_cast<std::int64_t>(came) - static_cast<std::int64_t>(read + dropped);
}

void UdpDelivery::correct(std::vector<Flow>& flows)
{
    bool explained = false;
    for (const auto& [inode, socket] : sockets_) {
        const bool lost = socket.datagrams != 0 && (socket.drops != 0 || socket.queued != 0);
        const bool waited = socket.queued_before > socket.queued;
        if (lost || waited) {
            explained = true;
            correct(Inode{inode}, socket, flows);
        }
    }
    if (!explained) {
        unsure_ += static_cast<std::uint64_t>(std::max<std::int64_t>(unread(), 0)); // closed unread, a firewall
    }
}

void UdpDelivery::correct(Inode inode, const Socket& socket, std::vector<Flow>& flows)
{
    if (socket.drops == socket.datagrams && socket.queued == socket.queued_before) { // nobody reads it
        take_from(flows, inode, std::numeric_limits<std::uint64_t>::max());
        return;
    }
    const auto queues = std::count_if(sockets_.begin(), sockets_.end(), [](const auto& entry) {
        return entry.second.queued != 0 || entry.second.queued_before != 0;
    });
    const bool alike = socket.smallest == socket.largest;
    const std::int64_t rest = unread();
    bool sure = alike && socket.queued_before == 0;
    std::uint64_t bytes = std::uint64_t{socket.drops} * socket.largest;
    if (socket.queued == 0) {
        sure = sure && (rest == 0 || queues != 0);
    } else {
        const auto waiting = static_cast<std::uint64_t>(std::max<std::int64_t>(rest, 0)) * socket.largest;
        sure = sure && queues == 1 && rest > 0 && waiting < socket.queued;
        bytes += sure ? waiting : socket.queued;
    }
    sure = take_from(flows, inode, bytes) && sure;
    unsure_ += sure ? 0 : std::max<std::uint64_t>(1, socket.drops);
}

bool UdpDelivery::unwanted(std::uint64_t datagrams) const
{
    return counters_before_ && counters_after_ &&
           counters_after_->udp_no_ports - counters_before_->udp_no_ports >= datagrams;
}

} // namespace socktally
