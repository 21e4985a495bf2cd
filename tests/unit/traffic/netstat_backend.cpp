// SPDX-License-Identifier: MIT
// The netstat backend with programs that fail: each is refused, or makes a note, and leaves no process. The golden
// cases macos-* have the figures.
#include "traffic/netstat/netstat_backend.hpp"
#include "linux/interrupt.hpp"
#include "temp_directory.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <string>

using namespace socktally;
using socktally::test::TempDirectory;
using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;

const std::string header =
    "Proto Recv-Q Send-Q Local Address Foreign Address (state) rxbytes txbytes rhiwat shiwat pid "
    "epid state options gencnt flags flags1 usecnt rtncnt fltrs";
std::string socket_row(int rx, int tx)
{
    return fmt::format("tcp4 0 0 10.0.0.5.1 10.0.0.6.2 ESTABLISHED {} {} 1 1 77 0 0 0 a1 0 0 2 0 0", rx, tx);
}

/// Programs made of the lines of a shell. `$end` is 1 up to the end of the first list, then 2.
class Programs {
public:
    Programs()
    {
        netstat("tcp", fmt::format("echo '{}'\n[ $end = 1 ] && echo '{}' || echo '{}'\n", header, socket_row(10, 20),
                                   socket_row(15, 27)));
        netstat("udp", fmt::format("echo '{}'\n", header));
        netstat("ibn", "echo 'Name Mtu Network Address Ipkts Ierrs Ibytes Opkts Oerrs Obytes Coll'\n");
        lsof("printf 'p77\\ncserver\\nf3\\nPTCP\\nn10.0.0.5:1->10.0.0.6:2\\n'\n");
        write("netstat", "for name; do :; done\nname=${name#-}\nend=1\n[ ! -e $0.ibn.done ] || end=2\n"
                         ". $0.$name\n[ $name != ibn ] || : >$0.ibn.done\n");
    }
    /// `name`: the last word of the command, tcp, udp or ibn.
    void netstat(const std::string& name, const std::string& lines) { write("netstat." + name, lines); }
    void lsof(const std::string& lines)
    {
        write("lsof", "[ -e ${0%lsof}netstat.ibn.done ] && end=2 || end=1\n" + lines);
    }

    NetstatSystem system(std::chrono::milliseconds deadline = 10s) const
    {
        NetstatSystem system;
        system.netstat = path("netstat");
        system.lsof = path("lsof");
        system.limits = {deadline, 1 << 20};
        system.darwin = 23;
        system.look_up = [](Pid pid) { return Process{pid, StartTime{7}, "server", Uid{501}}; };
        return system;
    }
    std::string path(const std::string& name) const { return directory_.path() / name; }

private:
    void write(const std::string& name, const std::string& lines)
    {
        std::ofstream(path(name)) << "#!/bin/sh\n" << lines;
        fs::permissions(path(name), fs::perms::owner_all);
    }

    TempDirectory directory_;
};

/// Two lines for a program that hangs with a child, and writes both pids to a file.
std::string hang(const Programs& programs)
{
    return fmt::format("sleep 1000 &\necho $$ $! >{}\nwait\n", programs.path("pids"));
}

/// Returns whether the processes that the programs wrote to a file are gone.
bool are_gone(const Programs& programs)
{
    std::ifstream stream(programs.path("pids"));
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    pid_t pid = 0;
    int count = 0;
    for (; stream >> pid; ++count) {
        while (::kill(pid, 0) == 0 && std::chrono::steady_clock::now() < deadline) {
            if (count > 0) { // another test may have made this process the parent of orphans
                ::waitpid(pid, nullptr, WNOHANG);
            }
        }
        if (::kill(pid, 0) == 0) {
            return false;
        }
    }
    return count > 0;
}

Sample sample_of(const OpenResult& opened)
{
    REQUIRE(std::holds_alternative<std::unique_ptr<Backend>>(opened));
    Interrupt interrupt;
    SampleRequest request;
    request.window = 1ms;
    request.interrupt = &interrupt;
    BackendResult result = std::get<std::unique_ptr<Backend>>(opened)->sample(request);
    attribute(result.sample, result.viewer);
    return std::move(result.sample);
}

bool has(const Sample& sample, NoteCode code)
{
    return std::any_of(sample.notes.begin(), sample.notes.end(), [=](const Note& note) {
        CHECK(note.incomplete);
        return note.code == code;
    });
}

std::string refusal_of(const OpenResult& opened)
{
    const auto* refusal = std::get_if<Unavailable>(&opened);
    return refusal != nullptr ? refusal->why : "none";
}

} // namespace

TEST_CASE("netstat: what moved between two lists")
{
    const Programs programs;
    const Sample sample = sample_of(open_netstat({}, programs.system()));
    REQUIRE(sample.flows.size() == 1);
    CHECK(sample.flows[0].rx_bytes == 5);
    CHECK(sample.flows[0].tx_bytes == 7);
    CHECK(sample.flows[0].attribution.quality == Quality::owner);
    CHECK(sample.processes.at(0).pid == Pid{77});
    CHECK(sample.notes.size() == 2); // closed-unseen and headers-counted
}

TEST_CASE("netstat: several windows follow one another")
{
    Programs programs;
    programs.netstat("tcp",
                     fmt::format("echo '{}'\nn=$(cat $0.n 2>/dev/null || echo 0)\nn=$((n + 1))\necho $n >$0.n\n"
                                 "echo 'tcp4 0 0 10.0.0.5.1 10.0.0.6.2 ESTABLISHED '$((n * n))' 0 1 1 77 0 0 0 a1 "
                                 "0 0 2 0 0'\n",
                                 header));
    const auto opened = open_netstat({}, programs.system());
    Interrupt interrupt;
    SampleRequest request;
    request.window = 1ms;
    request.interrupt = &interrupt;
    const auto& backend = std::get<std::unique_ptr<Backend>>(opened);
    CHECK(backend->sample(request).sample.flows.at(0).rx_bytes == 5); // lists 2 and 3; the first was a test
    CHECK(backend->sample(request).sample.flows.at(0).rx_bytes == 7);
    CHECK(backend->sample(request).sample.flows.at(0).rx_bytes == 9);
}

TEST_CASE("netstat: a program that hangs is killed with its children")
{
    Programs programs;
    SUBCASE("when the backend opens")
    {
        programs.netstat("tcp", hang(programs));
        const auto begun = std::chrono::steady_clock::now();
        CHECK(refusal_of(open_netstat({}, programs.system(300ms))).ends_with("did not end in time"));
        CHECK(std::chrono::steady_clock::now() - begun < 5s);
    }
    SUBCASE("at the end of the window")
    {
        programs.netstat("udp", fmt::format("[ $end = 1 ] && echo '{}' && exit\n{}", header, hang(programs)));
        const Sample sample = sample_of(open_netstat({}, programs.system(1s)));
        CHECK(has(sample, NoteCode::command_timed_out));
        CHECK(sample.flows.at(0).rx_bytes == 5); // TCP was listed
    }
    SUBCASE("at the start of the window")
    {
        programs.netstat("udp", fmt::format("echo '{}'\necho 'udp4 0 0 *.5 *.* 1 2 1 1 77 0 0 0 b1 0 0 2 0 0'\n"
                                            "[ $end = 2 ] && exit\n{}",
                                            header, hang(programs)));
        const Sample sample = sample_of(open_netstat({}, programs.system(1s)));
        CHECK(has(sample, NoteCode::command_timed_out));
        REQUIRE(sample.flows.size() == 2);
        CHECK(sample.flows[0].rx_bytes == 5);
        CHECK_FALSE(sample.flows[1].rx_bytes); // nobody knows how much of it is old
    }
    SUBCASE("if it is lsof")
    {
        programs.lsof(hang(programs));
        const Sample sample = sample_of(open_netstat({}, programs.system(1s)));
        CHECK(has(sample, NoteCode::command_timed_out));
        CHECK(sample.flows.at(0).attribution.process == 0U); // as netstat says
    }
    SUBCASE("if it has closed its output")
    {
        programs.lsof("exec >&-\n" + hang(programs));
        CHECK(has(sample_of(open_netstat({}, programs.system(1s))), NoteCode::command_timed_out));
    }
    CHECK(are_gone(programs));
}

TEST_CASE("netstat: a program that fails")
{
    Programs programs;
    SUBCASE("when the backend opens")
    {
        programs.netstat("tcp", "exit 1\n");
        CHECK(refusal_of(open_netstat({}, programs.system())).ends_with("failed with exit status 1"));
        programs.netstat("tcp", "kill -9 $$\n");
        CHECK(refusal_of(open_netstat({}, programs.system())).ends_with("failed with exit status 137"));
        programs.netstat("tcp", "echo 'netstat: illegal option'\n");
        CHECK(refusal_of(open_netstat({}, programs.system())).ends_with("printed something else than expected"));
        programs.netstat("tcp", "echo 'Proto Recv-Q Send-Q Local Address Foreign Address (state)'\n");
        CHECK(refusal_of(open_netstat({}, programs.system())).ends_with("printed something else than expected"));
    }
    SUBCASE("at the end of the window")
    {
        programs.netstat("udp", fmt::format("echo '{}'\n[ $end = 1 ] || exit 1\n", header));
        const Sample sample = sample_of(open_netstat({}, programs.system()));
        CHECK(has(sample, NoteCode::dump_unclean));
        CHECK(sample.flows.at(0).rx_bytes == 5);
    }
    SUBCASE("if lsof finds nothing, it exits with 1")
    {
        programs.lsof("exit 1\n");
        CHECK_FALSE(has(sample_of(open_netstat({}, programs.system())), NoteCode::dump_unclean));
        programs.lsof("exit 2\n");
        CHECK(has(sample_of(open_netstat({}, programs.system())), NoteCode::dump_unclean));
    }
}

TEST_CASE("netstat: a program that prints too much")
{
    Programs programs;
    const std::string flood = fmt::format("echo $$ >{}\nexec head -c 100000000 /dev/zero\n", programs.path("pids"));
    SUBCASE("when the backend opens")
    {
        programs.netstat("tcp", flood);
        CHECK(refusal_of(open_netstat({}, programs.system())).ends_with("printed too much"));
    }
    SUBCASE("in the window")
    {
        programs.lsof(flood);
        CHECK(has(sample_of(open_netstat({}, programs.system())), NoteCode::dump_unclean));
    }
    CHECK(are_gone(programs));
}

TEST_CASE("netstat: a program that is missing")
{
    const Programs programs;
    NetstatSystem system = programs.system();
    system.lsof = programs.path("absent");
    CHECK(has(sample_of(open_netstat({}, system)), NoteCode::dump_unclean));
    system.netstat = programs.path("absent");
    CHECK(refusal_of(open_netstat({}, system)).ends_with("No such file or directory"));
}

TEST_CASE("netstat: --since needs right totals")
{
    const Programs programs;
    NetstatSystem system = programs.system();
    BackendOptions options;
    options.counters = true;
    options.totals = true;
    const auto opened = open_netstat(options, system);
    Interrupt interrupt;
    SampleRequest request;
    request.interrupt = &interrupt;
    const BackendResult result = std::get<std::unique_ptr<Backend>>(opened)->sample(request);
    REQUIRE(result.snapshot.sockets.size() == 1);
    CHECK(result.snapshot.sockets.begin()->second.counters.payload.rx_bytes == 10);
    system.darwin = 24;
    CHECK(refusal_of(open_netstat(options, system)).starts_with("netstat counts received packets twice"));
}
