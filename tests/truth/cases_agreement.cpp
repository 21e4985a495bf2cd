// SPDX-License-Identifier: MIT
// Every tier at the same time over the same mixed traffic: a table of what each has counted, beside the truth.
#include "exact.hpp"

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <memory>
#include <thread>

using namespace truth;

namespace {

constexpr int rounds = 30;
constexpr int burst = 40; // datagrams; no more than a receive buffer holds
constexpr std::size_t visits = 15;

/// TCP in bulk, TCP connections that come and go, and UDP both ways, each over v4 and v6, in two namespaces that use
/// the same addresses.
void start_mixed_traffic(Stage& stage, const Place& place, const std::string& name)
{
    const auto start = [&](const std::string& role, const Self::Script& script) {
        stage.start(name + role, place, script);
    };
    for (const bool v6 : {false, true}) {
        const std::string address = v6 ? "::1" : "127.0.0.1";
        const std::string suffix = v6 ? "6" : "4";
        start("-srv" + suffix, [=](Self& self) {
            const int fd = self.accept(self.listen({address, 7000}));
            self.step();
            self.exchange(fd, 2'000'000, 5'000'000);
        });
        start("-cli" + suffix, [=](Self& self) {
            const int fd = self.connect({address, 7000});
            self.step();
            self.exchange(fd, 5'000'000, 2'000'000);
        });
        start("-host" + suffix, [=](Self& self) {
            const int listener = self.listen({address, 7001});
            self.step();
            self.serve(listener, visits, {2'000, 30'000}, Until::owned);
        });
        start("-guest" + suffix, [=](Self& self) {
            self.step();
            for (std::size_t i = 0; i < visits; ++i) {
                self.visit({address, 7001}, {2'000, 30'000}, Until::owned);
            }
        });
        start("-ask" + suffix, [=](Self& self) {
            const int fd = self.udp({address, 7003});
            self.step();
            for (int round = 0; round < rounds; ++round) {
                for (int count = 0; count < burst; ++count) {
                    self.send_datagram(fd, {address, 7004}, static_cast<std::size_t>(100 + count));
                }
                self.receive_datagram(fd);
            }
        });
        start("-say" + suffix, [=](Self& self) {
            const int fd = self.udp({address, 7004});
            self.step();
            for (int round = 0; round < rounds; ++round) {
                for (int count = 0; count < burst; ++count) {
                    self.receive_datagram(fd);
                }
                self.send_datagram(fd, {address, 7003}, 1'200);
            }
        });
    }
}

struct Run {
    std::string backend;
    std::unique_ptr<Tool> tool;
    std::optional<Report> report{}; // null where the backend cannot work here
};

void print(const char* name, std::uint64_t rx_bytes, std::uint64_t tx_bytes, const Figures& truth)
{
    const auto off = [](std::uint64_t value, std::uint64_t right) {
        return (static_cast<double>(value) - static_cast<double>(right)) / static_cast<double>(right) * 100;
    };
    std::printf("%-16s %12llu %12llu %+9.4f%% %+9.4f%%\n", name, static_cast<unsigned long long>(rx_bytes),
                static_cast<unsigned long long>(tx_bytes), off(rx_bytes, truth.rx_bytes),
                off(tx_bytes, truth.tx_bytes));
}

/// Of one process, in all rows.
std::uint64_t of_process(const Report& report, pid_t pid, std::optional<std::uint64_t> Row::*direction)
{
    std::uint64_t bytes = 0;
    for (const Row& row : report.rows) {
        bytes += row.pid == pid ? (row.*direction).value_or(0) : 0;
    }
    return bytes;
}

bool agrees(std::uint64_t value, std::uint64_t truth) { return within(value, truth, truth / 1000 + 2); }

} // namespace

TEST_CASE("agreement: all tiers at once over the same mixed traffic, within 0.1 %")
{
    if (backend_name() != "netlink") {
        TRUTH_SKIP("once is enough: it runs all of them");
    }
    Stage stage;
    const Netns second;
    start_mixed_traffic(stage, stage.place(), "t-a");
    start_mixed_traffic(stage, {.net = &second}, "t-b");

    std::array runs{Run{"ebpf", {}}, Run{"netlink", {}}, Run{"packet", {}}, Run{"procfs", {}}};
    const Measured measured = stage.measure({.during = [&] {
        for (Run& run : runs) {
            std::vector<std::string> arguments{"-b", run.backend};
            if (run.backend == "ebpf") {
                arguments.insert(arguments.end(), ours_only.begin(), ours_only.end());
            }
            run.tool = std::make_unique<Tool>(stage.place(), until_told, arguments);
            stage.add_tool(*run.tool, run.backend);
        }
        stage.advance();
    }});
    for (const Run& run : runs) {
        run.tool->end_window();
    }
    check(measured);
    constexpr int refused = 4;
    for (Run& run : runs) {
        const Output output = run.tool->finish();
        if (!WIFEXITED(output.status) || WEXITSTATUS(output.status) != refused) {
            run.report = expect_success(output);
        }
    }

    const Figures truth = sum(measured.truth);
    std::printf("%-16s %12s %12s %10s %10s\n", "", "rx_bytes", "tx_bytes", "rx off", "tx off");
    print("generator", truth.rx_bytes, truth.tx_bytes, truth);
    for (const Run& run : runs) {
        INFO(run.backend, run.report ? ": " + describe(*run.report) : "");
        if (!run.report) {
            std::printf("%-16s cannot work here\n", run.backend.c_str());
            continue;
        }
        if (run.backend == "procfs") {
            std::uint64_t sockets = 0;
            for (const Row& row : run.report->rows) {
                sockets += row.connections;
            }
            std::printf("%-16s %llu sockets at either end of the window\n", "procfs",
                        static_cast<unsigned long long>(sockets));
            constexpr std::uint64_t lasting = 2 * 2 * 4; // places, families; both ends of TCP and of UDP
            CHECK(sockets >= lasting);
            continue;
        }
        print(run.report->backend.c_str(), run.report->rx_bytes, run.report->tx_bytes, truth);
        CHECK(run.report->complete);
        CHECK(agrees(run.report->rx_bytes, truth.rx_bytes));
        CHECK(agrees(run.report->tx_bytes, truth.tx_bytes));
        for (const auto& entry : measured.truth) { // not a structured binding: clang 14 cannot capture one
            INFO(entry.second.name);
            CHECK(agrees(of_process(*run.report, entry.first.pid, &Row::rx_bytes), entry.second.rx_bytes));
            CHECK(agrees(of_process(*run.report, entry.first.pid, &Row::tx_bytes), entry.second.tx_bytes));
        }
    }
    std::fflush(stdout);
}
