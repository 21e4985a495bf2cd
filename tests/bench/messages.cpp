// SPDX-License-Identifier: MIT
// Small messages over loopback between two processes, for measuring what a watcher adds to each. Not a test.
//   messages pingpong N     N round trips of 64 bytes over one TCP connection
//   messages flood N        N datagrams of 64 bytes over UDP, in bursts that are answered, so that none is lost
//   messages ticks SECONDS  a datagram of one byte every 20 microseconds or so; only the sender's side matters
// Prints one JSON object: nanoseconds per message and what each process moved; for ticks when each byte was sent.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t message_size = 64;
constexpr int burst = 64; // what a default receive buffer holds without loss
constexpr int warm_up = 20;

void check(bool good, const char* what)
{
    if (!good) {
        std::perror(what);
        std::_Exit(1);
    }
}

void send_bytes(int socket, std::size_t size)
{
    static const std::array<char, message_size> bytes{};
    check(::send(socket, bytes.data(), size, 0) == static_cast<ssize_t>(size), "messages: send");
}

/// False at the end of the connection.
bool receive_bytes(int socket, std::size_t size)
{
    static std::array<char, message_size> bytes;
    const ssize_t got = ::recv(socket, bytes.data(), size, MSG_WAITALL);
    check(got == 0 || got == static_cast<ssize_t>(size), "messages: recv");
    return got != 0;
}

/// A socket bound to a free port of 127.0.0.1.
int bound_socket(int type)
{
    const int result = ::socket(AF_INET, type, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check(::bind(result, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "messages: bind");
    return result;
}

void connect_to(int socket, int other)
{
    sockaddr_in address{};
    socklen_t length = sizeof address;
    ::getsockname(other, reinterpret_cast<sockaddr*>(&address), &length);
    check(::connect(socket, reinterpret_cast<const sockaddr*>(&address), length) == 0, "messages: connect");
}

struct Pair {
    int ours;
    int theirs;
};

Pair tcp_pair()
{
    const int listener = bound_socket(SOCK_STREAM);
    ::listen(listener, 1);
    const int ours = bound_socket(SOCK_STREAM);
    connect_to(ours, listener);
    const int theirs = ::accept(listener, nullptr, nullptr);
    ::close(listener);
    constexpr int on = 1;
    for (const int end : {ours, theirs}) {
        ::setsockopt(end, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    return {ours, theirs};
}

Pair udp_pair()
{
    const Pair pair{bound_socket(SOCK_DGRAM), bound_socket(SOCK_DGRAM)};
    connect_to(pair.ours, pair.theirs);
    connect_to(pair.theirs, pair.ours);
    return pair;
}

/// Answers every `each` messages with `answer` bytes, until it is killed or the connection ends.
pid_t start_answering(Pair pair, int each, std::size_t answer)
{
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    check(child >= 0, "messages: fork");
    if (child != 0) {
        ::close(pair.theirs);
        return child;
    }
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    check(::getppid() == parent, "messages: parent");
    ::close(pair.ours);
    for (;;) {
        for (int message = 0; message < each; ++message) {
            if (!receive_bytes(pair.theirs, message_size)) {
                std::_Exit(0);
            }
        }
        send_bytes(pair.theirs, answer);
    }
}

/// `count` messages in rounds of `each`, every round answered; prints the nanoseconds per message.
void exchange(Pair pair, long count, int each, std::size_t answer)
{
    const pid_t child = start_answering(pair, each, answer);
    const long rounds = (count + each - 1) / each;
    Clock::time_point begun;
    for (long round = -warm_up; round < rounds; ++round) {
        if (round == 0) {
            begun = Clock::now();
        }
        for (int message = 0; message < each; ++message) {
            send_bytes(pair.ours, message_size);
        }
        check(receive_bytes(pair.ours, answer), "messages: answer");
    }
    const std::chrono::duration<double, std::nano> taken = Clock::now() - begun;
    const long there = (rounds + warm_up) * each * static_cast<long>(message_size);
    const long back = (rounds + warm_up) * static_cast<long>(answer);
    std::printf("{\"ns\": %.1f, \"messages\": %ld, \"processes\": [",
                taken.count() / static_cast<double>(rounds * each), (rounds + warm_up) * each);
    std::printf("{\"pid\": %d, \"rx_bytes\": %ld, \"tx_bytes\": %ld}, ", ::getpid(), back, there);
    std::printf("{\"pid\": %d, \"rx_bytes\": %ld, \"tx_bytes\": %ld}]}\n", child, there, back);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
}

void tick(std::chrono::duration<double> length)
{
    const Pair pair = udp_pair();
    std::vector<long long> sent;
    const auto end = Clock::now() + length;
    for (auto now = Clock::now(); now < end; now = Clock::now()) {
        sent.push_back(std::chrono::nanoseconds(now.time_since_epoch()).count());
        send_bytes(pair.ours, 1);
        check(receive_bytes(pair.theirs, 1), "messages: tick");
        while (Clock::now() < now + std::chrono::microseconds(20)) {
        }
    }
    std::printf("{\"pid\": %d, \"sent_at_ns\": [", ::getpid());
    for (std::size_t index = 0; index < sent.size(); ++index) {
        std::printf("%s%lld", index == 0 ? "" : ", ", sent[index]);
    }
    std::printf("]}\n");
}

} // namespace

int main(int argc, char** argv)
{
    const std::string_view mode = argc == 3 ? argv[1] : "";
    if (mode == "pingpong") {
        exchange(tcp_pair(), std::atol(argv[2]), 1, message_size);
    } else if (mode == "flood") {
        exchange(udp_pair(), std::atol(argv[2]), burst, 1);
    } else if (mode == "ticks") {
        tick(std::chrono::duration<double>(std::atof(argv[2])));
    } else {
        std::fputs("usage: messages pingpong N | flood N | ticks SECONDS\n", stderr);
        return 2;
    }
}
