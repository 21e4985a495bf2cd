// SPDX-License-Identifier: MIT
#include "traffic/ntstat/control.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <system_error>
#include <variant>

namespace socktally {

namespace {

constexpr std::size_t largest_datagram = 65536;
constexpr int receive_buffer = 4 << 20; // bytes; thousands of messages fit, and the kernel drops those that do not

} // namespace

NtstatControl::NtstatControl(Fd socket, std::chrono::nanoseconds patience)
    : socket_(std::move(socket)), patience_(patience), buffer_(largest_datagram)
{
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
}

std::string NtstatControl::begin()
{
    for (const auto provider : {NtstatProvider::tcp_kernel, NtstatProvider::udp_kernel}) {
        if (const int error = subscribe(provider); error != 0) {
            return fmt::format("the kernel reports no flows: {}", std::generic_category().message(error));
        }
    }
    for (const auto provider :
         {NtstatProvider::tcp_userland, NtstatProvider::udp_userland, NtstatProvider::quic_userland}) {
        subscribe(provider); // not every version of macOS has these
    }
    if (!query()) {
        return "the kernel does not send the counters of flows";
    }
    if (!flows_.misfit().empty()) {
        return fmt::format("the kernel's description of a flow makes no sense: {}", flows_.misfit());
    }
    return "";
}

void NtstatControl::drain()
{
    while (receive()) {
    }
}

/// Asks the kernel to report flows. Returns 0 or an errno.
int NtstatControl::subscribe(NtstatProvider provider)
{
    const std::uint64_t context = ++context_;
    return ask(ntstat_subscription(provider, context), context);
}

bool NtstatControl::query()
{
    drain();
    const std::uint64_t context = ++context_;
    flows_.query_begins();
    int error = 0;
    has_more_ = true;
    while (has_more_ && error == 0) {
        has_more_ = false;
        error = ask(ntstat_query(context), context);
    }
    flows_.query_ends(error == 0);
    return error == 0;
}

/// Sends a request and waits for the answer to it. Returns 0, the kernel's errno, or ETIMEDOUT.
int NtstatControl::ask(const std::vector<std::byte>& request, std::uint64_t context)
{
    const auto deadline = Clock::now() + patience_;
    if (::send(socket_.get(), request.data(), request.size(), 0) < 0) {
        return errno;
    }
    waits_for_ = context;
    answer_.reset();
    while (!answer_) {
        if (!receive() && (is_broken_ || !wait_until_readable(deadline))) {
            return is_broken_ ? EPIPE : ETIMEDOUT;
        }
    }
    return *answer_;
}

bool NtstatControl::wait_until_readable(Clock::time_point deadline) const
{
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd wanted{socket_.get(), POLLIN, 0};
    return left > 0 && ::poll(&wanted, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000))) >= 0;
}

/// Reads one datagram. Returns false if there is none.
bool NtstatControl::receive()
{
    const ssize_t got = ::recv(socket_.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (got <= 0) {
        is_broken_ = got == 0 || (errno != EAGAIN && errno != EINTR && errno != ENOBUFS);
        return false;
    }
    std::span<const std::byte> datagram(buffer_.data(), static_cast<std::size_t>(got));
    while (const auto message = next_ntstat_message(datagram)) {
        std::visit([this](const auto& kind) { take(kind); }, *message);
    }
    return true;
}

void NtstatControl::take(const NtstatSuccess& success)
{
    if (success.context == waits_for_) {
        answer_ = 0;
        has_more_ = success.has_more;
    }
}

void NtstatControl::take(const NtstatFailure& failure)
{
    if (failure.context == waits_for_) {
        answer_ = failure.error != 0 ? static_cast<int>(failure.error) : EIO;
    }
}

void NtstatControl::take(const NtstatUpdate& update)
{
    const auto* descriptor = std::get_if<NtstatDescriptor>(&update.descriptor);
    if (descriptor != nullptr && described_) {
        described_(*descriptor);
    }
    flows_.take(update);
}

} // namespace socktally
