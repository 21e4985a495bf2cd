// SPDX-License-Identifier: MIT
// State, round-trip time and retransmissions: what the kernel tells the generator of its own sockets is the truth.
#include "exact.hpp"
#include "messages.hpp"
#include "nft.hpp"
#include "windows.hpp"

#include <linux/tcp.h>
#include <sys/mman.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

using namespace truth;

namespace {

constexpr std::size_t piece = 10'000;
constexpr std::size_t before_window = 100 * piece;
constexpr std::size_t in_window = 150 * piece;

tcp_info info_of(int fd)
{
    tcp_info info{};
    socklen_t size = sizeof info;
    must(::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), "TCP_INFO");
    return info;
}

/// Until all that was sent is acknowledged, however long that takes.
void wait_until_acknowledged(Self& self, int fd)
{
    for (tcp_info info = info_of(fd); info.tcpi_unacked != 0 || info.tcpi_notsent_bytes != 0; info = info_of(fd)) {
        self.sleep(1ms);
    }
}

/// One packet after another, so that some are lost whatever the size of a packet.
void send_in_pieces(Self& self, int fd, std::size_t bytes)
{
    for (std::size_t sent = 0; sent < bytes; sent += piece) {
        self.send(fd, piece);
        wait_until_acknowledged(self, fd);
    }
}

/// What a worker reads of its socket, in memory that the test shares.
struct Told {
    std::uint64_t retransmitted_before = 0; // the window
    std::uint64_t retransmitted = 0;        // at its end, or before the socket was closed
    std::uint32_t rtt_us = 0;

    std::uint64_t in_window() const { return retransmitted - retransmitted_before; }
    void read(int fd)
    {
        const tcp_info info = info_of(fd);
        retransmitted = info.tcpi_bytes_retrans;
        rtt_us = info.tcpi_rtt;
    }
};

class SharedTold {
public:
    SharedTold() : memory_(::mmap(nullptr, sizeof(Told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))
    {
        if (memory_ == MAP_FAILED) {
            fail("mmap");
        }
    }
    SharedTold(const SharedTold&) = delete;
    SharedTold& operator=(const SharedTold&) = delete;
    ~SharedTold() { ::munmap(memory_, sizeof(Told)); }
    Told& told() const { return *static_cast<Told*>(memory_); }

private:
    void* memory_;
};

/// A stage, and what its client tells.
struct Scene {
    Stage stage;
    SharedTold shared;
    Told& told = shared.told();
};

enum class End : std::uint8_t { open, closed };

/// "t-client" sends over a connection that loses one packet in twenty, before the window and in it.
void start_lossy(Scene& scene, End end, int protocol = IPPROTO_TCP)
{
    Stage& stage = scene.stage;
    Told& told = scene.told;
    drop_packets(stage.netns(), "input", 20);
    stage.start("t-server", [=](Self& self) {
        const int listener = self.listen(local4, protocol);
        self.call("listening");
        const int fd = self.accept(listener);
        self.receive(fd, before_window);
        self.step();
        self.receive(fd, in_window);
        if (end == End::closed) {
            self.receive_to_end(fd);
            self.close(fd);
        }
    });
    stage.start("t-client", [=, &told](Self& self) {
        self.await_call("listening");
        const int fd = self.adopt(open_socket(AF_INET, SOCK_STREAM, protocol));
        self.aim(fd, local4);
        send_in_pieces(self, fd, before_window);
        told.retransmitted_before = info_of(fd).tcpi_bytes_retrans;
        self.step();
        send_in_pieces(self, fd, in_window);
        told.read(fd);
        if (end == End::closed) {
            self.close(fd);
        }
    });
}

/// The program's rows of the client's end of the connection.
std::vector<Row> client_rows(const Report& report)
{
    std::vector<Row> rows;
    std::copy_if(report.rows.begin(), report.rows.end(), std::back_inserter(rows),
                 [](const Row& row) { return row.remote_port == local4.port; });
    return rows;
}

Row client_row(const Report& report)
{
    const auto rows = client_rows(report);
    REQUIRE(rows.size() == 1);
    return rows.front();
}

/// The ebpf backend sees the cases that run beside this one, too.
const std::vector<std::string> all_three{"--by",    "connection", "-o", "+state,rtt_us,retransmitted_bytes",
                                         "--netns", "current"};

#define TRUTH_TCP_INFO()                                                                                               \
    do {                                                                                                               \
        if (backend_name() != "ebpf" && backend_name() != "netlink") {                                                 \
            TRUTH_SKIP("it does not ask TCP");                                                                         \
        }                                                                                                              \
        if (!nft_installed()) {                                                                                        \
            TRUTH_SKIP("nft is not installed");                                                                        \
        }                                                                                                              \
    } while (false)

} // namespace

TEST_CASE("tcp info: what was sent again in the window, and the rtt, as the socket's own process reads them")
{
    TRUTH_TCP_INFO();
    Scene scene;
    SUBCASE("open")
    {
        start_lossy(scene, End::open);
        const Measured measured = scene.stage.measure({.arguments = all_three});
        check(measured);
        const Row row = client_row(measured.report);
        CHECK(scene.told.retransmitted_before > 0);
        CHECK(scene.told.in_window() > 0);
        CHECK(row.retransmitted_bytes == scene.told.in_window());
        CHECK(row.rtt_us == scene.told.rtt_us);
        CHECK(row.state == "established");
    }
    SUBCASE("closed")
    {
        start_lossy(scene, End::closed);
        const Measured measured = scene.stage.measure({.arguments = all_three});
        check(measured);
        const Row row = client_row(measured.report);
        CHECK(row.retransmitted_bytes == scene.told.in_window());
        CHECK(row.state != "established");
    }
    SUBCASE("by process")
    {
        start_lossy(scene, End::open);
        const Measured measured = scene.stage.measure({.arguments = {"-o", "+rtt_us,retransmitted_bytes"}});
        check(measured);
        const auto row = std::find_if(measured.report.rows.begin(), measured.report.rows.end(),
                                      [](const Row& each) { return each.process == "t-client"; });
        REQUIRE(row != measured.report.rows.end());
        CHECK(row->retransmitted_bytes == scene.told.in_window());
        CHECK(row->rtt_us == scene.told.rtt_us);
    }
}

TEST_CASE("tcp info: the windows of a series have together what was sent again")
{
    TRUTH_TCP_INFO();
    Scene scene;
    start_lossy(scene, End::closed);
    const Series series = scene.stage.measure_series(8, {.pace = 150ms, .arguments = all_three});
    std::uint64_t sum = 0;
    std::size_t windows = 0;
    for (const Report& report : series.reports) {
        for (const Row& row : client_rows(report)) {
            sum += row.retransmitted_bytes.value_or(0);
            windows += row.retransmitted_bytes.value_or(0) != 0 ? 1 : 0;
        }
    }
    CHECK(sum == scene.told.in_window());
    MESSAGE(sum, " bytes were sent again in ", windows, " of ", series.reports.size(), " windows");
    check(sum_of(series));
}

TEST_CASE("tcp info: without a window, what was sent again since the socket was opened" * doctest::test_suite("alone"))
{
    TRUTH_TCP_INFO();
    Scene scene;
    start_lossy(scene, End::open);
    scene.stage.advance();
    const Measured measured = scene.stage.totals({.arguments = all_three});
    const Row row = client_row(measured.report);
    CHECK(row.retransmitted_bytes == scene.told.retransmitted);
    CHECK(row.rtt_us == scene.told.rtt_us);
    CHECK(row.state == "established");
}

TEST_CASE("tcp info: since the last run, what was sent again since then" * doctest::test_suite("alone"))
{
    TRUTH_TCP_INFO();
    Scene scene;
    std::string directory = std::filesystem::temp_directory_path() / "socktally-truth-XXXXXX";
    if (::mkdtemp(directory.data()) == nullptr) {
        fail("mkdtemp");
    }
    std::vector<std::string> arguments = all_three;
    arguments.insert(arguments.end(), {"--since", directory + "/state"});
    start_lossy(scene, End::open);
    const Row first = client_row(scene.stage.totals({.arguments = arguments}).report);
    scene.stage.advance();
    const Row second = client_row(scene.stage.totals({.arguments = arguments}).report);
    std::filesystem::remove_all(directory);
    CHECK(first.retransmitted_bytes == scene.told.retransmitted_before);
    CHECK(second.retransmitted_bytes == scene.told.in_window());
}

TEST_CASE("tcp info: MPTCP has what its subflow tells")
{
    TRUTH_TCP_INFO();
    if (!has_protocol(AF_INET, SOCK_STREAM, IPPROTO_MPTCP)) {
        TRUTH_SKIP("this kernel has no MPTCP");
    }
    Scene scene;
    SUBCASE("open") { start_lossy(scene, End::open, IPPROTO_MPTCP); }
    SUBCASE("closed") { start_lossy(scene, End::closed, IPPROTO_MPTCP); }
    const Row row = client_row(scene.stage.measure({.arguments = all_three}).report);
    CHECK(scene.told.in_window() > 0);
    CHECK(row.retransmitted_bytes == scene.told.in_window());
    CHECK(row.rtt_us.value_or(0) > 0);
    CHECK(row.process == "t-client");
}

TEST_CASE("tcp info: a connection that only retransmits")
{
    TRUTH_TCP_INFO();
    Scene scene;
    scene.stage.start("t-server", [](Self& self) { self.receive(self.accept(self.listen(local4)), 1000); });
    scene.stage.start("t-client", [&told = scene.told](Self& self) {
        const int fd = self.connect(local4);
        self.send(fd, 1000);
        self.step();
        self.step();
        self.send(fd, 5000);
        self.step();
        told.read(fd);
        const auto before = told.retransmitted;
        while (told.retransmitted == before) { // the intervals double
            self.sleep(10ms);
            told.read(fd);
        }
    });
    scene.stage.advance();
    drop_packets(scene.stage.netns(), "input", 1);
    scene.stage.advance();
    const Row row = client_row(scene.stage.measure({.arguments = all_three}).report);
    CHECK(row.tx_bytes == 0U);
    CHECK(row.retransmitted_bytes.value_or(0) > 0);
    CHECK(row.retransmitted_bytes.value_or(0) <= scene.told.retransmitted + 5000); // another one may just be sent
    CHECK(row.process == "t-client");
}

TEST_CASE("tcp info: bytes of two processes on one socket are not told apart")
{
    TRUTH_EXACT_ONLY();
    TRUTH_TCP_INFO();
    Stage stage;
    drop_packets(stage.netns(), "input", 20);
    start_connection(
        stage, [](Self& self, int fd) { self.receive(fd, 2 * in_window); },
        [](Self& self, int fd) {
            self.send(fd, in_window);
            self.await_rest(self.child("t-heir", [=](Self& heir) {
                heir.adopt(fd);
                heir.send(fd, in_window);
                heir.rest();
            }));
        });
    const auto rows = client_rows(stage.measure({.arguments = all_three}).report);
    REQUIRE(rows.size() == 2);
    for (const Row& row : rows) {
        CHECK(!row.retransmitted_bytes);
        CHECK(row.state == "established");
    }
}
