// SPDX-License-Identifier: MIT
#include "traffic/packet/tcp_window.hpp"

#include "util/sum.hpp"

#include <algorithm>

namespace socktally {

namespace {

bool same_socket(const ListedSocket& first, const ListedSocket& last)
{
    const bool accepted = first.inode == Inode{}; // between the two
    return first.cookie == last.cookie && (first.cookie != Cookie{} || accepted || first.inode == last.inode);
}

/// What the kernel's counters gained; null where one of the lists has none, or where they began anew.
std::optional<TcpPayload> gained(const PacketFlow& flow, const ListedSocket* first, const ListedSocket* last)
{
    if (last == nullptr || !last->payload) {
        return std::nullopt;
    }
    if (flow.began()) {
        return TcpPayload{minus(last->payload->rx_bytes, flow.rx.counted),
                          minus(last->payload->tx_bytes, flow.tx.counted)};
    }
    if (first == nullptr || !first->payload || last->payload->rx_bytes < first->payload->rx_bytes ||
        last->payload->tx_bytes < first->payload->tx_bytes) {
        return std::nullopt;
    }
    return TcpPayload{minus(last->payload->rx_bytes - first->payload->rx_bytes, flow.rx.earlier_bytes),
                      minus(last->payload->tx_bytes - first->payload->tx_bytes, flow.tx.earlier_bytes)};
}

/// A process that closes a socket with unread bytes sends RST (tcp_close()), and so does its end when more come after
/// that; who gets one has what it was to send thrown away. Without FIN and RST it was given up.
bool may_have_left_bytes(const PacketFlow& flow, const TcpWindow& window)
{
    const bool moved = window.rx_bytes + window.tx_bytes != 0;
    const bool reset = ((flow.rx.tcp_flags | flow.tx.tcp_flags) & TcpHeader::rst) != 0;
    const bool closed = (flow.tx.tcp_flags & TcpHeader::fin) != 0;
    return moved && (reset || (!closed && flow.has_socket()));
}

} // namespace

TcpWindow tcp_in_window(const PacketFlow& flow, const ListedSocket* first, const ListedSocket* last)
{
    const bool is_new = flow.began() && !flow.is_old;
    if (is_new || (first != nullptr && last != nullptr && !same_socket(*first, *last))) {
        first = nullptr; // that was another connection
    }
    const auto unsent = [](const ListedSocket* socket) {
        return std::int64_t{socket == nullptr ? 0 : socket->unsent.value_or(0)};
    };
    const auto unread = [](const ListedSocket* socket) { return std::int64_t{socket == nullptr ? 0 : socket->queued}; };
    const auto unknown = [](const ListedSocket* socket) { return socket != nullptr && !socket->unsent; };
    const std::int64_t rx =
        flow.rx.carried + static_cast<std::int64_t>(flow.rx.payload_bytes) + (flow.is_old ? 0 : unread(first));
    const std::int64_t tx =
        flow.tx.carried + static_cast<std::int64_t>(flow.tx.payload_bytes) - (flow.is_old ? 0 : unsent(first));
    TcpWindow window;
    if (const auto payload = gained(flow, first, last)) {
        window.rx_bytes = payload->rx_bytes;
        window.tx_bytes = payload->tx_bytes;
    } else {
        window.rx_bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(rx - unread(last), 0));
        window.tx_bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(tx + unsent(last), 0));
        window.ended_unread = last == nullptr && may_have_left_bytes(flow, window);
        window.unsent_unknown = unknown(first) || unknown(last);
    }
    window.rx_carried = rx - static_cast<std::int64_t>(window.rx_bytes);
    window.tx_carried = tx - static_cast<std::int64_t>(window.tx_bytes);
    return window;
}

TcpWindow tcp_without_packets(const ListedSocket* first, const ListedSocket& last)
{
    if (first == nullptr || !same_socket(*first, last)) {
        return {};
    }
    TcpWindow window = tcp_in_window(PacketFlow{}, first, &last);
    window.rx_carried -= std::int64_t{last.queued};
    window.tx_carried += std::int64_t{last.unsent.value_or(0)};
    return window;
}

} // namespace socktally
