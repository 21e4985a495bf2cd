// SPDX-License-Identifier: MIT
// Bytes by unit and container where no process is known: the socket's own cgroup tells (INET_DIAG_CGROUP_ID).
#include "cgroup.hpp"
#include "stage.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>

using namespace truth;

namespace {

constexpr std::uint16_t first_port = 7100;
constexpr uid_t first_uid = 61'011; // of users that no account has

/// Other runs of the suite have units and containers of their own.
const std::string& unique()
{
    static const std::string digits = unique_digits();
    return digits;
}

std::string container_id(char digit)
{
    std::string id = unique();
    id.append(64 - id.size(), digit);
    return id;
}

/// A group as a service manager or an engine names it, and what identifies its rows.
struct Group {
    std::string key;       // of the workers' names
    std::string directory; // below the test's own
    std::string unit;
    std::string container{};
    std::string pod{};
};

std::vector<Group> groups()
{
    const std::string docker = "docker-" + container_id('d') + ".scope";
    const std::string podman = "libpod-" + container_id('a') + ".scope";
    const std::string kubernetes = "cri-containerd-" + container_id('c') + ".scope";
    const std::string pod = "01234567-89ab-cdef-0123-456789" + unique().substr(0, 6);
    const std::string web = "truth-web-" + unique() + ".service";
    const std::string app = "truth-app-" + unique() + ".service";
    return {{"sys", web, web},
            {"usr", "user@61013.service/app.slice/" + app, app},
            {"dock", docker, docker, container_id('d')},
            {"pod", podman, podman, container_id('a')},
            {"kube", "kubepods-pod01234567_89ab_cdef_0123_456789" + unique().substr(0, 6) + ".slice/" + kubernetes,
             kubernetes, container_id('c'), pod}};
}

/// The test's own slice with all cgroups of the groups below.
class Groups {
public:
    Groups()
    {
        const std::string slice = "socktally" + unique_digits() + ".slice";
        add(slice);
        for (const Group& group : groups()) {
            std::string path = slice;
            for (std::size_t begin = 0, end = 0; end != group.directory.npos; begin = end + 1) {
                end = group.directory.find('/', begin);
                path += '/' + group.directory.substr(begin, end - begin);
                add(path);
            }
            leaves_.push_back(made_.back().get());
        }
    }
    ~Groups()
    {
        while (!made_.empty())
            made_.pop_back(); // the inner ones first
    }
    Groups(const Groups&) = delete;
    Groups& operator=(const Groups&) = delete;

    bool are_there() const
    {
        return std::all_of(made_.begin(), made_.end(), [](const auto& made) { return made->is_there(); });
    }
    const Cgroup& of(std::size_t group) const { return *leaves_.at(group); }

private:
    void add(const std::string& path) { made_.push_back(std::make_unique<Cgroup>(path)); }

    std::vector<std::unique_ptr<Cgroup>> made_;
    std::vector<Cgroup*> leaves_;
};

/// The tool has listed this socket of the calling process, and its cgroup.
std::string group_line(int fd)
{
    return "group " + std::to_string(Self::cookie(fd)) + ' ' + std::to_string(own_cgroup_id());
}

/// In each group a server and a client, of a user of their own. Two windows are measured: in each, bytes move over a
/// connection from before, and over one that is opened and closed in it.
void start_pairs(Stage& stage, const Groups& made)
{
    for (std::size_t i = 0; i < groups().size(); ++i) {
        const At at{"127.0.0.1", static_cast<std::uint16_t>(first_port + i)};
        const std::size_t size = 10'000 * (i + 1);
        const Place place{.net = &stage.netns(), .uid = static_cast<uid_t>(first_uid + i)};
        Worker& server = stage.start("t-" + groups()[i].key + "-s", place, [=](Self& self) {
            self.step();
            const int listener = self.listen(at);
            const int old = self.accept(listener);
            for (int window = 0; window < 2; ++window) {
                self.step();
                self.exchange(old, 3 * size, size);
                const int fresh = self.accept(listener);
                self.wait_for_line(group_line(fresh));
                self.exchange(fresh, 2 * size, size);
                self.receive_to_end(fresh);
                self.close(fresh);
            }
        });
        Worker& client = stage.start("t-" + groups()[i].key + "-c", place, [=](Self& self) {
            self.step();
            const int old = self.connect(at);
            for (int window = 0; window < 2; ++window) {
                self.step();
                self.exchange(old, size, 3 * size);
                const int fresh = self.connect(at);
                self.wait_for_line(group_line(fresh));
                self.exchange(fresh, size, 2 * size);
                self.close(fresh);
            }
        });
        for (Worker* worker : {&server, &client}) {
            worker->await();
            made.of(i).add(worker->pid());
        }
    }
    stage.advance();
}

Figures figures_of(const Truth& truth, const Group& group)
{
    Truth own;
    std::copy_if(truth.begin(), truth.end(), std::inserter(own, own.end()),
                 [&](const auto& entry) { return entry.second.name.starts_with("t-" + group.key + "-"); });
    return sum(own);
}

/// Prints and checks the row of each group that `name` picks; groups without such a name have none.
void check_rows(const Measured& measured, const std::string& who, std::string Row::*column, std::string Group::*name)
{
    INFO(describe(measured.report));
    CHECK(measured.report.complete);
    for (const Group& group : groups()) {
        if (group.*name == "")
            continue;
        const Figures truth = figures_of(measured.truth, group);
        const auto& rows = measured.report.rows;
        const auto is_its = [&](const Row& row) { return row.*column == group.*name; };
        const auto row = std::find_if(rows.begin(), rows.end(), is_its);
        REQUIRE_MESSAGE(row != rows.end(), group.*name);
        CHECK(std::count_if(rows.begin(), rows.end(), is_its) == 1);
        std::printf("%-7s %-6s %-78s rx %9llu of %9llu  tx %9llu of %9llu  %s\n", backend_name().c_str(), who.c_str(),
                    (group.*name).c_str(), static_cast<unsigned long long>(row->rx_bytes.value_or(0)),
                    static_cast<unsigned long long>(truth.rx_bytes),
                    static_cast<unsigned long long>(row->tx_bytes.value_or(0)),
                    static_cast<unsigned long long>(truth.tx_bytes), row->attribution.c_str());
        const std::uint64_t bar = bar_of(backend_name()).bytes_per_connection * truth.connections;
        CHECK(truth.rx_bytes > 0);
        CHECK(within(row->rx_bytes.value_or(0), truth.rx_bytes, bar));
        CHECK(within(row->tx_bytes.value_or(0), truth.tx_bytes, bar));
    }
}

const Row* find_row(const Report& report, const std::string& process)
{
    const auto found = std::find_if(report.rows.begin(), report.rows.end(),
                                    [&](const Row& row) { return row.process == process && !row.pid; });
    return found == report.rows.end() ? nullptr : &*found;
}

} // namespace

TEST_CASE("groups: units and containers of other users, as root and as nobody")
{
    struct Grouping {
        const char* by;
        std::string Row::*column;
        std::string Group::*name;
    };
    Grouping grouping{"unit", &Row::unit, &Group::unit};
    SUBCASE("by unit") {}
    SUBCASE("by container") { grouping = {"container", &Row::container_id, &Group::container}; }
    SUBCASE("by pod") { grouping = {"pod", &Row::pod, &Group::pod}; }
    const Groups made;
    if (!made.are_there())
        TRUTH_SKIP("no cgroups of version 2 can be made here");
    Stage stage;
    start_pairs(stage, made);
    const std::vector<std::string> arguments{"--netns", "current", "--by", grouping.by};
    const Measured as_root = stage.measure({.arguments = arguments});
    check_rows(as_root, "root", grouping.column, grouping.name);
    if (backend_name() != "netlink")
        return; // the others may not be used without privilege
    const Measured as_nobody =
        stage.measure({.arguments = arguments, .place = Place{.net = &stage.netns(), .uid = nobody}});
    check_rows(as_nobody, "nobody", grouping.column, grouping.name);
    const Figures all = sum(as_nobody.truth);
    CHECK(within(as_nobody.report.unattributed_rx_bytes, all.rx_bytes, 2 * all.connections));
    for (const Row& row : as_nobody.report.rows)
        CHECK(row.attribution == "socket");
}

TEST_CASE("groups: a cgroup that is gone when the window ends")
{
    if (backend_name() != "netlink")
        TRUTH_SKIP("the process is known");
    auto cgroup = std::make_unique<Cgroup>("socktally" + unique_digits() + "-brief.service");
    if (!cgroup->is_there())
        TRUTH_SKIP("no cgroups of version 2 can be made here");
    const std::string unit = cgroup->path().substr(1);
    Stage stage;
    stage.start("t-server", [](Self& self) {
        const int listener = self.listen(local4);
        self.step();
        self.serve(listener, 1, {1'000, 20'000});
    });
    Worker& client = stage.start("t-client", {.net = &stage.netns(), .uid = first_uid}, [](Self& self) {
        self.step();
        const int fd = self.connect(local4);
        self.wait_for_line(group_line(fd));
        self.exchange(fd, 1'000, 20'000);
        self.close(fd);
        self.exit();
    });
    client.await();
    const auto during = [&] {
        cgroup = nullptr;
        cgroup = std::make_unique<Cgroup>(unit); // one that no walk before the window has met
        cgroup->add(client.pid());
        stage.advance();
        cgroup = nullptr;
    };
    const Measured measured = stage.measure(
        {.arguments = {"--by", "unit"}, .place = Place{.net = &stage.netns(), .uid = nobody}, .during = during});
    INFO(describe(measured.report));
    const auto& rows = measured.report.rows;
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const Row& one) { return one.unit == unit; });
    REQUIRE(row != rows.end());
    CHECK(within(row->rx_bytes.value_or(0), 20'000, 2));
    CHECK(within(row->tx_bytes.value_or(0), 1'000, 2));
}

TEST_CASE("groups: a socket that no process holds")
{
    const Cgroup cgroup("socktally" + unique_digits() + "-box.service");
    if (!cgroup.is_there())
        TRUTH_SKIP("no cgroups of version 2 can be made here");
    Stage stage;
    Worker& client = stage.start("t-client", [](Self& self) {
        self.step();
        const int box = self.mailbox("truth-groups");
        const int fd = self.connect(local4);
        self.pass_socket("truth-groups", fd);
        self.close(fd);
        self.step();
        self.step();
        self.close(self.take_socket(box));
    });
    stage.start("t-server", [](Self& self) {
        const int listener = self.listen(local4);
        self.step();
        const int fd = self.accept(listener);
        self.send(fd, 5'000);
        self.step();
    });
    client.await();
    cgroup.add(client.pid());
    stage.advance();
    // What no process receives is nothing to ebpf, but for the counters of sockets.
    const bool moves = backend_name() != "ebpf";
    if (!moves)
        stage.advance();
    const How how{.arguments = {"--netns", "current", "-o", "+unit,cgroup"}};
    const Measured measured = moves ? stage.measure(how) : stage.totals(how);
    INFO(describe(measured.report));
    const Row* box = find_row(measured.report, "[unknown]");
    REQUIRE(box != nullptr);
    CHECK(box->unit == cgroup.path().substr(1));
    CHECK(box->cgroup == cgroup.path());
    CHECK(box->attribution == "socket");
    CHECK(measured.report.unattributed_rx_bytes == box->rx_bytes);
}
