// SPDX-License-Identifier: MIT
// Records the windows of the golden tests: makes traffic over loopback in a network namespace of its own and writes
// down what the kernel says about it. The sockets are real, the processes that hold them are made up, so that they can
// have any name.
//   record SCENE FILE     SCENE is busy or calm; needs root and iproute2. Not part of any test.
#include "linux/error.hpp"
#include "linux/fd.hpp"
#include "linux/netlink_socket.hpp"
#include "sockets/sock_diag.hpp"

#include <fmt/format.h>
#include <fmt/ostream.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <map>
#include <thread>
#include <vector>

namespace {

using namespace socktally;

std::uint64_t inode_of(const Fd& fd)
{
    struct stat status {};
    ::fstat(fd.get(), &status);
    return status.st_ino;
}

void must(bool done, const char* what)
{
    if (!done) {
        throw errno_error(what);
    }
}

sockaddr_in6 socket_address(const Endpoint& end, socklen_t& length)
{
    sockaddr_in6 v6{};
    if (end.address.family == Family::v6) {
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(end.port);
        std::memcpy(&v6.sin6_addr, end.address.bytes.data(), 16);
        length = sizeof v6;
        return v6;
    }
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(end.port);
    std::memcpy(&v4.sin_addr, end.address.bytes.data(), 4);
    std::memcpy(&v6, &v4, sizeof v4);
    length = sizeof v4;
    return v6;
}

Endpoint at(std::string_view address, std::uint16_t port) { return {parse_address(address).value(), port}; }

void bind_to(const Fd& fd, const Endpoint& end)
{
    socklen_t length = 0;
    const sockaddr_in6 address = socket_address(end, length);
    must(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0, "bind");
}

void connect_to(const Fd& fd, const Endpoint& end)
{
    socklen_t length = 0;
    const sockaddr_in6 address = socket_address(end, length);
    must(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0, "connect");
}

int family_of(const Endpoint& end) { return end.address.family == Family::v6 ? AF_INET6 : AF_INET; }

/// Traffic between two ends, read as it is written, so that no buffer fills up; the last `unread` bytes (of the last
/// chunk) are not.
void transfer(const Fd& from, const Fd& to, std::size_t bytes, std::size_t unread = 0)
{
    std::vector<char> chunk(16384, 'x');
    for (std::size_t done = 0; done < bytes;) {
        const auto sent = ::send(from.get(), chunk.data(), std::min(chunk.size(), bytes - done), 0);
        must(sent > 0, "send");
        done += static_cast<std::size_t>(sent);
        const auto wanted = done == bytes ? static_cast<std::size_t>(sent) - unread : static_cast<std::size_t>(sent);
        must(wanted == 0 || ::recv(to.get(), chunk.data(), wanted, MSG_WAITALL) == static_cast<ssize_t>(wanted),
             "recv");
    }
}

/// A process that there might be: its line in /proc and the sockets it holds.
struct Actor {
    int pid;
    int start;
    uid_t uid;
    const char* name; // escaped as in a fixture
    bool gone = false;
    std::map<int, std::uint64_t> fds{};

    void hold(const Fd& fd) { fds[fds.empty() ? 3 : fds.rbegin()->first + 1] = inode_of(fd); }
    void drop(std::uint64_t inode)
    {
        std::erase_if(fds, [inode](const auto& entry) { return entry.second == inode; });
    }
};

class Recorder {
public:
    explicit Recorder(const std::string& path) : out_(path) {}

    template <typename... Arguments>
    void say(fmt::format_string<Arguments...> format, Arguments&&... arguments)
    {
        fmt::print(out_, format, std::forward<Arguments>(arguments)...);
        out_ << '\n';
    }
    void dump(const char* verb, std::vector<std::byte> request)
    {
        NetlinkSocket socket(NetlinkSocket::Mode::blocking);
        socket.send(request);
        while (!write_messages(verb, socket)) {
        }
    }
    void events()
    {
        std::this_thread::sleep_for(std::chrono::milliseconds(100)); // the kernel sends them from a work queue
        while (!write_messages("destroyed", events_)) {
        }
    }
    void listen_to_events()
    {
        events_.grow_buffer(1 << 20);
        must(events_.join(SKNLGRP_INET_TCP_DESTROY) && events_.join(SKNLGRP_INET6_TCP_DESTROY), "join");
    }
    void lines(const char* verb, const char* file, std::initializer_list<std::string_view> starts)
    {
        std::ifstream in(file);
        for (std::string line; std::getline(in, line);) {
            if (std::any_of(starts.begin(), starts.end(), [&](auto start) { return line.starts_with(start); })) {
                say("{} {}", verb, line);
            }
        }
    }
    void proc(const std::vector<Actor*>& actors)
    {
        for (const Actor* actor : actors) {
            if (actor->gone) {
                say("proc gone {}", actor->pid);
                continue;
            }
            say("proc process {} {} {} {}", actor->pid, actor->start, actor->uid, actor->name);
            for (const auto& [number, inode] : actor->fds) {
                say("proc fd {} socket:[{}]", number, inode);
            }
        }
    }

private:
    /// True at the end of a dump, or where nothing more is there.
    bool write_messages(const char* verb, NetlinkSocket& socket)
    {
        std::span<const std::byte> datagram;
        if (socket.receive(datagram) != Received::datagram) {
            return true;
        }
        bool done = false;
        NetlinkMessage message;
        for (auto rest = datagram; next_message(rest, message); datagram = rest) {
            std::string hex;
            for (const std::byte byte : datagram.first(datagram.size() - rest.size())) {
                hex += fmt::format("{:02x}", static_cast<unsigned>(byte));
            }
            say("{} {}", verb, hex);
            done = message.type == NLMSG_DONE;
        }
        return done;
    }

    std::ofstream out_;
    NetlinkSocket events_{NetlinkSocket::Mode::nonblocking};
};

Fd listen_at(Actor& actor, const Endpoint& end, int backlog = 16)
{
    ::setfsuid(actor.uid);
    Fd fd(::socket(family_of(end), SOCK_STREAM, 0));
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    bind_to(fd, end);
    must(::listen(fd.get(), backlog) == 0, "listen");
    actor.hold(fd);
    ::setfsuid(0);
    return fd;
}

Fd client_of(Actor& actor, const Endpoint& from, const Endpoint& to)
{
    ::setfsuid(actor.uid);
    Fd fd(::socket(family_of(to), SOCK_STREAM, 0));
    bind_to(fd, from);
    connect_to(fd, to);
    actor.hold(fd);
    ::setfsuid(0);
    return fd;
}

Fd accept_at(Actor& actor, const Fd& listener)
{
    ::setfsuid(actor.uid);
    Fd fd(::accept(listener.get(), nullptr, nullptr));
    must(static_cast<bool>(fd), "accept");
    actor.hold(fd);
    ::setfsuid(0);
    return fd;
}

void close_at(Actor& actor, Fd& fd)
{
    actor.drop(inode_of(fd));
    const Fd closed = std::move(fd);
}

Fd udp_at(Actor& actor, const Endpoint& from)
{
    ::setfsuid(actor.uid);
    Fd fd(::socket(family_of(from), SOCK_DGRAM, 0));
    bind_to(fd, from);
    actor.hold(fd);
    ::setfsuid(0);
    return fd;
}

void facts(Recorder& recorder)
{
    recorder.say("# Made by tests/golden/record.cpp, see there.");
    recorder.say("host box.example\nboot_id 0f3c2a5e-7b1d-4c57-9a60-2f4de1b0c9a8");
    recorder.say("started_at 1795210320123456\nduration 1000123456\nlocal 10.0.0.1\nlocal 2001:db8::1");
    constexpr const char* head =
        "interfaces-{0} Inter-|   Receive                            |  Transmit\n"
        "interfaces-{0}  face |bytes    packets errs drop fifo frame compressed multicast|bytes";
    recorder.say(head, "first");
    recorder.say("interfaces-first     lo: 5000 10 0 0 0 0 0 0 5000 10 0 0 0 0 0 0");
    recorder.say("interfaces-first   eth0: 1000000 900 0 0 0 0 0 0 2000000 800 0 0 0 0 0 0");
    recorder.say(head, "last");
    recorder.say("interfaces-last     lo: 905000 500 0 0 0 0 0 0 905000 500 0 0 0 0 0 0");
    recorder.say("interfaces-last   eth0: 1131072 990 0 0 0 0 0 0 2065536 860 0 0 0 0 0 0");
    recorder.say("interfaces-last veth.7: 42 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0");
}

const std::uint32_t all_connected = connected_states | state_bit(TcpState::listen);

void open_window(Recorder& recorder, const std::vector<Actor*>& actors)
{
    recorder.proc(actors);
    recorder.say("scan");
    recorder.dump("first", tcp_dump_request(all_connected, DiagDetail::tcp_info));
    recorder.dump("udp", udp_dump_request(Family::v4));
    recorder.dump("udp", udp_dump_request(Family::v6));
    recorder.lines("snmp-first", "/proc/self/net/snmp", {"Tcp:", "Udp:"});
}

void look(Recorder& recorder, const std::vector<Actor*>& actors)
{
    recorder.events();
    recorder.dump("look", tcp_dump_request(connected_states, DiagDetail::sockets));
    recorder.proc(actors);
    recorder.say("search");
}

void close_window(Recorder& recorder, const std::vector<Actor*>& actors)
{
    recorder.events();
    recorder.lines("snmp-last", "/proc/self/net/snmp", {"Tcp:", "Udp:"});
    recorder.dump("last", tcp_dump_request(all_connected, DiagDetail::tcp_info));
    recorder.proc(actors);
    recorder.say("rescan");
}

/// One download, one upload of which some is not read yet, one idle connection; nothing to complain about.
void record_calm(Recorder& recorder)
{
    Actor server{5000010, 101, 70001, "nginx"};
    Actor curl{5000020, 2000, 0, "curl"};
    Actor backup{5000030, 3000, 70002, "backup"};
    Actor idle{5000040, 3100, 70002, "idle"};
    const std::vector<Actor*> actors{&server, &curl, &backup, &idle};
    const Fd listener = listen_at(server, at("192.0.2.7", 80));
    const Fd curl_end = client_of(curl, at("10.0.0.1", 41000), at("192.0.2.7", 80));
    const Fd curl_server = accept_at(server, listener);
    const Fd backup_end = client_of(backup, at("10.0.0.1", 41001), at("192.0.2.7", 80));
    const Fd backup_server = accept_at(server, listener);
    const Fd idle_end = client_of(idle, at("10.0.0.1", 41002), at("192.0.2.7", 80));
    const Fd idle_server = accept_at(server, listener);
    transfer(curl_end, curl_server, 120);
    transfer(idle_end, idle_server, 7);
    open_window(recorder, actors);
    transfer(curl_server, curl_end, 1 << 20);
    transfer(curl_end, curl_server, 300);
    transfer(backup_end, backup_server, 50000, 500);
    close_window(recorder, actors);
}

/// Everything at once: hostile names, both families, mapped addresses, births, deaths, sharing, hand-over, UDP.
void record_busy(Recorder& recorder)
{
    Actor server{5000010, 101, 70001, "nginx"};
    Actor curl{5000020, 2000, 0, "curl"};
    Actor hostile{5000030, 3000, 70002, "a\\x09b\\nc\\x1b[31m\\xff"};
    Actor wide{5000040, 3100, 70002, "\u65e5\u672c\u8a9e ok"};
    Actor parent{5000050, 400, 70001, "worker"};
    Actor child{5000051, 4100, 70001, "worker"};
    Actor brief{5000060, 9000, 0, ") R 1 \"x\", y"};
    Actor resolver{5000070, 150, 70001, "dns"};
    Actor leaver{5000080, 5000, 70002, "leaver"};
    std::vector<Actor*> actors{&server, &curl, &hostile, &wide, &parent, &child, &resolver, &leaver};

    const Fd web = listen_at(server, at("192.0.2.7", 80));
    const Fd web6 = listen_at(server, at("2001:db8::2", 443));
    const Fd dual = listen_at(server, at("::", 8443));
    const Fd shared_listener = listen_at(parent, at("127.0.0.1", 9000));
    child.hold(shared_listener);
    const Fd deaf = listen_at(parent, at("127.0.0.1", 9001));

    const Fd download = client_of(curl, at("10.0.0.1", 41000), at("192.0.2.7", 80));
    const Fd download_server = accept_at(server, web);
    const Fd six = client_of(hostile, at("2001:db8::1", 41001), at("2001:db8::2", 443));
    const Fd six_server = accept_at(server, web6);
    const Fd mapped = client_of(wide, at("127.0.0.1", 41002), at("127.0.0.1", 8443));
    const Fd mapped_server = accept_at(server, dual);
    const Fd shared = client_of(curl, at("127.0.0.1", 41003), at("127.0.0.1", 9000));
    const Fd shared_server = accept_at(parent, shared_listener);
    child.hold(shared_server);
    Fd ending = client_of(hostile, at("10.0.0.1", 41004), at("192.0.2.7", 80));
    Fd ending_server = accept_at(server, web);
    Fd leaving = client_of(leaver, at("10.0.0.1", 41005), at("192.0.2.7", 80));
    const Fd leaving_server = accept_at(server, web);
    const Fd reconnecting = client_of(hostile, at("10.0.0.1", 41006), at("192.0.2.7", 80));
    Fd dropped = accept_at(server, web);
    const Fd idle = client_of(wide, at("10.0.0.1", 41007), at("192.0.2.7", 80));
    const Fd idle_server = accept_at(server, web);
    const Fd dns = udp_at(resolver, at("0.0.0.0", 53));
    const Fd dns6 = udp_at(resolver, at("2001:db8::1", 5353));
    const Fd asking = udp_at(hostile, at("10.0.0.1", 41008));
    connect_to(asking, at("10.0.0.1", 53));
    transfer(download, download_server, 120);
    transfer(ending, ending_server, 1000);
    transfer(reconnecting, dropped, 5000);

    recorder.listen_to_events();
    open_window(recorder, actors);

    transfer(download_server, download, 1 << 20);
    transfer(download, download_server, 300);
    transfer(six, six_server, 5000);
    transfer(six_server, six, 70000, 1000);
    transfer(mapped, mapped_server, 4096);
    transfer(shared, shared_server, 20000);
    transfer(ending, ending_server, 2000);
    close_at(hostile, ending);
    close_at(server, ending_server);
    transfer(asking, dns, 512);

    actors.push_back(&brief);
    Fd short_life = client_of(brief, at("10.0.0.1", 41010), at("192.0.2.7", 80));
    Fd short_server = accept_at(server, web);
    look(recorder, actors);
    transfer(short_server, short_life, 30000);
    close_at(brief, short_life);
    close_at(server, short_server);
    brief.gone = true;

    Fd unseen = client_of(brief, at("10.0.0.1", 41011), at("192.0.2.7", 80));
    Fd unseen_server = accept_at(server, web);
    transfer(unseen, unseen_server, 777);
    close_at(brief, unseen);
    close_at(server, unseen_server);

    const Fd late = client_of(curl, at("10.0.0.1", 41012), at("192.0.2.7", 80));
    const Fd late_server = accept_at(server, web);
    transfer(late, late_server, 1234);
    const Fd waiting = client_of(wide, at("127.0.0.1", 41013), at("127.0.0.1", 9001));
    must(::send(waiting.get(), std::string(4000, 'x').data(), 4000, 0) == 4000, "send");
    must(::send(leaving.get(), std::string(60000, 'x').data(), 60000, 0) == 60000, "send");
    const int some = 30000;
    std::vector<char> half(some);
    must(::recv(leaving_server.get(), half.data(), half.size(), MSG_WAITALL) == some, "recv");
    close_at(leaver, leaving);
    leaver.gone = true;
    const sockaddr nowhere{AF_UNSPEC, {}};
    must(::connect(reconnecting.get(), &nowhere, sizeof nowhere) == 0, "disconnect");
    close_at(server, dropped);
    connect_to(reconnecting, at("192.0.2.7", 80));
    const Fd again = accept_at(server, web);
    transfer(reconnecting, again, 250);
    close_window(recorder, actors);
}

} // namespace

int main(int argc, char** argv)
{
    if (argc != 3) {
        fmt::print(stderr, "usage: record SCENE FILE\n");
        return 2;
    }
    try {
        must(::unshare(CLONE_NEWNET) == 0, "unshare");
        must(std::system("set -e; ip link set lo up; ip addr add 10.0.0.1/32 dev lo; ip addr add 192.0.2.7/32 dev lo\n"
                         "ip addr add 2001:db8::1/128 dev lo nodad; ip addr add 2001:db8::2/128 dev lo nodad") == 0,
             "ip");
        Recorder recorder(argv[2]);
        facts(recorder);
        std::string_view(argv[1]) == "calm" ? record_calm(recorder) : record_busy(recorder);
    } catch (const std::exception& error) {
        fmt::print(stderr, "record: {}\n", error.what());
        return 1;
    }
    return 0;
}
