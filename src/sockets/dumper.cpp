// SPDX-License-Identifier: MIT
#include "sockets/dumper.hpp"

#include "linux/error.hpp"

#include <cerrno>
#include <chrono>
#include <system_error>
#include <thread>

namespace socktally {

namespace {

constexpr int tries = 5;

bool worth_another_try(int error) { return error == EBUSY || error == ENOBUFS || error == EBADMSG; }

} // namespace

int Dumper::ask(std::span<std::byte> request, Protocol protocol, const std::function<void(const DiagSocket&)>& take)
{
    using Clock = std::chrono::steady_clock;
    int error = 0;
    for (int i = 0; i < tries; ++i) {
        const auto begun = Clock::now();
        std::size_t sockets = 0;
        error = exchange(socket_, request, [&](const NetlinkMessage& message) {
            if (const auto socket = parse_diag(message.payload, protocol)) {
                take(*socket);
                ++sockets;
            } else {
                ++garbled_;
            }
        });
        if (trace_) {
            trace_("dump of {}: {} sockets in {} us{}", to_string(protocol), sockets,
                   std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun).count(),
                   error == 0 ? "" : fmt::format(", failed: {}", std::generic_category().message(error)));
        }
        if (!worth_another_try(error)) {
            return error;
        }
        // The rest of the broken reply may still be under way: begin with a new socket.
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        renew();
    }
    return error;
}

void Dumper::renew()
{
    int error = 0;
    const bool entered = run_in_netns_of(socket_.fd(), netns_, [&] {
        try {
            socket_ = NetlinkSocket(NetlinkSocket::Mode::blocking);
        } catch (const std::system_error& failure) {
            error = failure.code().value();
        }
    });
    if (!entered || error != 0) {
        throw errno_error("cannot open a netlink socket", entered ? error : EPERM);
    }
}

Dumper::Dumped Dumper::tcp(const std::function<void()>& begin, const Take& take)
{
    auto request = tcp_dump_request(connected_states | state_bit(TcpState::listen), DiagDetail::tcp_info);
    Dumped dumped;
    dumped.begun = std::chrono::steady_clock::now();
    if (tcp_in_use() == 0U) {
        begin();
        dumped.ended = dumped.begun;
        return dumped;
    }
    for (int i = 0; i < tries; ++i) {
        begin();
        bool repeats = false;
        const int error = ask(request, Protocol::tcp, [&](const DiagSocket& socket) {
            repeats = take(socket) == DumpRow::repeated || repeats;
        });
        if (error != 0 && error != EINTR) {
            throw errno_error("cannot list the TCP sockets", error);
        }
        if (i == 0) {
            dumped.ended = std::chrono::steady_clock::now();
        }
        if (!repeats && error == 0) {
            return dumped;
        }
    }
    dumped.outcome = Outcome::disturbed;
    return dumped;
}

bool Dumper::tcp_quick(const std::function<void(const DiagSocket&)>& take, DiagDetail detail)
{
    auto request = tcp_dump_request(connected_states | state_bit(TcpState::listen), detail);
    const int error = ask(request, Protocol::tcp, take);
    return error == 0 || error == EINTR;
}

bool Dumper::lists_tcp()
{
    auto request = tcp_dump_request(state_bit(TcpState::listen), DiagDetail::sockets);
    const int error = ask(request, Protocol::tcp, [](const DiagSocket&) {});
    return error == 0 || error == EINTR;
}

bool Dumper::udp(const std::function<void(const DiagSocket&)>& take)
{
    bool listed = false;
    for (const Family family : {Family::v4, Family::v6}) {
        auto request = udp_dump_request(family);
        const int error = ask(request, Protocol::udp, take);
        listed = listed || error == 0 || error == EINTR;
    }
    return listed;
}

std::optional<DiagSocket> Dumper::lookup(const Flow& flow)
{
    auto request = tcp_lookup_request(flow.tuple, flow.cookie, flow.interface);
    std::optional<DiagSocket> found;
    ask(request, Protocol::tcp, [&](const DiagSocket& socket) { found = socket; });
    return found;
}

} // namespace socktally
