// SPDX-License-Identifier: MIT
// Who holds a socket: servers that fork, sockets that are shared or passed on, threads with descriptors of their own.
#include "stage.hpp"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <thread>

using namespace truth;

namespace {

/// Clients for a server that gives each connection to another process.
void start_clients(Stage& stage, int clients)
{
    for (int client = 1; client <= clients; ++client) {
        stage.start("t-client-" + std::to_string(client), [=](Self& self) {
            self.step();
            self.visit(local4, {.request = 10'000, .reply = 250'000}, Until::owned);
        });
    }
}

void answer(Self& self, int fd)
{
    self.exchange(fd, 250'000, 10'000);
    self.receive_to_end(fd);
    self.wait_until_owned(fd);
    self.close(fd);
}

} // namespace

TEST_CASE("owners: a listener shared by the children of a server")
{
    Stage stage;
    constexpr int children = 4;
    stage.start("t-parent", [](Self& self) {
        const int listener = self.listen(local4);
        std::vector<pid_t> acceptors;
        for (int child = 0; child < children; ++child) {
            acceptors.push_back(self.child("t-acceptor", [=](Self& acceptor) {
                answer(acceptor, acceptor.accept(listener));
                acceptor.rest(); // its bytes are to be found at a living process
            }));
        }
        self.step();
        for (const pid_t acceptor : acceptors)
            self.await_rest(acceptor);
    });
    start_clients(stage, children);
    check(stage.measure());
}

TEST_CASE("owners: a server that forks for each connection")
{
    Stage stage;
    constexpr int connections = 6;
    stage.start("t-parent", [](Self& self) {
        const int listener = self.listen(local4);
        self.step();
        std::vector<pid_t> children;
        for (int count = 0; count < connections; ++count) {
            pollfd wait{.fd = listener, .events = POLLIN, .revents = 0};
            must(::poll(&wait, 1, 10'000), "poll");
            const int fd = must(::accept(listener, nullptr, nullptr), "accept");
            children.push_back(self.child("t-handler", [=](Self& handler) {
                ::close(listener);
                answer(handler, handler.adopt(fd));
            }));
            self.close(fd);
        }
        for (const pid_t child : children)
            self.join(child);
    });
    start_clients(stage, connections);
    // A look between fork and close finds two holders: rightly the child's bytes, but marked shared.
    check(stage.measure(), {.complete = false});
}

TEST_CASE("owners: a connection that is handed to a child after a while, and closed before the window ends")
{
    Stage stage;
    stage.start("t-parent", [](Self& self) {
        const int listener = self.listen(local4);
        self.step();
        const int fd = must(::accept(listener, nullptr, nullptr), "accept");
        self.wait_until_owned(fd);
        const pid_t child = self.child("t-handler", [=](Self& handler) {
            ::close(listener);
            handler.adopt(fd);
            handler.wait_until_owned(fd);
            answer(handler, fd);
        });
        self.close(fd);
        self.join(child);
    });
    stage.start("t-client", [](Self& self) {
        self.step();
        self.visit(local4, {.request = 10'000, .reply = 250'000}, Until::owned);
    });
    // A look between fork and close finds two holders, as does a second one after a first: rightly the child's bytes.
    check(stage.measure(), {.complete = false});
}

TEST_CASE("owners: a connection that waits long to be accepted, and is closed soon afterwards")
{
    Stage stage;
    stage.start("t-server", [](Self& self) {
        const int listener = self.listen(local4);
        self.step();
        self.wait_for_line("dump of tcp:", 9); // the tool has looked for its owner again and again
        answer(self, self.accept(listener));
    });
    start_clients(stage, 1);
    check(stage.measure());
}

TEST_CASE("owners: a connection held by parent and child, one of which moves the bytes")
{
    const auto run = [](bool child_talks) {
        Stage stage;
        stage.start("t-parent", [=](Self& self) {
            const int fd = self.accept(self.listen(local4));
            int start[2];
            must(::pipe(start), "pipe");
            const pid_t child = self.child("t-child", [=](Self& heir) {
                heir.adopt(fd);
                char byte = 0;
                must(::read(start[0], &byte, 1), "wait for the parent");
                if (child_talks)
                    heir.exchange(fd, 400'000, 100'000);
                heir.rest();
            });
            self.step();
            must(::write(start[1], "", 1), "let the child go on");
            if (!child_talks)
                self.exchange(fd, 400'000, 100'000);
            self.await_rest(child);
        });
        stage.start("t-client", [](Self& self) {
            const int fd = self.connect(local4);
            self.step();
            self.exchange(fd, 100'000, 400'000);
        });
        return stage.measure();
    };
    const Expect expect{.complete = false, .sharers = {"t-parent", "t-child"}};
    SUBCASE("the parent") { check(run(false), expect); }
    SUBCASE("the child") { check(run(true), expect); }
}

TEST_CASE("owners: a connection on its way to another process, which closes it as soon as it has it")
{
    Stage stage;
    stage.start("t-giver", [](Self& self) {
        const int listener = self.listen(local4);
        self.step();
        const int fd = self.accept(listener);
        self.wait_until_owned(fd);
        struct stat socket {};
        must(::fstat(fd, &socket), "fstat");
        self.pass_socket("truth-pass", fd);
        self.close(fd);
        self.wait_for_line("handed on: socket:[" + std::to_string(socket.st_ino) + "]");
        self.pass_socket("truth-go", STDERR_FILENO);
    });
    stage.start("t-taker", [](Self& self) {
        const int mailbox = self.mailbox("truth-pass");
        const int go = self.mailbox("truth-go");
        self.step();
        self.close(self.take_socket(go)); // the tool has missed it meanwhile
        const int fd = self.adopt(self.take_socket(mailbox));
        self.exchange(fd, 250'000, 250'000);
        self.close(fd);
    });
    stage.start("t-client", [](Self& self) {
        self.step();
        const int fd = self.connect(local4);
        self.exchange(fd, 250'000, 250'000);
        self.close(fd);
    });
    const double share = bar_of(backend_name()).knows_caller ? 1.0 : 0.5; // without the taker's
    check(stage.measure(), {.share = share, .complete = false, .sharers = {"t-giver", "t-taker"}});
}

TEST_CASE("owners: a connection whose tuple another process takes in the window")
{
    Stage stage;
    const At from{"127.0.0.1", 7001};
    stage.start("t-server", [](Self& self) {
        const int listener = self.listen(local4);
        for (int client = 0; client < 2; ++client) {
            const int fd = self.accept(listener);
            if (client == 0) {
                self.step();
            }
            self.receive(fd, 50'000);
            self.wait_until_owned(fd);
            self.close(fd); // first, so that the tuple is free for the other client
            self.call("t-closed");
        }
    });
    const auto talk = [](Self& self, int fd) {
        self.wait_until_owned(fd);
        self.send(fd, 50'000);
        self.await_call("t-closed");
        self.close(fd);
    };
    stage.start("t-first", [=](Self& self) {
        const int fd = self.connect(local4, from);
        self.step();
        talk(self, fd);
        self.call("t-next");
    });
    stage.start("t-second", [=](Self& self) {
        self.step();
        self.await_call("t-next");
        talk(self, self.connect(local4, from));
    });
    check(stage.measure());
}

TEST_CASE("owners: a child that has inherited a new connection, and leaves it to its parent")
{
    Stage stage;
    stage.start("t-parent", [](Self& self) {
        const int listener = self.listen(local4);
        self.step();
        const int fd = self.accept(listener);
        const pid_t helper = self.child("t-helper", [](Self&) { ::pause(); });
        answer(self, fd);
        must(::kill(helper, SIGKILL), "kill");
        must(::waitpid(helper, nullptr, 0), "waitpid");
    });
    stage.start("t-client", [](Self& self) {
        self.step();
        self.visit(local4, {.request = 10'000, .reply = 250'000}, Until::owned);
    });
    check(stage.measure(), {.complete = false, .sharers = {"t-parent", "t-helper"}});
}

TEST_CASE("owners: a socket passed to another process in the window")
{
    Stage stage;
    stage.start("t-peer", [](Self& self) {
        const int fd = self.accept(self.listen(local4));
        self.step();
        self.exchange(fd, 70'000, 130'000);
    });
    stage.start("t-giver", [](Self& self) {
        const int fd = self.connect(local4);
        self.step();
        self.exchange(fd, 100'000, 50'000);
        self.pass_socket("truth-pass", fd);
        self.close(fd);
    });
    stage.start("t-taker", [](Self& self) {
        self.step();
        const int fd = self.adopt(self.take_socket("truth-pass"));
        self.exchange(fd, 30'000, 20'000);
    });
    check(stage.measure(), {.complete = false, .sharers = {"t-giver", "t-taker"}});
}

TEST_CASE("owners: a thread with a descriptor table of its own")
{
    Stage stage;
    stage.start("t-server", [](Self& self) {
        const int fd = self.accept(self.listen(local4));
        self.step();
        self.exchange(fd, 200'000, 600'000);
    });
    stage.start("t-threads", [](Self& self) {
        std::exception_ptr error;
        std::thread thread([&] {
            try {
                must(::unshare(CLONE_FILES), "unshare descriptors");
                const int fd = self.connect(local4);
                self.step();
                self.exchange(fd, 600'000, 200'000);
                for (;;)
                    self.step();
            } catch (...) {
                error = std::current_exception();
            }
        });
        thread.join();
        std::rethrow_exception(error);
    });
    check(stage.measure());
}

TEST_CASE("owners: without privileges, one's own processes are exact and the others' bytes are named by user")
{
    if (backend_name() != "netlink") {
        TRUTH_SKIP("it needs privileges, or counts nothing");
    }
    Stage stage;
    const Place unprivileged{.net = &stage.netns(), .uid = nobody};
    stage.start("t-own-srv", unprivileged, [](Self& self) {
        const int fd = self.accept(self.listen({"127.0.0.1", 7001}));
        self.step();
        self.exchange(fd, 5000, 700'000);
    });
    stage.start("t-own-cli", unprivileged, [](Self& self) {
        const int fd = self.connect({"127.0.0.1", 7001});
        self.step();
        self.exchange(fd, 700'000, 5000);
    });
    stage.start("t-root-srv", [](Self& self) {
        const int fd = self.accept(self.listen({"127.0.0.1", 7002}));
        self.step();
        self.exchange(fd, 40'000, 90'000);
    });
    stage.start("t-root-cli", [](Self& self) {
        const int fd = self.connect({"127.0.0.1", 7002});
        self.step();
        self.exchange(fd, 90'000, 40'000);
    });
    const Measured measured = stage.measure({.place = unprivileged});

    Measured own{.report = measured.report, .truth = {}};
    Truth others;
    for (const auto& [identity, figures] : measured.truth)
        (figures.uid == nobody ? own.truth : others).emplace(identity, figures);
    std::erase_if(own.report.rows, [](const Row& row) { return row.process == "[other user]"; });
    own.report.rx_bytes = measured.report.rx_bytes - measured.report.unattributed_rx_bytes;
    own.report.tx_bytes = measured.report.tx_bytes - measured.report.unattributed_tx_bytes;
    own.report.unattributed_rx_bytes = own.report.unattributed_tx_bytes = 0;
    check(own, {.complete = false});

    INFO(describe(measured.report));
    const Figures moved = sum(others);
    const std::uint64_t slack = bar_of(measured.report.backend).bytes_per_connection * moved.connections;
    std::uint64_t rx = 0;
    std::uint64_t tx = 0;
    for (const Row& row : measured.report.rows) {
        if (row.process != "[other user]")
            continue;
        CHECK(row.uid == 0);
        CHECK(row.user == "root");
        CHECK_FALSE(row.pid.has_value());
        rx += row.rx_bytes.value_or(0);
        tx += row.tx_bytes.value_or(0);
    }
    CHECK(within(rx, moved.rx_bytes, slack));
    CHECK(within(tx, moved.tx_bytes, slack));
}
