// SPDX-License-Identifier: MIT
#include "sockets/sock_diag.hpp"

#include "linux/error.hpp"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <thread>

namespace socktally {

namespace {

constexpr std::uint8_t extension(int attribute) { return static_cast<std::uint8_t>(1U << (attribute - 1)); }

template <typename Body>
std::vector<std::byte> request(std::uint16_t type, std::uint16_t flags, const Body& body)
{
    nlmsghdr header{};
    header.nlmsg_len = sizeof header + sizeof body;
    header.nlmsg_type = type;
    header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    std::vector<std::byte> bytes(sizeof header + sizeof body);
    std::memcpy(bytes.data(), &header, sizeof header);
    std::memcpy(bytes.data() + sizeof header, &body, sizeof body);
    return bytes;
}

Address address_of(std::span<const std::uint32_t, 4> words, int family)
{
    return Address::from_bytes(std::as_bytes(words).first(family == AF_INET6 ? 16 : 4));
}

std::optional<Protocol> protocol_of(std::uint8_t number)
{
    switch (number) {
    case IPPROTO_TCP: return Protocol::tcp;
    case IPPROTO_UDP: return Protocol::udp;
    default: return std::nullopt;
    }
}

/// Returns whether `info` is long enough for a member. Older kernels return a shorter tcp_info.
bool reaches(std::span<const std::byte> info, std::size_t member_end) { return info.size() >= member_end; }

/// Returns the number of dropped datagrams. Returns null before Linux 4.11, which does not report the number.
std::optional<std::uint32_t> meminfo_drops(std::span<const std::byte> info)
{
    std::uint32_t drops = 0;
    if (info.size() < (SK_MEMINFO_DROPS + 1) * sizeof drops) {
        return std::nullopt;
    }
    std::memcpy(&drops, info.data() + SK_MEMINFO_DROPS * sizeof drops, sizeof drops);
    return drops;
}

/// Stores the attributes in the socket. Returns the protocol that INET_DIAG_PROTOCOL names, or `protocol` if that
/// attribute is missing. Returns null if the attribute names a protocol other than TCP and UDP.
std::optional<Protocol> read_attributes(std::span<const std::byte> attributes, Protocol protocol, Socket& socket)
{
    std::optional<Protocol> named = protocol;
    NetlinkAttribute attribute;
    while (next_attribute(attributes, attribute)) {
        if (attribute.type == INET_DIAG_PROTOCOL && !attribute.payload.empty()) {
            named = protocol_of(static_cast<std::uint8_t>(attribute.payload[0]));
        } else if (attribute.type == INET_DIAG_SKV6ONLY && !attribute.payload.empty()) {
            socket.v6_only = attribute.payload[0] != std::byte{0};
        } else if (attribute.type == INET_DIAG_SKMEMINFO) {
            socket.drops = meminfo_drops(attribute.payload);
        } else if (attribute.type == INET_DIAG_CGROUP_ID && attribute.payload.size() == sizeof socket.cgroup_id) {
            std::memcpy(&socket.cgroup_id, attribute.payload.data(), sizeof socket.cgroup_id);
        } else if (attribute.type == INET_DIAG_INFO) {
            socket.tcp = parse_tcp_info(attribute.payload);
        }
    }
    return named;
}

constexpr int tries = 5;

bool worth_another_try(int error) { return error == EBUSY || error == ENOBUFS || error == EBADMSG; }

} // namespace

std::optional<TcpCounters> parse_tcp_info(std::span<const std::byte> bytes)
{
    tcp_info info{};
    if (!reaches(bytes, offsetof(tcp_info, tcpi_delivery_rate))) {
        return std::nullopt;
    }
    std::memcpy(&info, bytes.data(), std::min(bytes.size(), sizeof info));
    TcpCounters counters;
    counters.bytes_acked = info.tcpi_bytes_acked;
    counters.bytes_received = info.tcpi_bytes_received;
    counters.segs_out = info.tcpi_segs_out;
    counters.segs_in = info.tcpi_segs_in;
    counters.data_segs_in = info.tcpi_data_segs_in;
    counters.notsent_bytes = info.tcpi_notsent_bytes;
    counters.rtt_us = info.tcpi_rtt;
    counters.idle_ms = std::min({info.tcpi_last_data_sent, info.tcpi_last_data_recv, info.tcpi_last_ack_recv});
    if (reaches(bytes, offsetof(tcp_info, tcpi_bytes_retrans) + sizeof info.tcpi_bytes_retrans)) {
        counters.sent = TcpCounters::Sent{info.tcpi_bytes_sent, info.tcpi_bytes_retrans};
    }
    return counters;
}

std::optional<Socket> parse_diag(std::span<const std::byte> payload, Protocol protocol)
{
    inet_diag_msg message{};
    if (payload.size() < sizeof message) {
        return std::nullopt;
    }
    std::memcpy(&message, payload.data(), sizeof message);
    if (message.idiag_family != AF_INET && message.idiag_family != AF_INET6) {
        return std::nullopt;
    }
    Socket socket;
    socket.tuple.local = {address_of(message.id.idiag_src, message.idiag_family), ntohs(message.id.idiag_sport)};
    if (message.id.idiag_dport != 0) { // 0: the socket is not connected
        socket.tuple.remote = {address_of(message.id.idiag_dst, message.idiag_family), ntohs(message.id.idiag_dport)};
    }
    socket.family = socket.tuple.local.address.family;
    socket.cookie = Cookie{message.id.idiag_cookie[0] | std::uint64_t{message.id.idiag_cookie[1]} << 32};
    socket.inode = Inode{message.idiag_inode};
    socket.uid = Uid{message.idiag_uid};
    socket.interface = message.id.idiag_if;
    socket.state = static_cast<TcpState>(message.idiag_state);
    socket.rqueue = message.idiag_rqueue;
    socket.wqueue = message.idiag_wqueue;

    const auto attributes = payload.subspan(std::min<std::size_t>(NLMSG_ALIGN(sizeof message), payload.size()));
    const auto named = read_attributes(attributes, protocol, socket);
    if (!named) {
        return std::nullopt;
    }
    socket.tuple.protocol = *named;
    if (*named != Protocol::tcp) {
        socket.tcp.reset();
    }
    return socket;
}

std::vector<std::byte> tcp_dump_request(std::uint32_t states, DiagDetail detail)
{
    // Only the old TCPDIAG_GETSOCK request takes AF_UNSPEC, which means both families (inet_diag_dump_compat()).
    inet_diag_req body{};
    body.idiag_family = AF_UNSPEC;
    body.idiag_ext = detail == DiagDetail::tcp_info ? extension(INET_DIAG_INFO) : std::uint8_t{0};
    body.idiag_states = states;
    return request(TCPDIAG_GETSOCK, NLM_F_DUMP, body);
}

std::vector<std::byte> udp_dump_request(Family family)
{
    inet_diag_req_v2 body{};
    body.sdiag_family = family == Family::v6 ? AF_INET6 : AF_INET;
    body.sdiag_protocol = IPPROTO_UDP;
    body.idiag_ext = extension(INET_DIAG_SKMEMINFO);
    body.idiag_states = ~0U;
    return request(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, body);
}

std::vector<std::byte> tcp_lookup_request(const Tuple& tuple, Cookie cookie, std::uint32_t interface)
{
    inet_diag_req_v2 body{};
    body.sdiag_family = tuple.local.address.family == Family::v6 ? AF_INET6 : AF_INET;
    body.sdiag_protocol = IPPROTO_TCP;
    body.idiag_ext = extension(INET_DIAG_INFO);
    body.idiag_states = ~0U;
    body.id.idiag_sport = htons(tuple.local.port);
    body.id.idiag_dport = htons(tuple.remote.port);
    body.id.idiag_if = interface;
    std::memcpy(body.id.idiag_src, tuple.local.address.bytes.data(), sizeof body.id.idiag_src);
    std::memcpy(body.id.idiag_dst, tuple.remote.address.bytes.data(), sizeof body.id.idiag_dst);
    body.id.idiag_cookie[0] = static_cast<std::uint32_t>(cookie.value);
    body.id.idiag_cookie[1] = static_cast<std::uint32_t>(cookie.value >> 32);
    return request(SOCK_DIAG_BY_FAMILY, NLM_F_ACK, body);
}

int Dumper::ask(std::span<std::byte> request, Protocol protocol, const std::function<void(const Socket&)>& take)
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
        // The rest of the broken reply may still arrive at this netlink socket, so the next try uses a new one.
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
        const int error = ask(request, Protocol::tcp,
                              [&](const Socket& socket) { repeats = take(socket) == DumpRow::repeated || repeats; });
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

Dumper::Outcome Dumper::tcp_once(const std::function<void(const Socket&)>& take, DiagDetail detail,
                                 std::uint32_t states)
{
    auto request = tcp_dump_request(states, detail);
    switch (ask(request, Protocol::tcp, take)) {
    case 0: return Outcome::clean;
    case EINTR: return Outcome::disturbed;
    default: return Outcome::refused;
    }
}

bool Dumper::udp(const std::function<void(const Socket&)>& take)
{
    bool listed = false;
    for (const Family family : {Family::v4, Family::v6}) {
        auto request = udp_dump_request(family);
        const int error = ask(request, Protocol::udp, take);
        listed = listed || error == 0 || error == EINTR;
    }
    return listed;
}

std::optional<Socket> Dumper::lookup(const Flow& flow)
{
    auto request = tcp_lookup_request(flow.tuple, flow.cookie, flow.interface);
    std::optional<Socket> found;
    ask(request, Protocol::tcp, [&](const Socket& socket) { found = socket; });
    return found;
}

} // namespace socktally
