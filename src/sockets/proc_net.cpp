// SPDX-License-Identifier: MIT
#include "sockets/proc_net.hpp"

#include "linux/file.hpp"
#include "linux/proc.hpp"

#include <fcntl.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <span>
#include <string>

namespace socktally {

namespace {

constexpr std::size_t word_digits = 8;

/// Parses a number of exactly `digits` hexadecimal digits.
template <typename T>
std::optional<T> parse_hex(std::string_view text, std::size_t digits)
{
    T value{};
    constexpr int base = 16;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    const bool is_whole = error == std::errc() && stop == text.data() + text.size() && text.size() == digits;
    return is_whole ? std::optional(value) : std::nullopt;
}

template <typename T>
std::optional<T> parse_decimal(std::string_view text)
{
    const auto number = parse_number(text);
    return number && *number <= std::numeric_limits<T>::max() ? std::optional(static_cast<T>(*number)) : std::nullopt;
}

struct ListedEnd {
    Endpoint endpoint;
    Family family; // v6 in a list of IPv6, even if the address is a v4-mapped one
};

/// Parses an address with its port, such as "0100007F:1F90". A v6 address has four words of 8 digits.
std::optional<ListedEnd> parse_end(std::string_view text)
{
    constexpr std::size_t port_digits = 4;
    const std::size_t colon = text.find(':');
    const std::string_view digits = text.substr(0, colon);
    const bool is_v6 = digits.size() == 4 * word_digits;
    if (colon == std::string_view::npos || (!is_v6 && digits.size() != word_digits)) {
        return std::nullopt;
    }
    std::array<std::uint32_t, 4> words{};
    const std::size_t count = is_v6 ? words.size() : 1;
    for (std::size_t i = 0; i < count; ++i) {
        const auto word = parse_hex<std::uint32_t>(digits.substr(i * word_digits, word_digits), word_digits);
        if (!word) {
            return std::nullopt;
        }
        words.at(i) = *word;
    }
    const auto port = parse_hex<std::uint16_t>(text.substr(colon + 1), port_digits);
    if (!port) {
        return std::nullopt;
    }
    const Address address = Address::from_bytes(std::as_bytes(std::span(words).first(count)));
    return ListedEnd{{address, *port}, is_v6 ? Family::v6 : Family::v4};
}

/// Sets the queue lengths of the socket from "tx_queue:rx_queue". Returns false if the text has another form.
bool set_queues(Socket& socket, std::string_view queues)
{
    const std::size_t colon = std::min(queues.find(':'), queues.size());
    const auto wqueue = parse_hex<std::uint32_t>(queues.substr(0, colon), word_digits);
    const auto rqueue = parse_hex<std::uint32_t>(queues.substr(std::min(colon + 1, queues.size())), word_digits);
    socket.wqueue = wqueue.value_or(0);
    socket.rqueue = rqueue.value_or(0);
    return wqueue && rqueue;
}

struct List {
    const char* name;
    Protocol protocol;
};

constexpr std::array lists{
    List{"tcp", Protocol::tcp},    List{"tcp6", Protocol::tcp},        List{"udp", Protocol::udp},
    List{"udp6", Protocol::udp},   List{"udplite", Protocol::udplite}, List{"udplite6", Protocol::udplite},
    List{"raw", Protocol::raw},    List{"raw6", Protocol::raw},        List{"icmp", Protocol::icmp},
    List{"icmp6", Protocol::icmp}, List{"packet", Protocol::packet},   List{"sctp/eps", Protocol::sctp},
};

} // namespace

std::size_t parse_tcp_in_use(std::string_view text)
{
    while (!text.empty()) {
        std::string_view line = next_line(text);
        const std::string_view protocol = next_word(line);
        if (protocol != "TCP:" && protocol != "TCP6:") {
            continue;
        }
        std::size_t sum = 0;
        for (std::string_view name = next_word(line); !name.empty(); name = next_word(line)) {
            const auto value = parse_number(next_word(line));
            sum += name == "inuse" || name == "tw" ? value.value_or(0) : 0;
        }
        return sum;
    }
    return 0;
}

TcpInUse::TcpInUse(const std::string& directory)
    : v4_(::open((directory + "/sockstat").c_str(), O_RDONLY | O_CLOEXEC)),
      v6_(::open((directory + "/sockstat6").c_str(), O_RDONLY | O_CLOEXEC))
{
}

std::optional<std::size_t> TcpInUse::read() const
{
    constexpr std::size_t size_limit = 1 << 16;
    std::string buffer;
    const auto v4 = v4_ ? reread_file(v4_.get(), buffer, size_limit) : std::nullopt;
    if (!v4) {
        return std::nullopt;
    }
    const std::size_t sum = parse_tcp_in_use(*v4);
    const auto v6 = v6_ ? reread_file(v6_.get(), buffer, size_limit) : std::string_view();
    return v6 ? std::optional(sum + parse_tcp_in_use(*v6)) : std::nullopt;
}

std::optional<Socket> parse_inet_socket(std::string_view line, Protocol protocol)
{
    next_word(line); // skips the number of the line
    const auto local = parse_end(next_word(line));
    const auto remote = parse_end(next_word(line));
    const auto state = parse_hex<std::uint8_t>(next_word(line), 2);
    const auto queues = next_word(line);
    next_word(line); // the timer
    next_word(line); // the retransmissions
    const auto uid = parse_decimal<std::uint32_t>(next_word(line));
    next_word(line); // the timeout
    const auto inode = parse_number(next_word(line));
    next_word(line); // references
    next_word(line); // the kernel's pointer
    const auto drops = next_word(line);
    Socket socket;
    if (!local || !remote || local->family != remote->family || !state || !set_queues(socket, queues) || !uid ||
        !inode) {
        return std::nullopt;
    }
    socket.tuple = {protocol, local->endpoint, remote->endpoint};
    if (remote->endpoint.address.is_unspecified()) {
        socket.tuple.remote = {};
    }
    socket.family = local->family;
    socket.inode = Inode{*inode};
    socket.uid = Uid{*uid};
    const std::uint16_t number = local->endpoint.port;
    if (protocol == Protocol::raw && (number == IPPROTO_ICMP || number == IPPROTO_ICMPV6)) {
        socket.tuple.protocol = Protocol::icmp;
    }
    if (protocol == Protocol::udp) {
        socket.drops = parse_decimal<std::uint32_t>(drops);
    }
    socket.state = static_cast<TcpState>(*state);
    if (protocol == Protocol::tcp && state_of(socket) != SocketState::open) {
        socket.uid.reset(); // in these states the kernel prints 0 instead of the user
    }
    return socket;
}

std::optional<Socket> parse_packet_socket(std::string_view line)
{
    for (int i = 0; i < 4; ++i) { // skips the kernel's pointer, the references, the type and the protocol
        next_word(line);
    }
    const auto interface = parse_decimal<std::uint32_t>(next_word(line));
    next_word(line); // whether it runs
    const auto memory = parse_decimal<std::uint32_t>(next_word(line));
    const auto uid = parse_decimal<std::uint32_t>(next_word(line));
    const auto inode = parse_number(next_word(line));
    if (!interface || !uid || !inode) {
        return std::nullopt;
    }
    Socket socket;
    socket.tuple.protocol = Protocol::packet;
    socket.rqueue = memory.value_or(0);
    socket.interface = *interface;
    socket.inode = Inode{*inode};
    socket.uid = Uid{*uid};
    return socket;
}

std::optional<Socket> parse_sctp_socket(std::string_view line)
{
    for (int i = 0; i < 5; ++i) { // skips two kernel pointers, the style, the state and the hash
        next_word(line);
    }
    const auto port = parse_decimal<std::uint16_t>(next_word(line));
    const auto uid = parse_decimal<std::uint32_t>(next_word(line));
    const auto inode = parse_number(next_word(line));
    if (!port || !uid || !inode) {
        return std::nullopt;
    }
    Socket socket;
    socket.tuple.protocol = Protocol::sctp;
    socket.tuple.local = {parse_address(next_word(line)).value_or(Address{}), *port};
    socket.inode = Inode{*inode};
    socket.uid = Uid{*uid};
    return socket;
}

ProcSocketFiles::ProcSocketFiles(ProcLists which, const std::string& directory) : tcp_in_use_(directory)
{
    // The lists are opened relative to `net`, so the kernel resolves the long path only once.
    const Fd net(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    for (const List& list : lists) {
        const bool is_counted = list.protocol == Protocol::tcp || list.protocol == Protocol::udp;
        if (which != ProcLists::all && is_counted != (which == ProcLists::tcp_and_udp)) {
            continue;
        }
        Fd file(::openat(net.get(), list.name, O_RDONLY | O_CLOEXEC));
        if (file) { // missing if this kernel does not have the protocol
            files_.push_back({std::move(file), list.protocol});
        }
    }
}

ProcSockets ProcSocketFiles::read() const
{
    constexpr std::size_t size_limit = 1 << 28; // bytes of one list, enough for about 1.7 million sockets
    ProcSockets result;
    result.missing = true;
    std::string buffer;
    std::optional<bool> has_tcp; // null until the first TCP list
    for (const File& file : files_) {
        if (file.protocol == Protocol::tcp && !has_tcp) {
            has_tcp = tcp_in_use_.read() != 0U;
        }
        if (file.protocol == Protocol::tcp && !*has_tcp) {
            result.missing = false;
            continue;
        }
        const auto text = reread_file(file.fd.get(), buffer, size_limit);
        if (!text) {
            continue;
        }
        result.missing = false;
        std::string_view rest = *text;
        next_line(rest);
        while (!rest.empty()) {
            const std::string_view line = next_line(rest);
            const auto socket = file.protocol == Protocol::packet ? parse_packet_socket(line)
                                : file.protocol == Protocol::sctp ? parse_sctp_socket(line)
                                                                  : parse_inet_socket(line, file.protocol);
            if (socket) {
                result.sockets.push_back(*socket);
            } else {
                ++result.garbled;
            }
        }
    }
    return result;
}

ProcSockets read_proc_sockets(ProcLists which, const std::string& directory)
{
    return ProcSocketFiles(which, directory).read();
}

} // namespace socktally
