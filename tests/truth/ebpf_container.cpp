// SPDX-License-Identifier: MIT
// A container, of the namespaces that make one: network, processes, mounts. No container engine runs here.
// business.
#include "exact.hpp"

#include <algorithm>

using namespace truth;

namespace {

constexpr std::size_t down = 900'000; // into the container
constexpr std::size_t up = 600'000;

/// A process in the container, with a connection to one outside over veth, and UDP within.
class Container {
public:
    explicit Container(Stage& stage)
    {
        join(stage.netns(), inside_);
        stage.start("t-outside", [](Self& self) {
            const int fd = self.accept(self.listen({near4, 7000}));
            self.step();
            self.exchange(fd, down, up);
        });
        pid_outside_ = stage
                           .start("t-inside", place(),
                                  [](Self& self) {
                                      const int fd = self.connect({near4, 7000});
                                      const int own = self.udp(local4);
                                      self.step();
                                      self.exchange(fd, up, down);
                                      self.send_datagram(own, local4, 1000);
                                      self.receive_datagram(own);
                                  })
                           .pid();
    }
    Place place() const { return {.net = &inside_, .pids = &pids_}; }

    /// The truth by the ids that processes have outside.
    Truth as_seen_outside(const Truth& truth) const
    {
        Truth result;
        for (const auto& [identity, figures] : truth) {
            const pid_t pid = figures.name == "t-inside" ? pid_outside_ : identity.pid;
            result.emplace(Identity{.pid = pid, .start_time = identity.start_time}, figures);
        }
        return result;
    }

private:
    PidSpace pids_;
    Netns inside_;
    pid_t pid_outside_ = -1;
};

} // namespace

TEST_CASE("exact: a container, seen from outside" * doctest::test_suite("alone"))
{
    TRUTH_EXACT_ONLY();
    std::optional<Container> container; // outlives its processes, which the stage ends
    Stage stage;
    container.emplace(stage);
    Measured measured = stage.measure();
    measured.truth = container->as_seen_outside(measured.truth);
    check(measured);
}

TEST_CASE("exact: a container, seen from inside" * doctest::test_suite("alone"))
{
    TRUTH_EXACT_ONLY();
    std::optional<Container> container;
    Stage stage;
    container.emplace(stage);
    const Measured measured = stage.measure({.place = container->place()});
    INFO(describe(measured.report));
    CHECK(measured.report.has_note("other-pidns"));
    const auto& rows = measured.report.rows;
    const auto own = std::find_if(rows.begin(), rows.end(), [](const Row& row) { return row.process == "t-inside"; });
    REQUIRE(own != rows.end());
    CHECK(own->rx_bytes == down + 1000);
    CHECK(own->tx_bytes == up + 1000);
    CHECK(measured.report.unattributed_rx_bytes >= up); // the process outside has no id here, as others have none
    CHECK(measured.report.unattributed_tx_bytes >= down);
}
