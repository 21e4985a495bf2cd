// SPDX-License-Identifier: MIT
// What a script can do with sockets. Every byte count is a return value of the kernel's, summed in the account.
#include "worker.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <span>
#include <stdexcept>
#include <thread>
#include <vector>

namespace truth {

SocketAddress resolve(const At& at)
{
    SocketAddress result;
    if (at.address.find(':') != std::string::npos) {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(at.port);
        if (::inet_pton(AF_INET6, at.address.c_str(), &v6.sin6_addr) != 1)
            throw std::invalid_argument(at.address);
        std::memcpy(&result.storage, &v6, result.size = sizeof v6);
    } else {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(at.port);
        if (::inet_pton(AF_INET, at.address.c_str(), &v4.sin_addr) != 1)
            throw std::invalid_argument(at.address);
        std::memcpy(&result.storage, &v4, result.size = sizeof v4);
    }
    return result;
}

namespace {

constexpr int io_limit = 60'000; // milliseconds without progress
constexpr std::size_t chunk = 65'536;
std::array<char, chunk> zeros; // what is sent; nobody reads it

SocketAddress abstract(const std::string& name)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path + 1, sizeof address.sun_path - 1);
    SocketAddress result;
    std::memcpy(&result.storage, &address, sizeof address);
    result.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    return result;
}

int bound(const At& at, int type, int protocol = 0)
{
    const SocketAddress address = resolve(at);
    const int fd = must(::socket(address.storage.ss_family, type, protocol), "socket");
    if (at.port != 0) { // else the kernel may choose one that another such socket has
        const int yes = 1;
        must(::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes), "SO_REUSEADDR");
    }
    must(::bind(fd, address.get(), address.size), "bind");
    return fd;
}

/// False: nothing happened in time.
bool wait_for(int fd, short events, int limit)
{
    pollfd wait{.fd = fd, .events = events, .revents = 0};
    return must(::poll(&wait, 1, limit), "poll") > 0;
}

/// The result of a call that must not block, 0 where it would have.
ssize_t or_zero(ssize_t result, const char* what) { return result < 0 && errno == EAGAIN ? 0 : must(result, what); }

} // namespace

ssize_t Self::count_rx(ssize_t result)
{
    account_.rx_bytes += static_cast<std::uint64_t>(result);
    return result;
}

ssize_t Self::count_tx(ssize_t result)
{
    account_.tx_bytes += static_cast<std::uint64_t>(result);
    return result;
}

int Self::adopt(int fd)
{
    ++account_.connections;
    return fd;
}

int Self::listen(const At& at, int protocol)
{
    const int fd = bound(at, SOCK_STREAM | SOCK_CLOEXEC, protocol);
    must(::listen(fd, 4096), "listen");
    return fd;
}

int Self::accept(int listener)
{
    if (!wait_for(listener, POLLIN, io_limit))
        throw std::runtime_error("nobody connects");
    return adopt(must(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC), "accept"));
}

int Self::connect(const At& to, const At& from)
{
    const SocketAddress address = resolve(to);
    for (int attempt = 0;; ++attempt) {
        const int fd = from.port ? bound(from, SOCK_STREAM | SOCK_CLOEXEC)
                                 : must(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
        if (::connect(fd, address.get(), address.size) == 0)
            return adopt(fd);
        if (errno != ECONNREFUSED || attempt == 1000)
            fail("connect to " + to.address);
        ::close(fd);
        sleep(5ms);
    }
}

void Self::reconnect(int fd, const At& to)
{
    const sockaddr none{.sa_family = AF_UNSPEC, .sa_data = {}};
    must(::connect(fd, &none, sizeof none), "disconnect");
    const SocketAddress address = resolve(to);
    must(::connect(fd, address.get(), address.size), "connect again");
    adopt(fd);
}

void Self::close(int fd, Closing how)
{
    if (how == Closing::reset) {
        const linger at_once{.l_onoff = 1, .l_linger = 0};
        must(::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), "SO_LINGER");
    }
    must(::close(fd), "close");
}

void Self::exchange(int fd, std::size_t tx, std::size_t rx)
{
    std::vector<char> buffer(std::min(rx, chunk));
    while (tx > 0 || rx > 0) {
        const auto events = static_cast<short>((tx > 0 ? POLLOUT : 0) | (rx > 0 ? POLLIN : 0));
        if (!wait_for(fd, events, io_limit))
            throw std::runtime_error("the peer neither sends nor receives");
        if (tx > 0) {
            const ssize_t sent = ::send(fd, zeros.data(), std::min(tx, chunk), MSG_DONTWAIT | MSG_NOSIGNAL);
            tx -= static_cast<std::size_t>(count_tx(or_zero(sent, "send")));
        }
        if (rx > 0) {
            const ssize_t got = ::recv(fd, buffer.data(), std::min(rx, chunk), MSG_DONTWAIT);
            if (got == 0)
                throw std::runtime_error("the peer ended early");
            rx -= static_cast<std::size_t>(count_rx(or_zero(got, "recv")));
        }
    }
}

void Self::receive_to_end(int fd)
{
    std::vector<char> buffer(chunk);
    while (count_rx(must(::recv(fd, buffer.data(), buffer.size(), 0), "recv")) > 0) {
    }
}

void Self::send_until_stuck(int fd)
{
    while (wait_for(fd, POLLOUT, 200))
        count_tx(or_zero(::send(fd, zeros.data(), chunk, MSG_DONTWAIT | MSG_NOSIGNAL), "send"));
}

int Self::udp(const At& at) { return bound(at, SOCK_DGRAM | SOCK_CLOEXEC); }

void Self::send_datagram(int fd, const At& to, std::size_t bytes)
{
    const SocketAddress address = resolve(to);
    count_tx(must(::sendto(fd, zeros.data(), bytes, 0, address.get(), address.size), "sendto"));
}

void Self::receive_datagram(int fd)
{
    std::vector<char> buffer(chunk);
    SocketAddress from;
    from.size = sizeof from.storage;
    auto* const address = reinterpret_cast<sockaddr*>(&from.storage);
    count_rx(must(::recvfrom(fd, buffer.data(), buffer.size(), 0, address, &from.size), "recvfrom"));
}

void Self::aim(int fd, const At& to)
{
    const SocketAddress address = resolve(to);
    must(::connect(fd, address.get(), address.size), "aim");
}

void Self::pass_socket(const std::string& to, int fd)
{
    const Fd channel(must(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
    const SocketAddress address = abstract(to);
    while (::connect(channel.get(), address.get(), address.size) != 0)
        sleep(5ms); // the taker is not there yet; the worker's own time limit ends this
    char byte = 0;
    iovec data{.iov_base = &byte, .iov_len = 1};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof fd)> rights{};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = rights.data();
    message.msg_controllen = rights.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    *header = {.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    must(::sendmsg(channel.get(), &message, 0), "pass a socket");
}

void Self::call(const std::string& name) { pass_socket(name, STDERR_FILENO); }
void Self::await_call(const std::string& name) { close(take_socket(name)); }

void Self::wait_for_bytes(int fd, std::size_t bytes)
{
    const auto have = [&] {
        int count = 0;
        must(::ioctl(fd, FIONREAD, &count), "FIONREAD");
        return static_cast<std::size_t>(count) >= bytes;
    };
    wait_until(have, "have so much to read");
}

int Self::mailbox(const std::string& name)
{
    const int channel = must(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
    const SocketAddress address = abstract(name);
    must(::bind(channel, address.get(), address.size), "bind");
    return channel;
}

int Self::take_socket(const std::string& from)
{
    const Fd channel(mailbox(from));
    return take_socket(channel.get());
}

int Self::take_socket(int mailbox)
{
    char byte = 0;
    iovec data{.iov_base = &byte, .iov_len = 1};
    int fd = -1;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof fd)> rights{};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = rights.data();
    message.msg_controllen = rights.size();
    must(::recvmsg(mailbox, &message, MSG_CMSG_CLOEXEC), "take a socket");
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (!header || header->cmsg_type != SCM_RIGHTS)
        throw std::runtime_error("no socket came");
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return fd;
}

void Self::serve(int listener, std::size_t connections, RequestReply size, Until until)
{
    std::array<char, 4096> buffer;
    std::map<int, std::size_t> received; // by descriptor
    std::vector<pollfd> waits;
    for (std::size_t closed = 0; closed < connections;) {
        waits.assign(1, {.fd = listener, .events = POLLIN, .revents = 0});
        for (const auto& [fd, bytes] : received)
            waits.push_back({.fd = fd, .events = POLLIN, .revents = 0});
        if (must(::poll(waits.data(), waits.size(), io_limit), "poll") == 0)
            throw std::runtime_error("clients are missing");
        for (const pollfd& wait : std::span(waits).subspan(1)) {
            if (!wait.revents)
                continue;
            const ssize_t got = count_rx(must(::recv(wait.fd, buffer.data(), buffer.size(), 0), "recv"));
            std::size_t& bytes = received[wait.fd];
            bytes += static_cast<std::size_t>(got);
            if (got > 0 && bytes == size.request)
                send(wait.fd, size.reply);
            if (got == 0) {
                if (until == Until::owned)
                    wait_until_owned(wait.fd);
                close(wait.fd);
                received.erase(wait.fd);
                ++closed;
            }
        }
        if (waits.front().revents)
            received[accept(listener)] = 0;
    }
}

void Self::visit(const At& to, RequestReply size, Until until)
{
    const int fd = connect(to);
    send(fd, size.request);
    receive(fd, size.reply);
    if (until == Until::owned)
        wait_until_owned(fd);
    close(fd);
}

} // namespace truth
