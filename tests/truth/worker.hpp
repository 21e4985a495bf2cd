// SPDX-License-Identifier: MIT
// The generator's processes. A worker is a forked process of a telling name that runs a script: it opens sockets,
// moves bytes, counts what its calls return, and halts at each step until the test lets it go on.
#pragma once

#include "ledger.hpp"
#include "pace.hpp"
#include "place.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace truth {

/// An address and port to listen on or to connect to; v6 where the text has a colon.
struct At {
    std::string address;
    std::uint16_t port;
};
inline const At local4{"127.0.0.1", 7000};
inline const At local6{"::1", 7000};

/// As system calls take it.
struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};
SocketAddress resolve(const At& at);

enum class Closing : std::uint8_t { orderly, reset };

struct RequestReply {
    std::size_t request; // bytes the client sends first
    std::size_t reply;   // bytes the server answers with
};

/// How long both ends keep a connection.
enum class Until : std::uint8_t {
    answered,
    owned, // the tool knows whose it is
};

/// A process as its script sees it, from inside.
class Self {
public:
    using Script = std::function<void(Self&)>;

    Self(Ledger& ledger, const std::string& name, int control);

    /// Tells the test that this part of the script is done, and waits to be let go on.
    void step();
    void sleep(Milliseconds time);
    /// Waits until the tool has found that this process holds the socket. At once for a backend that does not search.
    void wait_until_owned(int fd);
    /// Waits until each tool that searches for owners has traced this line. Returns at once for other backends.
    void wait_for_line(const std::string& line, int times = 1);
    static std::uint64_t cookie(int fd);
    static std::string owner_line(std::uint64_t cookie, pid_t pid);
    /// Waits until so many more windows of a series are over, or its last one has begun.
    void wait_for_windows(int windows);

    /// A process forked off this one, with its descriptors, account and name of its own. Ends with `script`.
    pid_t child(const std::string& name, const Script& script);
    void join(pid_t child);
    /// For a child that is to live on when it has moved all: its parent waits for that.
    [[noreturn]] void rest();
    void await_rest(pid_t child);

    int listen(const At& at, int protocol = 0);
    int accept(int listener);
    int
    adopt(int fd); // one that another process opened or accepted, and this one moves bytes on: counts as its connection
    int connect(const At& to, const At& from = {{}, 0}); // tries again for a while where nobody listens yet
    void reconnect(int fd, const At& to);                // by AF_UNSPEC: the same socket, its counters restarted
    void close(int fd, Closing how = Closing::orderly);

    /// Sends and receives exactly so many bytes, both at once; throws where the peer ends early.
    void exchange(int fd, std::size_t tx, std::size_t rx);
    void send(int fd, std::size_t bytes) { exchange(fd, bytes, 0); }
    void receive(int fd, std::size_t bytes) { exchange(fd, 0, bytes); }
    void receive_to_end(int fd);   // until the peer shuts its side
    void send_until_stuck(int fd); // until nothing has moved for a while

    int udp(const At& at);
    void send_datagram(int fd, const At& to, std::size_t bytes);
    void receive_datagram(int fd);  // and asks where it came from, which not all receivers do
    void aim(int fd, const At& to); // gives a datagram or raw socket its one peer

    /// For system calls that no member makes: their result, counted.
    ssize_t count_rx(ssize_t result);
    ssize_t count_tx(ssize_t result);

    void wait_for_bytes(int fd, std::size_t bytes);    // until so many can be read
    void wait_until_acknowledged() const { settle(); } // all that was sent on any socket

    void call(const std::string& name); // wakes up who waits for this call, in the same network namespace
    void await_call(const std::string& name);

    void pass_socket(const std::string& to, int fd); // SCM_RIGHTS to an abstract unix socket
    int take_socket(const std::string& from);
    int mailbox(const std::string& name); // in which a socket may wait to be taken
    int take_socket(int mailbox);

    /// Answers `connections` clients, as many at a time as there are, until each of them has closed.
    void serve(int listener, std::size_t connections, RequestReply size, Until until = Until::answered);
    /// One client connection.
    void visit(const At& to, RequestReply size, Until until = Until::answered);

    const Account& account() const { return account_; }
    [[noreturn]] void exit(); // ends the worker as planned; one whose script is over stays alive until the test ends it

private:
    void settle() const;
    static void wait_until(const std::function<bool()>& condition, const std::string& what);

    Ledger& ledger_;
    Account& account_;
    int control_;
};

/// A worker as the test sees it.
class Worker {
public:
    Worker(Ledger& ledger, const Place& place, const std::string& name, const Self::Script& script);
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;
    ~Worker() { end(pid_); }

    /// Waits until it has come to its next step, or has ended as planned. Throws where it failed or takes too long.
    void await();
    void go(); // nothing where it has ended
    bool is_running() const { return !halted_ && !ended_; }
    /// Readable when it has come to its next step or has ended; then note() takes note of it.
    int fd() const { return control_.get(); }
    void note();
    const std::string& name() const { return name_; }
    pid_t pid() const { return pid_; }

private:
    std::string name_;
    bool halted_ = false; // at a step, not yet let go on
    bool ended_ = false;
    Fd control_;
    pid_t pid_ = -1;
};

} // namespace truth
