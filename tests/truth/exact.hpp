// SPDX-License-Identifier: MIT
// What the exact cases share: they are for the backend that counts each call, and hold it to the byte.
#pragma once

#include "stage.hpp"

#include <poll.h>

#include <functional>
#include <stdexcept>
#include <string>

namespace truth {

#define TRUTH_EXACT_ONLY()                                                                                             \
    do {                                                                                                               \
        if (backend_name() != "ebpf") {                                                                                \
            TRUTH_SKIP("it does not count each call");                                                                 \
        }                                                                                                              \
    } while (false)

/// For what packets show as well as calls do.
#define TRUTH_EXACT_OR_PACKETS()                                                                                       \
    do {                                                                                                               \
        if (backend_name() != "ebpf" && backend_name() != "packet") {                                                  \
            TRUTH_SKIP("it counts no packets");                                                                        \
        }                                                                                                              \
    } while (false)

/// For datagrams, which have no counters in the kernel.
#define TRUTH_DATAGRAMS()                                                                                              \
    do {                                                                                                               \
        if (!counts_datagrams()) {                                                                                     \
            TRUTH_SKIP("it counts no datagrams");                                                                      \
        }                                                                                                              \
    } while (false)

/// What one end of a connection does with it in the window.
using Talk = std::function<void(Self&, int fd)>;

/// "t-server" and "t-client" with one connection that was made before the window.
inline void start_connection(Stage& stage, const Place& place, const Talk& server, const Talk& client)
{
    stage.start("t-server", place, [=](Self& self) {
        const int fd = self.accept(self.listen(local4));
        self.step();
        server(self, fd);
    });
    stage.start("t-client", place, [=](Self& self) {
        const int fd = self.connect(local4);
        self.step();
        client(self, fd);
    });
}
inline void start_connection(Stage& stage, const Talk& server, const Talk& client)
{
    start_connection(stage, stage.place(), server, client);
}

inline constexpr RequestReply small{.request = 2000, .reply = 3000};

/// "t-server", which answers so many connections with `small`.
inline void start_server(Stage& stage, const Place& place, std::size_t connections, Until until = Until::answered)
{
    stage.start("t-server", place, [=](Self& self) {
        const int listener = self.listen(local4);
        self.step();
        self.serve(listener, connections, small, until);
    });
}
inline void start_server(Stage& stage, std::size_t connections, Until until = Until::answered)
{
    start_server(stage, stage.place(), connections, until);
}

template <typename Value>
void set_option(int fd, int level, int name, const Value& value)
{
    must(::setsockopt(fd, level, name, &value, sizeof value), "setsockopt");
}

/// False where this kernel has no such protocol.
inline bool has_protocol(int family, int type, int protocol)
{
    const Fd probe(::socket(family, type | SOCK_CLOEXEC, protocol));
    return probe.get() >= 0;
}

inline void wait_for(int fd, short events)
{
    pollfd wait{.fd = fd, .events = events, .revents = 0};
    if (must(::poll(&wait, 1, 10'000), "poll") == 0) {
        throw std::runtime_error("nothing comes");
    }
}

/// A call that has to fail, and with this errno.
inline void expect_error(ssize_t result, int error, const char* what)
{
    if (result >= 0 || errno != error) {
        throw std::runtime_error(std::string(what) + " did not fail as it should");
    }
}

} // namespace truth
