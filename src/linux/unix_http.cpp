// SPDX-License-Identifier: MIT
#include "linux/unix_http.hpp"

#include "linux/fd.hpp"
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

using Clock = std::chrono::steady_clock;

HttpAnswer failed(std::string why) { return {std::nullopt, std::move(why)}; }

HttpAnswer failed_with_errno(const std::string& what)
{
    return failed(what + ": " + std::strerror(errno)); // NOLINT(concurrency-mt-unsafe): one thread
}

/// The socket's file has no path of its own here, but /proc gives it one.
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

/// False at the deadline.
bool wait_for(short events, const Fd& connection, Clock::time_point deadline)
{
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        if (left.count() <= 0) {
            return false;
        }
        pollfd wanted{connection.get(), events, 0};
        const int ready = ::poll(&wanted, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 60'000)));
        if (ready > 0) {
            return true;
        }
        if (ready < 0 && errno != EINTR) {
            return false;
        }
    }
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

/// An answer as it comes in.
class Incoming {
public:
    void append(std::string_view part)
    {
        const std::size_t searched = text_.size() - std::min(text_.size(), headers_end.size() - 1);
        text_ += part;
        if (body_ == text_.npos) {
            body_ = text_.find(headers_end, searched);
            length_ = body_ == text_.npos ? std::nullopt : content_length(std::string_view(text_).substr(0, body_));
        }
    }
    bool is_whole() const { return length_ && text_.size() - body_ - headers_end.size() >= *length_; }
    std::string& text() { return text_; }

private:
    std::string text_;
    std::size_t body_ = std::string::npos; // of the end of the headers
    std::optional<std::uint64_t> length_;
};

/// Null: what was wrong is in `failure`.
std::optional<std::string> receive(const Fd& connection, const HttpLimits& limits, std::string& failure)
{
    Incoming answer;
    std::array<char, 64 << 10> part{};
    while (wait_for(POLLIN, connection, limits.deadline)) {
        const ssize_t got = ::recv(connection.get(), part.data(), part.size(), 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            continue;
        }
        if (got < 0) {
            failure = "the connection broke";
            return std::nullopt;
        }
        answer.append({part.data(), static_cast<std::size_t>(got)});
        if (got == 0 || answer.is_whole()) {
            return std::move(answer.text());
        }
        if (answer.text().size() > limits.most) {
            failure = "its answer is too long";
            return std::nullopt;
        }
    }
    failure = "it did not answer in time";
    return std::nullopt;
}

} // namespace

HttpAnswer parse_http_answer(std::string_view answer)
{
    constexpr std::string_view protocol = "HTTP/1.";
    const auto headers = answer.find(headers_end);
    if (!answer.starts_with(protocol) || headers == answer.npos) {
        return failed("it does not speak HTTP");
    }
    std::string_view status = answer.substr(0, answer.find('\r'));
    next_word(status);
    const auto code = parse_number(next_word(status));
    if (code != 200) {
        return failed(code ? "it answered with status " + std::to_string(*code) : "it does not speak HTTP");
    }
    const std::string_view body = answer.substr(headers + headers_end.size());
    const auto length = content_length(answer.substr(0, headers));
    if (length && *length > body.size()) {
        return failed("its answer was cut short");
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
        return failed("somebody else listens there");
    }
    const std::string request = "GET " + std::string(target) + " HTTP/1.0\r\nHost: localhost\r\n\r\n";
    // A new connection has room for this; one that has not is no daemon.
    if (::send(connection.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(request.size())) {
        return failed("it takes no request");
    }
    std::string failure;
    const auto answer = receive(connection, limits, failure);
    return answer ? parse_http_answer(*answer) : failed(failure);
}

} // namespace socktally
