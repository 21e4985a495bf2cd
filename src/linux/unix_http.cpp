// SPDX-License-Identifier: MIT
#include "linux/unix_http.hpp"

#include "linux/fd.hpp"
#include "linux/helper.hpp"
#include "linux/proc.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

namespace socktally {

namespace {

HttpAnswer failed(std::string why) { return {std::nullopt, std::move(why)}; }

HttpAnswer failed_with_errno(const std::string& what)
{
    return failed(what + ": " + std::strerror(errno)); // NOLINT(concurrency-mt-unsafe): one thread
}

/// Connects `connection` to the socket whose file is open as `file`. Connects through /proc/self/fd, because the path
/// of the file is not known.
bool connect_to(int file, const Fd& connection)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = "/proc/self/fd/" + std::to_string(file);
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    return ::connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

bool is_of(uid_t owner, const Fd& connection)
{
    ucred peer{};
    socklen_t length = sizeof peer;
    return ::getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
           (peer.uid == 0 || peer.uid == owner);
}

constexpr std::string_view headers_end = "\r\n\r\n";

bool is_same_word(std::string_view a, std::string_view b)
{
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

std::optional<std::uint64_t> content_length(std::string_view headers)
{
    while (!headers.empty()) {
        std::string_view line = next_line(headers);
        line.remove_suffix(line.ends_with('\r') ? 1 : 0);
        const auto colon = line.find(':');
        if (colon != line.npos && is_same_word(line.substr(0, colon), "content-length")) {
            line.remove_prefix(colon + 1);
            return parse_number(next_word(line));
        }
    }
    return std::nullopt;
}

/// Returns whether the answer, as far as it was received, is as long as its Content-Length says.
bool is_whole(std::string_view answer)
{
    constexpr std::size_t longest_headers = 64 << 10;
    const auto headers = answer.substr(0, longest_headers).find(headers_end);
    const auto length = headers == answer.npos ? std::nullopt : content_length(answer.substr(0, headers));
    return length && answer.size() - headers - headers_end.size() >= *length;
}

/// Receives the answer. Returns an error message; an empty one if the whole answer was received.
std::string_view receive(const Fd& connection, const HttpLimits& limits, std::string& answer)
{
    std::array<char, 64 << 10> part{};
    while (wait_until_ready(connection.get(), POLLIN, limits.deadline)) {
        const ssize_t got = ::recv(connection.get(), part.data(), part.size(), 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            continue;
        }
        if (got < 0) {
            return "connection lost";
        }
        answer.append(part.data(), static_cast<std::size_t>(got));
        if (got == 0 || is_whole(answer)) {
            return {};
        }
        if (answer.size() > limits.most) {
            return "answer too long";
        }
    }
    return "no answer in time";
}

} // namespace

HttpAnswer parse_http_answer(std::string_view answer)
{
    constexpr std::string_view protocol = "HTTP/1.";
    const auto headers = answer.find(headers_end);
    if (!answer.starts_with(protocol) || headers == answer.npos) {
        return failed("not an HTTP server");
    }
    std::string_view status = answer.substr(0, answer.find('\r'));
    next_word(status);
    const auto code = parse_number(next_word(status));
    if (code != 200) {
        return failed(code ? "HTTP status " + std::to_string(*code) : "not an HTTP server");
    }
    const std::string_view body = answer.substr(headers + headers_end.size());
    const auto length = content_length(answer.substr(0, headers));
    if (length && *length > body.size()) {
        return failed("answer cut short");
    }
    return {std::string(body.substr(0, length.value_or(body.npos))), ""};
}

HttpAnswer http_get(int socket, std::string_view target, uid_t owner, const HttpLimits& limits)
{
    const Fd connection(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!connection || !connect_to(socket, connection)) {
        return failed_with_errno("cannot connect");
    }
    if (!is_of(owner, connection)) {
        return failed("another user listens there");
    }
    const std::string request = "GET " + std::string(target) + " HTTP/1.0\r\nHost: localhost\r\n\r\n";
    // The buffer of a new connection has room for the whole request. So send(2) takes all of it, or the connection is
    // broken.
    if (::send(connection.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(request.size())) {
        return failed("cannot send a request");
    }
    std::string answer;
    const std::string_view failure = receive(connection, limits, answer);
    return failure.empty() ? parse_http_answer(answer) : failed(std::string(failure));
}

} // namespace socktally
