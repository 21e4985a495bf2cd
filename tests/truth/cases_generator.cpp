// SPDX-License-Identifier: MIT
// The judge judged: the generator's sums against the kernel's own counters, read by getsockopt, and the checks
// against reports that are wrong on purpose.
#include "stage.hpp"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <sys/ioctl.h>

#include <stdexcept>

using namespace truth;

namespace {

/// Waits until everything is acknowledged, then compares. The SYN may count as one byte.
void compare_with_kernel(Self& self, int fd)
{
    for (int queued = 1; queued > 0; self.sleep(1ms))
        must(::ioctl(fd, SIOCOUTQ, &queued), "SIOCOUTQ");
    tcp_info info{};
    socklen_t size = sizeof info;
    must(::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), "TCP_INFO");
    const std::uint64_t sent = info.tcpi_bytes_acked;
    const std::uint64_t received = info.tcpi_bytes_received;
    const Account& account = self.account();
    if (received != account.rx_bytes || sent < account.tx_bytes || sent > account.tx_bytes + 1)
        throw std::runtime_error("the kernel counted " + std::to_string(received) + " in, " + std::to_string(sent) +
                                 " out; the generator " + std::to_string(account.rx_bytes) + " in, " +
                                 std::to_string(account.tx_bytes) + " out");
}

const Identity alice{.pid = 10, .start_time = 100};
const Identity bob{.pid = 20, .start_time = 200};

/// Two processes with a connection each, and a report that is right about them.
Measured right_answer()
{
    Measured measured;
    measured.truth[alice] = {.name = "alice", .uid = 0, .rx_bytes = 1000, .tx_bytes = 50, .connections = 1};
    measured.truth[bob] = {.name = "bob", .uid = 0, .rx_bytes = 0, .tx_bytes = 7, .connections = 1};
    measured.report.backend = backend_name();
    for (const auto& [identity, figures] : measured.truth) {
        Row row;
        row.pid = identity.pid;
        row.start_time = identity.start_time;
        row.rx_bytes = figures.rx_bytes;
        row.tx_bytes = figures.tx_bytes;
        measured.report.rows.push_back(row);
    }
    measured.report.rx_bytes = 1000;
    measured.report.tx_bytes = 57;
    return measured;
}

} // namespace

TEST_CASE("generator: its sums are the kernel's")
{
    Stage stage;
    stage.start("t-server", [](Self& self) {
        const int fd = self.accept(self.listen(local4));
        self.step();
        self.exchange(fd, 3'000'000, 2'000'000);
        compare_with_kernel(self, fd);
    });
    stage.start("t-client", [](Self& self) {
        const int fd = self.connect(local4);
        self.step();
        self.exchange(fd, 2'000'000, 3'000'000);
        compare_with_kernel(self, fd);
    });
    stage.advance();
    const Truth truth = stage.ledger().read(stage.netns().inode());
    CHECK(truth.size() == 2);
    CHECK(sum(truth).rx_bytes == 5'000'000);
    CHECK(sum(truth).tx_bytes == 5'000'000);
    CHECK(sum(truth).connections == 2);
}

TEST_CASE("generator: the judge passes what is right and fails what is wrong")
{
    Measured measured = right_answer();
    Row& row = measured.report.rows.front();
    CHECK(judge(measured).empty());

    SUBCASE("bytes at a wrong process")
    {
        std::swap(row.rx_bytes, measured.report.rows.back().rx_bytes);
        CHECK_FALSE(judge(measured, {.share = 0, .complete = false}).empty());
    }
    SUBCASE("a pid that came again")
    {
        ++*row.start_time;
        CHECK_FALSE(judge(measured, {.share = 0, .complete = false}).empty());
    }
    SUBCASE("bytes lost")
    {
        row.rx_bytes = measured.report.rx_bytes = 900;
        CHECK_FALSE(judge(measured, {.share = 0}).empty());
        measured.report.complete = false;
        CHECK(judge(measured, {.share = 0, .complete = false}).empty());
        CHECK_FALSE(judge(measured, {.share = 0}).empty());
        CHECK_FALSE(judge(measured, {.share = 0.99, .complete = false}).empty());
    }
    SUBCASE("bytes without an owner")
    {
        row.pid.reset();
        measured.report.unattributed_rx_bytes = 1000;
        CHECK_FALSE(judge(measured).empty());
        measured.report.unattributed_tx_bytes = 50;
        CHECK(judge(measured, {.share = 0}).empty());
    }
    SUBCASE("bytes lost with a reset connection")
    {
        row.rx_bytes = measured.report.rx_bytes = 0;
        measured.report.complete = false;
        CHECK(judge(measured, {.complete = false, .may_be_short = {"alice"}}).empty());
        CHECK_FALSE(judge(measured, {.complete = false, .may_be_short = {"bob"}}).empty());
    }
    SUBCASE("bytes at the other one of two that share a socket")
    {
        std::swap(row.tx_bytes, measured.report.rows.back().tx_bytes);
        row.attribution = measured.report.rows.back().attribution = "shared";
        const Expect expect{.sharers = {"alice", "bob"}};
        CHECK(judge(measured, expect).empty() != bar_of(measured.report.backend).knows_caller);
        row.attribution = "owner";
        CHECK_FALSE(judge(measured, expect).empty());
    }
    SUBCASE("bytes beyond the bar")
    {
        const std::uint64_t bar = bar_of(measured.report.backend).bytes_per_connection;
        row.tx_bytes = *row.tx_bytes + bar;
        measured.report.tx_bytes += bar;
        CHECK(judge(measured).empty());
        ++*row.tx_bytes;
        ++measured.report.tx_bytes;
        CHECK_FALSE(judge(measured, {.share = 0, .complete = false}).empty());
    }
}
