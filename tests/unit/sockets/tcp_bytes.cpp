// SPDX-License-Identifier: MIT
// What the kernel shows of a TCP socket at each moment of its life, and the payload that this is. "+1" is a SYN or a
// FIN.
#include "sockets/tcp_bytes.hpp"

#include <doctest/doctest.h>

#include <initializer_list>

using namespace socktally;

namespace {

using Sent = TcpCounters::Sent;

constexpr TcpHints opener;                // this end sent the SYN, or nobody knows
constexpr TcpHints acceptor{true, false}; // the local port is listened on
constexpr TcpHints seen_half_closed{false, true};

Socket socket_of(TcpState state, std::uint32_t rqueue, std::uint32_t wqueue)
{
    Socket socket;
    socket.state = state;
    socket.rqueue = rqueue;
    socket.wqueue = wqueue;
    socket.tcp.emplace();
    return socket;
}

struct WriteCase {
    const char* what;
    TcpState state;
    TcpHints hints;
    std::uint64_t acked;
    std::uint32_t queued;
    std::uint32_t unsent;
    std::optional<Sent> sent;
    std::uint64_t written;
};

std::uint64_t written(const WriteCase& life)
{
    Socket socket = socket_of(life.state, 0, life.queued);
    socket.tcp->segs_out = 10;
    socket.tcp->segs_in = 10;
    socket.tcp->bytes_acked = life.acked;
    socket.tcp->notsent_bytes = life.unsent;
    socket.tcp->sent = life.sent;
    return tcp_payload(socket, life.hints).tx_bytes;
}

struct ReadCase {
    const char* what;
    TcpState state;
    TcpHints hints;
    std::uint64_t received;
    std::uint32_t queued;
    std::uint32_t data_segments;
    std::uint64_t read;
};

std::uint64_t read(const ReadCase& life)
{
    Socket socket = socket_of(life.state, life.queued, 0);
    socket.tcp->segs_out = 10;
    socket.tcp->segs_in = 10;
    socket.tcp->data_segs_in = life.data_segments;
    socket.tcp->bytes_received = life.received;
    return tcp_payload(socket, life.hints).rx_bytes;
}

void check_written(std::initializer_list<WriteCase> lives)
{
    for (const WriteCase& life : lives) {
        CAPTURE(life.what);
        CHECK(written(life) == life.written);
    }
}

void check_read(std::initializer_list<ReadCase> lives)
{
    for (const ReadCase& life : lives) {
        CAPTURE(life.what);
        CHECK(read(life) == life.read);
    }
}

} // namespace

TEST_CASE("payload written, to the byte, where the kernel tells how much it sent")
{
    check_written({
        {"opener, all acknowledged", TcpState::established, opener, 1001, 0, 0, Sent{1000, 0}, 1000},
        {"acceptor, all acknowledged", TcpState::established, acceptor, 1000, 0, 0, Sent{1000, 0}, 1000},
        {"acceptor whose listener is gone", TcpState::established, opener, 1000, 0, 0, Sent{1000, 0}, 1000},
        {"nothing written", TcpState::established, opener, 1, 0, 0, Sent{0, 0}, 0},
        {"one byte", TcpState::established, opener, 2, 0, 0, Sent{1, 0}, 1},
        {"sent, not acknowledged", TcpState::established, opener, 401, 600, 0, Sent{1000, 0}, 1000},
        {"not sent yet", TcpState::established, opener, 1001, 4000, 2000, Sent{3000, 0}, 5000},
        {"window of the peer closed", TcpState::established, acceptor, 0, 700, 700, Sent{0, 0}, 700},
        {"some of it sent again", TcpState::established, opener, 1001, 0, 0, Sent{1300, 300}, 1000},
        {"sent again, not acknowledged", TcpState::established, acceptor, 100, 900, 0, Sent{1900, 900}, 1000},
        {"the peer has closed", TcpState::close_wait, opener, 1001, 0, 0, Sent{1000, 0}, 1000},
        {"connecting", TcpState::syn_sent, opener, 0, 1, 0, Sent{0, 0}, 0},
        {"closed, FIN under way", TcpState::fin_wait1, opener, 1001, 1, 0, Sent{1000, 0}, 1000},
        {"closed, FIN behind unsent data", TcpState::fin_wait1, opener, 1001, 4001, 2001, Sent{3000, 0}, 5000},
        {"closed, all acknowledged", TcpState::fin_wait2, opener, 1002, 0, 0, Sent{1000, 0}, 1000},
        {"acceptor closed, all acknowledged", TcpState::fin_wait2, acceptor, 1001, 0, 0, Sent{1000, 0}, 1000},
        {"both closed, FIN under way", TcpState::last_ack, opener, 1001, 1, 0, Sent{1000, 0}, 1000},
        {"both closed at once", TcpState::closing, acceptor, 1000, 1, 0, Sent{1000, 0}, 1000},
        {"destroyed after a FIN", TcpState::close, opener, 1002, 0, 0, Sent{1000, 0}, 1000},
        {"acceptor destroyed after a FIN", TcpState::close, acceptor, 1001, 0, 0, Sent{1000, 0}, 1000},
        {"destroyed by a reset", TcpState::close, opener, 1001, 0, 0, Sent{1000, 0}, 1000},
        {"destroyed with data in the queue", TcpState::close, opener, 501, 500, 0, Sent{1000, 0}, 1000},
        {"beyond 4 GiB", TcpState::established, opener, (1ULL << 40) + 1, 0, 0, Sent{1ULL << 40, 0}, 1ULL << 40},
    });
}

TEST_CASE("a packet dropped on this machine counts twice as sent: then the acknowledgements decide")
{
    check_written({
        {"opener", TcpState::established, opener, 1001, 0, 0, Sent{1500, 0}, 1000},
        {"acceptor", TcpState::established, acceptor, 1000, 0, 0, Sent{1500, 0}, 1000},
        {"dropped, not sent again yet", TcpState::established, acceptor, 400, 600, 0, Sent{1200, 0}, 1000},
        {"closed", TcpState::fin_wait2, opener, 1002, 0, 0, Sent{2448, 0}, 1000},
        {"destroyed after a FIN", TcpState::close, opener, 1002, 0, 0, Sent{2448, 0}, 1000},
    });
}

TEST_CASE("payload written where an old kernel does not tell how much it sent: exact while alive, else one byte off")
{
    check_written({
        {"opener", TcpState::established, opener, 1001, 0, 0, std::nullopt, 1000},
        {"acceptor", TcpState::established, acceptor, 1000, 0, 0, std::nullopt, 1000},
        {"acceptor whose listener is gone", TcpState::established, opener, 1000, 0, 0, std::nullopt, 999},
        {"connecting", TcpState::syn_sent, opener, 0, 1, 0, std::nullopt, 0},
        {"in the queue", TcpState::established, opener, 401, 600, 200, std::nullopt, 1000},
        {"closed, all acknowledged", TcpState::fin_wait2, opener, 1002, 0, 0, std::nullopt, 1000},
        {"destroyed after a FIN", TcpState::close, opener, 1002, 0, 0, std::nullopt, 1000},
        {"destroyed by a reset", TcpState::close, opener, 1001, 0, 0, std::nullopt, 999},
        {"nothing at all", TcpState::close, opener, 0, 0, 0, std::nullopt, 0},
    });
}

TEST_CASE("payload read, to the byte, while the socket is there")
{
    check_read({
        {"all read", TcpState::established, opener, 500, 0, 1, 500},
        {"some unread", TcpState::established, opener, 500, 200, 1, 300},
        {"nothing read", TcpState::established, opener, 500, 500, 1, 0},
        {"end of file read", TcpState::close_wait, opener, 501, 0, 1, 500},
        {"end of file unread", TcpState::close_wait, opener, 501, 1, 1, 500},
        {"data and end of file unread", TcpState::close_wait, opener, 501, 201, 1, 300},
        {"end of file without data", TcpState::close_wait, opener, 1, 0, 0, 0},
        {"end of file without data, unread", TcpState::close_wait, opener, 1, 1, 0, 0},
        {"half-closed by this end", TcpState::fin_wait2, opener, 500, 0, 1, 500},
        {"closed by both", TcpState::last_ack, acceptor, 501, 0, 1, 500},
        {"closed by both at once", TcpState::closing, acceptor, 501, 0, 1, 500},
        {"beyond 4 GiB", TcpState::established, opener, 1ULL << 40, 5, 1, (1ULL << 40) - 5},
    });
}

TEST_CASE("payload read of a destroyed socket: a FIN that no look showed is one byte of doubt")
{
    check_read({
        {"ended without the peer's FIN", TcpState::close, opener, 500, 0, 1, 500},
        {"seen half-closed before", TcpState::close, seen_half_closed, 501, 0, 1, 500},
        {"the peer's FIN was never seen", TcpState::close, opener, 501, 0, 1, 501},
        {"unread data", TcpState::close, opener, 500, 200, 1, 300},
        {"unread data and FIN, seen before", TcpState::close, seen_half_closed, 501, 201, 1, 300},
        {"nothing but a FIN", TcpState::close, opener, 1, 0, 0, 0},
    });
}

TEST_CASE("counters that contradict each other never give a huge number")
{
    CHECK(read({"more unread than received", TcpState::established, opener, 5, 100, 1, 0}) == 0);
    CHECK(written({"more sent again than sent", TcpState::established, opener, 0, 0, 0, Sent{5, 100}, 0}) == 0);
    CHECK(written({"less than SYN and FIN", TcpState::close, opener, 1, 0, 0, Sent{50, 0}, 0}) == 0);
}

TEST_CASE("a socket that never was connected has moved nothing")
{
    const Socket socket = socket_of(TcpState::close, 0, 0);
    CHECK_FALSE(counters_were_reset(socket));
    CHECK(tcp_payload(socket, {}).rx_bytes == 0);
    CHECK(tcp_payload(socket, {}).tx_bytes == 0);
}

TEST_CASE("a disconnect empties all counters but leaves the sequence numbers, which look like a write queue")
{
    Socket socket = socket_of(TcpState::close, 700, 5000);
    CHECK(counters_were_reset(socket));
    CHECK(tcp_payload(socket, {}).rx_bytes == 0);
    CHECK(tcp_payload(socket, {}).tx_bytes == 0);
    socket.tcp->segs_out = 1;
    CHECK_FALSE(counters_were_reset(socket));
}
