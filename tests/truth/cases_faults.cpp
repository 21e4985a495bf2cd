// SPDX-License-Identifier: MIT
// A network that loses packets, and a socket table that cannot be dumped without repeats and misses.
#include "nft.hpp"
#include "stage.hpp"

#include <sys/resource.h>

#include <fstream>
#include <stdexcept>

using namespace truth;

namespace {

void lossy(const std::string& hook)
{
    if (!nft_installed())
        TRUTH_SKIP("nft is not installed");
    Stage stage;
    const auto start = [&](const std::string& name, const At& at) {
        stage.start(name + "-srv", [=](Self& self) {
            const int fd = self.accept(self.listen(at));
            self.exchange(fd, 100'000, 100'000);
            self.step();
            self.exchange(fd, 1'500'000, 700'000);
        });
        stage.start(name + "-cli", [=](Self& self) {
            const int fd = self.connect(at);
            self.exchange(fd, 100'000, 100'000);
            self.step();
            self.exchange(fd, 700'000, 1'500'000);
        });
    };
    start("t-v4", local4);
    start("t-v6", local6);
    check(stage.measure({.during = [&] {
        drop_packets(stage.netns(), hook, 20);
        stage.advance();
    }}));
}

/// A kernel setting, changed for as long as the guard lives.
class Setting {
public:
    Setting(std::string path, const std::string& value) : path_(std::move(path))
    {
        std::ifstream(path_) >> before_;
        write(value);
    }
    Setting(const Setting&) = delete;
    Setting& operator=(const Setting&) = delete;
    ~Setting() { write(before_); }

private:
    void write(const std::string& value) const { std::ofstream(path_) << value; }

    std::string path_;
    std::string before_;
};

void allow_many_descriptors()
{
    rlimit limit{};
    must(::getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
    limit.rlim_cur = limit.rlim_max;
    must(::setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
}

constexpr std::size_t to_server = 500;
constexpr std::size_t to_client = 1000;

/// A server and a client that keep `connections` connections and move a little on each of them in the window.
void start_crowd(Stage& stage, std::uint16_t port, int connections)
{
    const At at{"127.0.0.1", port};
    const auto talk_on_each = [](Self& self, const std::vector<int>& fds, std::size_t tx, std::size_t rx) {
        for (const int fd : fds)
            self.exchange(fd, tx, rx);
    };
    stage.start("t-crowd-srv", [=](Self& self) {
        allow_many_descriptors();
        const int listener = self.listen(at);
        std::vector<int> fds;
        for (int count = 0; count < connections; ++count)
            fds.push_back(self.accept(listener));
        self.step();
        talk_on_each(self, fds, to_client, to_server);
    });
    stage.start("t-crowd-cli", [=](Self& self) {
        allow_many_descriptors();
        std::vector<int> fds;
        for (int count = 0; count < connections; ++count)
            fds.push_back(self.connect(at));
        self.step();
        talk_on_each(self, fds, to_server, to_client);
    });
}

/// Opens and closes connections without end and moves no byte on them.
void churn(Self& self, const At& at)
{
    const int listener = self.listen(at);
    for (;;) {
        const int client = self.connect(at);
        const int server = self.accept(listener);
        self.close(client);
        self.close(server);
    }
}

} // namespace

TEST_CASE("faults: one packet in twenty lost on its way in") { lossy("input"); }
TEST_CASE("faults: one packet in twenty lost on its way out") { lossy("output"); }

TEST_CASE("faults: 18,000 sockets in 16 buckets, with churn" * doctest::test_suite("alone"))
{
    const std::string entries = "/proc/sys/net/ipv4/tcp_child_ehash_entries";
    if (::access(entries.c_str(), W_OK) != 0)
        TRUTH_SKIP("this kernel has no net.ipv4.tcp_child_ehash_entries");
    const auto few_buckets = std::make_unique<Setting>(entries, "16");
    Stage stage;

    constexpr int crowds = 3;
    constexpr int connections = 3000;
    constexpr std::uint16_t first_port = 5000;
    constexpr int visits = 300;
    for (int crowd = 0; crowd < crowds; ++crowd)
        start_crowd(stage, static_cast<std::uint16_t>(first_port + crowd), connections);
    stage.start("t-server", [](Self& self) {
        const int listener = self.listen(local4);
        self.step();
        self.serve(listener, visits, {.request = 2000, .reply = 3000});
    });
    stage.start("t-visitor", [](Self& self) {
        self.step();
        for (int visit = 0; visit < visits; ++visit)
            self.visit(local4, {.request = 2000, .reply = 3000});
    });
    const Worker churner(stage.ledger(), stage.place(), "t-churn-4", [](Self& self) {
        churn(self, {"127.0.0.1", 6000});
    });
    const Worker churner6(stage.ledger(), stage.place(), "t-churn-6", [](Self& self) { churn(self, {"::1", 6000}); });

    const Measured measured = stage.measure({.arguments = {"--by", "connection"}});
    const Report& report = measured.report;
    std::string notes;
    for (const std::string& note : report.notes)
        notes += " " + note;
    MESSAGE("complete: ", report.complete, ", notes:", notes);

    const auto is_crowd = [](std::uint64_t port) { return port >= first_port && port < first_port + crowds; };
    std::map<std::string, int> seen;
    int wrong = 0;
    std::string examples;
    const std::uint64_t bar = bar_of(report.backend).bytes_per_connection;
    for (const Row& row : report.rows) {
        const bool server = is_crowd(row.local_port);
        if ((!server && !is_crowd(row.remote_port)) || row.remote_port == 0)
            continue;
        ++seen[row.local_address + " " + std::to_string(row.local_port) + " " + std::to_string(row.remote_port)];
        const std::uint64_t rx = server ? to_server : to_client;
        const std::uint64_t tx = server ? to_client : to_server;
        const bool once = row.connections == 1 && row.rx_bytes <= rx + bar && row.tx_bytes <= tx + bar;
        const bool all = row.rx_bytes.value_or(0) + bar >= rx && row.tx_bytes.value_or(0) + bar >= tx;
        const bool owned = row.process == (server ? "t-crowd-srv" : "t-crowd-cli");
        if (!once || (report.complete && !all) || !owned) {
            ++wrong;
            examples += row.process + " " + std::to_string(row.local_port) + " " + std::to_string(row.remote_port) +
                        ": " + std::to_string(row.connections) + " connections, rx " +
                        std::to_string(row.rx_bytes.value_or(0)) + ", tx " + std::to_string(row.tx_bytes.value_or(0)) +
                        "\n";
        }
    }
    INFO(examples);
    CHECK(wrong == 0);
    CHECK(std::all_of(seen.begin(), seen.end(), [](const auto& tuple) { return tuple.second == 1; }));
    CHECK((!report.complete || seen.size() == 2UL * crowds * connections));

    const Figures moved = sum(measured.truth);
    const std::uint64_t slack = bar * moved.connections;
    INFO("moved rx ", moved.rx_bytes, ", tx ", moved.tx_bytes, "; reported rx ", report.rx_bytes, ", tx ",
         report.tx_bytes, "; ", seen.size(), " connections seen");
    CHECK(report.rx_bytes <= moved.rx_bytes + slack);
    CHECK(report.tx_bytes <= moved.tx_bytes + slack);
    CHECK((!report.complete || report.rx_bytes + slack >= moved.rx_bytes));
    CHECK((!report.complete || report.tx_bytes + slack >= moved.tx_bytes));
}
