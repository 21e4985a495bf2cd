// SPDX-License-Identifier: MIT
// Mixes of everything, drawn from a seed that is printed. SOCKTALLY_TRUTH_SEED repeats one.
#include "exact.hpp"
#include "messages.hpp"
#include "mingle.hpp"
#include "splice.hpp"
#include "storm.hpp"

#include <netinet/ip_icmp.h>

#include <array>
#include <cstdlib>
#include <random>
#include <vector>

using namespace truth;

namespace {

using Random = std::mt19937;

std::size_t draw(Random& random, std::size_t least, std::size_t most)
{
    return std::uniform_int_distribution(least, most)(random);
}

/// One part of a mix: a few processes that talk with each other, and what is drawn for them.
class Part {
public:
    Part(Stage& stage, const Place& place, std::size_t number, Random& random)
        : stage_(stage), place_(place), number_(number), random_(random), address_(toss() ? "127.0.0.1" : "::1")
    {
    }

    std::size_t between(std::size_t least, std::size_t most) { return draw(random_, least, most); }
    bool toss() { return between(0, 1) == 1; }
    /// Up to 512 KiB; small ones as often as big ones.
    std::size_t size() { return between(1, std::size_t{1} << between(0, 19)); }

    /// An address that no other part uses.
    At at(std::uint16_t offset = 0) const
    {
        return {address_, static_cast<std::uint16_t>(10'000 + 10 * number_ + offset)};
    }
    /// For raw IP: one that nobody else uses, neither here nor at large.
    int own_protocol() const
    {
        constexpr std::size_t first_unassigned = 150;
        return static_cast<int>(first_unassigned + number_);
    }
    std::string name(const std::string& role) const { return "t-" + std::to_string(number_) + "-" + role; }

    /// A process of this part. It ends with its script or stays, as it is drawn.
    void start(const std::string& role, const Self::Script& script)
    {
        const bool leaves = toss();
        stage_.start(name(role), place_, [=](Self& self) {
            script(self);
            if (leaves) {
                self.exit();
            }
        });
    }

    /// Two processes with a connection that is made before the window or in it.
    void start_pair(const Talk& server, const Talk& client)
    {
        const bool old = toss();
        start("server", [server, old, to = at()](Self& self) {
            const int listener = self.listen(to);
            server(self, open(self, old, [&] { return self.accept(listener); }));
        });
        start("client", [client, old, to = at()](Self& self) {
            client(self, open(self, old, [&] { return self.connect(to); }));
        });
    }

private:
    static int open(Self& self, bool before, const std::function<int()>& how)
    {
        if (!before) {
            self.step();
        }
        const int fd = how();
        if (before) {
            self.step();
        }
        return fd;
    }

    Stage& stage_;
    Place place_;
    std::size_t number_;
    Random& random_;
    std::string address_;
};

void both_at_once(Part& part)
{
    const std::size_t up = part.size();
    const std::size_t down = part.size();
    part.start_pair([=](Self& self, int fd) { self.exchange(fd, down, up); },
                    [=](Self& self, int fd) { self.exchange(fd, up, down); });
}

void one_after_the_other(Part& part)
{
    using Move = void (*)(Self&, int, std::size_t);
    constexpr std::array<Move, 3> senders{[](Self& self, int fd, std::size_t bytes) { self.send(fd, bytes); },
                                          send_file, splice_out};
    constexpr std::array<Move, 2> receivers{[](Self& self, int fd, std::size_t bytes) { self.receive(fd, bytes); },
                                            splice_in};
    const Move send = senders.at(part.between(0, senders.size() - 1));
    const Move receive = receivers.at(part.between(0, receivers.size() - 1));
    const std::size_t up = part.size();
    const std::size_t down = part.size();
    part.start_pair([=](Self& self, int fd) { receive(self, fd, up), send(self, fd, down); },
                    [=](Self& self, int fd) { send(self, fd, up), receive(self, fd, down); });
}

void forked_pair(Part& part)
{
    const std::size_t mine = part.size();
    const std::size_t heirs = part.size();
    const std::size_t down = part.size();
    part.start_pair([=](Self& self, int fd) { answer_minglers(self, fd, down, mine + heirs); },
                    [=, name = part.name("heir")](Self& self, int fd) {
                        const pid_t child = self.child(name, [=](Self& heir) { mingle(heir, heir.adopt(fd), heirs); });
                        mingle(self, fd, mine);
                        self.join(child);
                    });
}

void short_processes(Part& part)
{
    const RequestReply size{.request = part.between(1, 20'000), .reply = part.between(1, 20'000)};
    const std::size_t processes = part.between(1, 8);
    const std::size_t visits = part.between(1, 5);
    const Milliseconds lifetime(part.between(0, 5));
    const bool at_once = part.toss();
    part.start("server", [=, to = part.at()](Self& self) {
        const int listener = self.listen(to);
        self.step();
        self.serve(listener, processes * visits, size);
    });
    part.start("parent", [=, to = part.at(), name = part.name("child")](Self& self) {
        self.step();
        std::vector<pid_t> children;
        for (std::size_t process = 0; process < processes; ++process) {
            children.push_back(self.child(name, [=](Self& child) {
                for (std::size_t visit = 0; visit < visits; ++visit) {
                    child.visit(to, size);
                    child.sleep(lifetime);
                }
            }));
            if (!at_once) {
                self.join(children.back());
                children.pop_back();
            }
        }
        for (const pid_t child : children) {
            self.join(child);
        }
    });
}

void datagrams(Part& part)
{
    const std::size_t rounds = part.between(1, 100);
    const std::size_t question = part.between(0, 20'000);
    const std::size_t answer = part.between(0, 20'000);
    const At left = part.at(0);
    const At right = part.at(1);
    part.start("asker", [=](Self& self) {
        const int fd = self.udp(left);
        self.aim(fd, right);
        self.step();
        for (std::size_t round = 0; round < rounds; ++round) {
            send_one(self, fd, question);
            receive_one(self, fd);
        }
    });
    part.start("answerer", [=](Self& self) {
        const int fd = self.udp(right);
        self.aim(fd, left);
        self.step();
        for (std::size_t round = 0; round < rounds; ++round) {
            receive_one(self, fd);
            send_one(self, fd, answer);
        }
    });
}

void echo_requests(Part& part)
{
    const auto count = static_cast<int>(part.between(1, 50));
    const std::size_t payload = part.between(0, 1400);
    part.start("ping", [=](Self& self) {
        allow_ping_sockets();
        const int fd = open_socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
        self.aim(fd, {"127.0.0.1", 0});
        self.step();
        ping(self, fd, ICMP_ECHO, count, payload, 1);
    });
}

void raw_packets(Part& part)
{
    const std::size_t count = part.between(1, 50);
    const std::size_t bytes = part.between(1, 5000);
    const int protocol = part.own_protocol();
    part.start("raw", [=](Self& self) {
        const int fd = open_socket(AF_INET, SOCK_RAW, protocol);
        self.aim(fd, {"127.0.0.1", 0});
        self.step();
        for (std::size_t packet = 0; packet < count; ++packet) {
            send_one(self, fd, bytes);
            receive_one(self, fd); // with the IP header
        }
    });
}

void injected_packets(Part& part)
{
    const std::size_t count = part.between(1, 100);
    const std::size_t bytes = part.between(60, 1500);
    part.start("injector", [=](Self& self) {
        const PacketSocket socket = packet_socket(SOCK_DGRAM, "lo");
        self.step();
        for (std::size_t packet = 0; packet < count; ++packet) {
            inject(self, socket, bytes);
        }
    });
}

constexpr std::array kinds{both_at_once, one_after_the_other, forked_pair, short_processes,
                           datagrams,    echo_requests,       raw_packets, injected_packets};

constexpr std::size_t mixes_a_round = 10;

/// Mixes of one to three parts, each mix in a network namespace that is drawn for it.
void start_mixes(Stage& stage, const PidSpace& pids, const std::vector<Netns>& namespaces, Random& random)
{
    std::size_t number = 0;
    for (std::size_t mix = 0; mix < mixes_a_round; ++mix) {
        const Place place{.net = &namespaces.at(draw(random, 0, namespaces.size() - 1)), .pids = &pids};
        for (std::size_t left = draw(random, 1, 3); left > 0; --left) {
            Part part(stage, place, number++, random);
            kinds.at(draw(random, 0, kinds.size() - 1))(part);
        }
    }
}

void start_storm(Stage& stage, const PidSpace& pids, unsigned seed)
{
    constexpr std::size_t processes = 300;
    const Place place{.net = &stage.netns(), .pids = &pids};
    start_server(stage, place, processes / 3);
    stage.start("t-storm", place, [=](Self& self) {
        self.step();
        storm(self, processes, seed, local4, small);
    });
}

unsigned choose_seed()
{
    const char* const wanted = std::getenv("SOCKTALLY_TRUTH_SEED");
    return wanted && *wanted ? static_cast<unsigned>(std::strtoul(wanted, nullptr, 10)) : std::random_device{}();
}

} // namespace

TEST_CASE("exact: 100 mixes drawn from a seed, beside a storm of pids that come again" * doctest::test_suite("alone"))
{
    TRUTH_EXACT_ONLY();
    if (!can_restart_pids()) {
        TRUTH_SKIP("this kernel has no ns_last_pid");
    }
    constexpr int rounds = 10;
    const unsigned seed = choose_seed();
    MESSAGE("SOCKTALLY_TRUTH_SEED=", seed);
    Random random(seed);
    for (int round = 0; round < rounds; ++round) {
        INFO("round ", round);
        const PidSpace pids;
        const std::vector<Netns> namespaces(4);
        Stage stage;
        start_storm(stage, pids, static_cast<unsigned>(random()));
        start_mixes(stage, pids, namespaces, random);
        check(stage.measure({.arguments = ours_only, .place = Place{.net = &stage.netns(), .pids = &pids}}));
    }
}
