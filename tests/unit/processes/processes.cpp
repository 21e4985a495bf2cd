// SPDX-License-Identifier: MIT
// Who processes are: from a /proc of text, from this process's own, and from directories that stand for cgroups.
#include "fixture_proc.hpp"
#include "owners/owner_scanner.hpp"
#include "processes/identifier.hpp"
#include "table/flow_rows.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

using namespace socktally;
using namespace socktally::test;

namespace {

namespace fs = std::filesystem;

IdentityNeeds everything() { return {true, true, true, true, true, true, true}; }

Identity only_parent()
{
    Identity identity;
    identity.parent = Pid{1};
    return identity;
}

void write(const fs::path& path, std::string_view text) { std::ofstream(path, std::ios::binary) << text; }

/// As the kernel shows a process, or a thread of it, that has ended and that nobody has waited for.
void end(const fs::path& directory)
{
    std::ifstream file(directory / "stat");
    std::string stat{std::istreambuf_iterator<char>(file), {}};
    constexpr std::string_view alive = " S 1 0 0 0 -1 0 ";
    const std::size_t at = stat.find(alive);
    REQUIRE(at != std::string::npos);
    stat.replace(at, alive.size(), " Z 1 0 0 0 -1 4228100 "); // PF_EXITING among others
    write(directory / "stat", stat);
    write(directory / "cmdline", "");
    fs::remove(directory / "exe");
    fs::remove_all(directory / "ns");
}

std::uint64_t inode_of(const fs::path& path)
{
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    return status.st_ino;
}

/// Pid 5000001, started at 7, of a container in a namespace called blue.
class World {
public:
    World()
    {
        proc_.apply("process 5000001 7 1000 web\n"
                    "netns blue\n"
                    "cgroup 0::/docker/" +
                    id + "\n");
        write(proc_.of(5000001) / "cmdline", std::string_view("nginx\0-c\0/a b\0\0", 15));
        fs::create_symlink("/usr/sbin/nginx", proc_.of(5000001) / "exe");
        fs::create_directories(mount_ / "system.slice/cron.service");
        fs::create_directories(mount_ / "docker" / id);
        write(fs::path(proc_.root()) / "self/mountinfo", "24 1 0:22 / /proc rw - proc proc rw\n41 31 0:38 / " +
                                                             mount_.string() + " rw shared:4 - cgroup2 none rw\n");
    }

    Identifier identifier(const IdentityNeeds& needs,
                          std::shared_ptr<IdentityMemory> memory = std::make_shared<IdentityMemory>()) const
    {
        return Identifier(needs, {proc_.root(), proc_.namespaces(), {mount_.string() + "/docker"}}, std::move(memory));
    }
    fs::path proc() const { return proc_.root(); }
    fs::path mount() const { return mount_; }
    fs::path of_process() const { return proc_.of(5000001); }
    std::string namespaces() const { return proc_.namespaces(); }

    const std::string id = std::string(60, 'a') + "beef";

private:
    FixtureProc proc_;
    TempDirectory directory_;
    fs::path mount_ = directory_.path();
};

/// One flow each.
Sample sample_of(std::vector<Process> processes)
{
    Sample sample;
    sample.processes = std::move(processes);
    for (std::uint32_t i = 0; i < sample.processes.size(); ++i) {
        sample.flows.push_back(owned_flow(i, std::uint64_t{1} << i % 64, 0));
    }
    return sample;
}

} // namespace

TEST_CASE("all that /proc says of a process")
{
    World world;
    Process process = test::process(5000001, 7, "web");
    world.identifier(everything()).read(process);
    REQUIRE(process.identity);
    const Identity& identity = *process.identity;
    CHECK(identity.command == "nginx -c /a b");
    CHECK(identity.exe == "/usr/sbin/nginx");
    CHECK(identity.parent == Pid{1});
    CHECK(identity.cgroup == "/docker/" + world.id);
    CHECK(identity.container_id == world.id);
    CHECK(identity.container == "aaaaaaaaaaaa");
    CHECK_FALSE(identity.unit);
    CHECK(process.netns == Inode{inode_of(world.of_process() / "ns/net")});
}

TEST_CASE("nothing is read that nobody asked for")
{
    World world;
    Process process = test::process(5000001, 7, "web");
    world.identifier({}).read(process);
    CHECK_FALSE(process.identity);
    IdentityNeeds needs;
    needs.parent = true;
    world.identifier(needs).read(process);
    REQUIRE(process.identity);
    CHECK(*process.identity == only_parent());
    CHECK(process.netns == Inode{});
}

TEST_CASE("what was read once is not read again, and a namespace that the backend saw stands")
{
    World world;
    Process process = test::process(5000001, 7, "web");
    process.netns = Inode{5};
    const auto identifier = std::make_unique<Identifier>(world.identifier(everything()));
    identifier->read(process);
    CHECK(process.netns == Inode{5});
    fs::remove_all(world.of_process());
    Sample sample = sample_of({process});
    identifier->identify(sample, false);
    CHECK(sample.processes[0].identity == process.identity);
    REQUIRE(sample.notes.size() == 1); // not that it could not be read
    CHECK(sample.notes[0].code == NoteCode::container_names);
}

TEST_CASE("what was read in an earlier window is read again, and stands once the process has ended")
{
    World world;
    const auto memory = std::make_shared<IdentityMemory>();
    IdentityNeeds needs = everything();
    needs.containers = needs.ports = false;
    const auto sample_window = [&](Process process) {
        Sample sample = sample_of({std::move(process)});
        world.identifier(needs, memory).identify(sample, false);
        return sample;
    };
    const Process process = test::process(5000001, 7, "web");
    const auto first = sample_window(process).processes[0].identity;
    REQUIRE(first);
    write(world.of_process() / "cgroup", "0::/docker/" + world.id + "/deeper\n");
    Sample second = sample_window(process);
    REQUIRE(second.processes[0].identity);
    CHECK(second.processes[0].identity->cgroup == "/docker/" + world.id + "/deeper");
    CHECK(second.notes.empty());
    const Identity before = *second.processes[0].identity;

    SUBCASE("it is a zombie")
    {
        end(world.of_process());
        write(world.of_process() / "cgroup", "1:name=systemd:/\n");
    }
    SUBCASE("it is gone") { fs::remove_all(world.of_process()); }
    const Sample last = sample_window(process);
    REQUIRE(last.processes[0].identity);
    CHECK(*last.processes[0].identity == before);
    CHECK(last.processes[0].netns == second.processes[0].netns);
    CHECK(last.notes.empty());
}

TEST_CASE("what was known of a program does not pass for what is known of another that the process became")
{
    World world;
    const auto memory = std::make_shared<IdentityMemory>();
    IdentityNeeds needs = everything();
    needs.containers = needs.ports = false;
    Process process = test::process(5000001, 7, "web");
    process.stack_start = 16;
    Sample first = sample_of({process});
    world.identifier(needs, memory).identify(first, false);
    fs::remove_all(world.of_process());
    bool is_other = true;
    SUBCASE("by its stack") { process.stack_start = 32; }
    SUBCASE("by its name")
    {
        process.stack_start = 0;
        process.name = "other";
    }
    SUBCASE("it has but renamed itself")
    {
        process.name = "other";
        is_other = false;
    }
    Sample last = sample_of({process});
    world.identifier(needs, memory).identify(last, false);
    REQUIRE(last.processes[0].identity);
    CHECK(last.processes[0].identity->cgroup == first.processes[0].identity->cgroup);
    CHECK(last.processes[0].identity->exe.has_value() == !is_other);
    CHECK(last.processes[0].identity->command.has_value() == !is_other);
    CHECK(last.notes.size() == (is_other ? 1 : 0));
}

TEST_CASE("a zombie of which nothing was known before: what it has lost is null, and a note says so")
{
    World world;
    end(world.of_process());
    write(world.of_process() / "cgroup", "1:name=systemd:/\n");
    IdentityNeeds needs = everything();
    needs.containers = needs.ports = false;
    Sample sample = sample_of({process(5000001, 7, "web")});
    world.identifier(needs).identify(sample, false);
    REQUIRE(sample.processes[0].identity);
    CHECK(*sample.processes[0].identity == only_parent());
    REQUIRE(sample.notes.size() == 1);
    CHECK(sample.notes[0].code == NoteCode::identity_unread);
}

TEST_CASE("a process whose first thread has ended is read at another one")
{
    World world;
    const fs::path tasks = world.of_process() / "task";
    for (const char* tid : {"5000001", "5000002", "5000003"}) {
        fs::create_directories(tasks / tid);
        for (const char* file : {"stat", "cmdline", "cgroup", "exe"}) {
            fs::copy(world.of_process() / file, tasks / tid / file, fs::copy_options::copy_symlinks);
        }
        fs::create_directory(tasks / tid / "ns");
        fs::create_hard_link(fs::canonical(world.of_process() / "ns/net"), tasks / tid / "ns/net");
    }
    Process whole = test::process(5000001, 7, "web");
    world.identifier(everything()).read(whole);
    end(world.of_process());
    end(tasks / "5000001");
    end(tasks / "5000002");
    Process process = test::process(5000001, 7, "web");
    CHECK(world.identifier(everything()).read(process));
    REQUIRE(process.identity);
    CHECK(*process.identity == *whole.identity);
    CHECK(process.netns == whole.netns);
}

TEST_CASE("processes that have ended are forgotten at last")
{
    FixtureProc proc;
    IdentityNeeds needs;
    needs.parent = true;
    const auto memory = std::make_shared<IdentityMemory>();
    proc.apply("process 5000001 7 0 web\n");
    for (int window = 0; window < 100; ++window) {
        Identifier identifier(needs, {proc.root(), proc.namespaces(), {}}, memory);
        for (int i = 0; i < 100; ++i) {
            Process ended = process(5000002 + i, static_cast<std::uint64_t>(8 + window), "ended");
            identifier.read(ended);
        }
        Process web = process(5000001, 7, "web");
        CHECK(identifier.read(web));
    }
    CHECK(memory->processes.size() < 2000);
    fs::remove_all(proc.of(5000001));
    Process web = process(5000001, 7, "web");
    Identifier(needs, {proc.root(), proc.namespaces(), {}}, memory).read(web);
    CHECK(web.identity);
}

TEST_CASE("the files of each process are read at most once, whoever looks how often")
{
    constexpr int processes = 200;
    FixtureProc proc;
    for (int i = 0; i < processes; ++i) {
        proc.apply("process " + std::to_string(5000001 + i) + " 7 0 web\nfd 3 socket:[" + std::to_string(1 + i) +
                   "]\n" + "cgroup 0::/system.slice/unit" + std::to_string(i % 10) + ".service\n");
    }
    IdentityNeeds needs;
    needs.cgroup = true;
    Identifier identifier(needs, {proc.root(), proc.namespaces(), {}});
    OwnerScanner map(proc.root());
    int looks = 0;
    map.set_identify_process([&looks, look = identifier.identify_process()](Process& process) {
        ++looks;
        look(process);
        CHECK(process.identity);
    });
    map.scan();
    CHECK(looks == processes);
    for (int i = 0; i < processes; ++i) {
        fs::remove(proc.of(5000001 + i) / "cgroup");
    }
    map.rescan();
    map.search({Inode{1}, Inode{99999}}, OwnerScanner::Reach::everywhere,
               std::chrono::steady_clock::now() + std::chrono::seconds(5));
    CHECK(looks == processes);
    Sample sample = sample_of(map.take_processes());
    identifier.identify(sample, true);
    CHECK(sample.notes.empty());
    for (const Process& process : sample.processes) {
        CHECK(process.identity->unit); // read again it would be null
    }
}

TEST_CASE("another process that has the pid by now lends it nothing")
{
    World world;
    Sample sample = sample_of({process(5000001, 6, "gone"), process(5000002, 1, "never")});
    world.identifier(everything()).identify(sample, false);
    CHECK_FALSE(sample.processes[0].identity);
    CHECK(sample.processes[0].netns == Inode{});
    CHECK_FALSE(sample.processes[1].identity);
    REQUIRE(sample.notes.size() == 1);
    CHECK(sample.notes[0].code == NoteCode::identity_unread);
    CHECK(sample.notes[0].message.starts_with("2 "));
    CHECK_FALSE(sample.notes[0].incomplete);

    Sample filtered = sample_of({process(5000001, 6, "gone"), process(5000002, 1, "never")});
    world.identifier(everything()).identify(filtered, false, [](const Flow& flow) {
        return flow.attribution.process == 1U;
    });
    REQUIRE(filtered.notes.size() == 1);
    CHECK(filtered.notes[0].message.starts_with("1 "));
}

TEST_CASE("files that are missing or empty are nulls")
{
    World world;
    for (const char* name : {"cgroup", "exe", "ns/net"}) {
        fs::remove(world.of_process() / name);
    }
    write(world.of_process() / "cmdline", std::string_view("\0\0", 2));
    Process process = test::process(5000001, 7, "web");
    world.identifier(everything()).read(process);
    REQUIRE(process.identity);
    CHECK(*process.identity == only_parent());
}

TEST_CASE("a command line without end is cut")
{
    World world;
    write(world.of_process() / "cmdline", std::string(1 << 20, 'x'));
    Process process = test::process(5000001, 7, "web");
    world.identifier(everything()).read(process);
    CHECK(process.identity->command == std::string(16384, 'x'));
}

TEST_CASE("the arguments of a docker-proxy tell what it passes on, and of nobody else")
{
    World world;
    const std::string arguments("docker-proxy\0-proto\0tcp\0-host-ip\0::\0-host-port\08080\0-container-ip\0"
                                "172.17.0.2\0-container-port\080\0",
                                96);
    write(world.of_process() / "cmdline", arguments);
    Process process = test::process(5000001, 7, "web");
    world.identifier(everything()).read(process);
    CHECK_FALSE(process.identity->proxied);
    FixtureProc proc;
    proc.apply("process 5000002 9 0 docker-proxy\n");
    write(proc.of(5000002) / "cmdline", arguments);
    IdentityNeeds needs;
    needs.ports = true;
    Process proxy = test::process(5000002, 9, "docker-proxy");
    Identifier(needs, {proc.root(), proc.namespaces(), {}}).read(proxy);
    REQUIRE(proxy.identity->proxied);
    CHECK(to_string(proxy.identity->proxied->published) == "[::]:8080->80/tcp");
    CHECK_FALSE(proxy.identity->command);
}

TEST_CASE("only owners of traffic are read, with idle all owners")
{
    World world;
    Sample sample = sample_of({process(5000001, 7, "web")});
    sample.flows[0].rx_bytes = 0;
    world.identifier(everything()).identify(sample, false);
    CHECK_FALSE(sample.processes[0].identity);
    world.identifier(everything()).identify(sample, true);
    CHECK(sample.processes[0].identity);
}

TEST_CASE("a process that is over is in the cgroup whose id the backend saw")
{
    World world;
    const auto identifier = std::make_unique<Identifier>(world.identifier(everything()));
    identifier->note_cgroups();
    std::vector<Process> gone(4, process(5000009, 1, "gone"));
    gone[0].cgroup_id = inode_of(world.mount() / "docker" / world.id);
    gone[1].cgroup_id = inode_of(world.mount());
    fs::create_directory(world.mount() / "late.service");
    gone[2].cgroup_id = inode_of(world.mount() / "late.service");
    gone[3].cgroup_id = 1; // nobody's
    fs::remove(world.mount() / "docker" / world.id);
    Sample sample = sample_of(gone);
    identifier->identify(sample, false);
    CHECK(sample.processes[0].identity->container_id == world.id);
    CHECK(sample.processes[1].identity->cgroup == "/");
    CHECK(sample.processes[2].identity->unit == "late.service");
    CHECK_FALSE(sample.processes[3].identity);
}

TEST_CASE("a socket without a process is in the cgroup that the kernel tells, unless that says nothing")
{
    World world;
    const fs::path inner = world.mount() / "docker" / world.id / "init.scope";
    const fs::path of_user = world.mount() / "user.slice/user@7.service/init.scope";
    const fs::path of_systemd = world.mount() / "system.slice/db.socket";
    for (const fs::path& made : {world.mount() / "init.scope", inner, of_user, of_systemd}) {
        fs::create_directories(made);
    }
    const auto identifier = std::make_unique<Identifier>(world.identifier(everything()));
    identifier->note_cgroups();
    Sample sample;
    const auto add = [&sample](std::uint64_t cgroup_id) {
        sample.flows.push_back(unowned_flow(Cause::exited, Uid{5}, 1, 0));
        sample.flows.back().cgroup_id = cgroup_id;
    };
    const fs::path brief = world.mount() / "brief.service"; // made and removed between the first walk and the last
    fs::create_directory(brief);
    add(inode_of(brief));
    identifier->identify_group()(inode_of(brief));
    fs::remove(brief);
    for (const fs::path& place : {world.mount() / "system.slice/cron.service", world.mount() / "docker" / world.id,
                                  inner, world.mount() / "init.scope", of_user, of_systemd, world.mount()}) {
        add(inode_of(place));
    }
    add(1); // nobody's
    add(0); // not told
    sample.processes = {process(5000009, 1, "other")};
    sample.flows.push_back(owned_flow(0, 1, 0)); // its own counts
    sample.flows.back().cgroup_id = sample.flows[0].cgroup_id;
    identifier->identify(sample, false);
    const auto identity = [&sample](std::size_t flow) { return row_of(sample.flows.at(flow), sample).identity; };
    REQUIRE(identity(0));
    CHECK(identity(0)->unit == "brief.service");
    REQUIRE(identity(1));
    CHECK(identity(1)->unit == "cron.service");
    CHECK(identity(1)->cgroup == "/system.slice/cron.service");
    REQUIRE(identity(2));
    CHECK(identity(2)->container_id == world.id);
    CHECK(identity(2)->cgroup == "/docker/" + world.id);
    REQUIRE(identity(3));
    CHECK(identity(3)->container_id == world.id);
    CHECK_FALSE(identity(3)->cgroup);
    for (std::size_t flow = 0; flow < sample.flows.size(); ++flow) {
        CAPTURE(flow);
        CHECK((identity(flow) != nullptr) == (flow < 4));
        CHECK((sample.flows[flow].attribution.quality == Quality::socket) == (flow < 4));
    }
    CHECK(total(sample, filter_of({"unit=cron"})).rx_bytes == 1U);
    CHECK(total(sample, filter_of({"unit=cron"})).unattributed_rx_bytes == 1U);
}

TEST_CASE("a network namespace has its first name or its number")
{
    World world;
    const fs::path blue = fs::path(world.namespaces()) / "blue";
    fs::create_hard_link(blue, fs::path(world.namespaces()) / "azure");
    NetnsNames names(world.namespaces());
    CHECK(names.name(Inode{inode_of(blue)}) == "azure");
    CHECK(names.name(Inode{4026531840}) == "4026531840");
    CHECK(NetnsNames("/nonexistent").name(Inode{7}) == "7");
}

TEST_CASE("a network namespace is given by number, by process or as the current one")
{
    const Inode own{inode_of("/proc/self/ns/net")};
    CHECK(find_netns("current") == own);
    CHECK(find_netns(std::to_string(::getpid())) == own);
    CHECK(find_netns(std::to_string(own.value)) == own);
    CHECK_FALSE(find_netns("../../proc/self/ns/net"));
    CHECK_FALSE(find_netns("no-such-name"));
    CHECK_FALSE(find_netns("4194304"));
    CHECK_FALSE(find_netns("."));
}

TEST_CASE("processes are grouped by what they have in common")
{
    World world;
    std::vector<Process> processes(5, process(5000001, 7, "web"));
    processes[3] = process(5000009, 1, "over");
    Sample sample = sample_of(processes);
    const auto with = [](auto field, std::string value, std::string container) {
        Identity identity;
        identity.*field = std::move(value);
        identity.container = std::move(container);
        return std::make_shared<const Identity>(identity);
    };
    sample.processes[0].identity = with(&Identity::container_id, "aaaaaaaaaaaaaaaa", "web");
    sample.processes[1].identity = with(&Identity::container_id, "bbbbbbbbbbbbbbbb", "web");
    sample.processes[2].identity = with(&Identity::unit, "nginx.service", "web");
    sample.processes[4].identity = std::make_shared<const Identity>();
    sample.flows.push_back(unowned_flow(Cause::exited, Uid{5}, 1 << 5, 0));
    const auto sums = [&sample](const GroupBy& by) {
        std::string text;
        for (const Row& row : group(sample, {}, by, false)) {
            text += std::to_string(*row.rx_bytes) + ' ';
        }
        return text;
    };
    CHECK(sums(GroupBy("container")) == "1 2 4 24 32 ");
    sample.flows.push_back(unowned_flow(Cause::other_user, Uid{5}, 1 << 6, 0));
    sample.flows.back().cgroup_id = 9;
    sample.flows.back().attribution.quality = Quality::socket;
    sample.groups[9] = sample.processes[2].identity; // in the unit, and in a container without id
    CHECK(sums(GroupBy("container")) == "1 2 68 24 32 ");
    CHECK(sums(GroupBy("unit")) == "27 68 32 ");
    CHECK(sums(GroupBy("pod")) == "95 32 ");
    const auto units = group(sample, {}, GroupBy("unit"), false);
    CHECK_FALSE(units[1].kind);
    CHECK(total(sample, {}).unattributed_rx_bytes == 96U);
    sample.flows.pop_back();
    CHECK(sums(GroupBy("unit")) == "27 4 32 ");
    CHECK(sums(GroupBy("pod")) == "31 32 ");
    const auto rows = group(sample, {}, GroupBy("user"), false);
    REQUIRE(rows.size() == 2);
    CHECK_FALSE(rows[0].identity);

    const auto passed = [&sample](const Filter& filter) { return total(sample, filter).rx_bytes.value(); };
    CHECK(passed(filter_of({"container=web"})) == 7);
    CHECK(passed(filter_of({"container=aaaaaaaaaaaa"})) == 1);
    CHECK(passed(filter_of({"container=aaaa"})) == 1);
    CHECK(passed(filter_of({"container=aaab"})) == 0);
    CHECK(passed(filter_of({"container=aaa"})) == 0); // too short for an id
    CHECK(passed(filter_of({"unit=nginx"})) == 4);
    CHECK(passed(filter_of({"unit=nginx.service"})) == 4);
    CHECK(passed(filter_of({"unit=nginx.s"})) == 0);
    sample.flows[1].netns = Inode{9};
    sample.processes[2].netns = Inode{9};
    sample.processes[1].netns = Inode{8}; // the socket's counts
    CHECK(passed(filter_of({"netns=9"})) == 6);
    CHECK(sums(GroupBy("netns")) == "57 6 ");
}

TEST_CASE("the arguments of a process, as macOS returns them")
{
    using namespace std::string_literals;
    const std::string value = "\2\0\0\0/bin/sleep\0\0\0\0sleep\0"s + "60\0HOME=/\0\0"s;
    CHECK(parse_process_arguments(value) == "sleep 60");
    CHECK(parse_process_arguments("\1\0\0\0/bin/a b\0a b\0X=1\0"s) == "a b");
    CHECK(parse_process_arguments("\377\377\377\177/bin/a\0a\0b"s) == "a b");
    CHECK_FALSE(parse_process_arguments("\0\0\0\0/bin/a\0a\0"s));
    CHECK_FALSE(parse_process_arguments("\377\377\377\377/bin/a\0a\0"s));
    for (std::size_t length = 0; length < value.size(); ++length) {
        const auto cut = parse_process_arguments(std::string_view(value).substr(0, length));
        CHECK((!cut || std::string_view("sleep 60").starts_with(*cut)));
    }
}
