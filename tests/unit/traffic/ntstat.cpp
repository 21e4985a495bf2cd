// SPDX-License-Identifier: MIT
// The ntstat backend against a thread that plays the kernel at the other end of a socket, and the decoder of messages.
#include "linux/interrupt.hpp"
#include "ntstat_bytes.hpp"
#include "traffic/ntstat/messages.hpp"
#include "traffic/ntstat/ntstat_backend.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <thread>

using namespace socktally;
using namespace socktally::test;
using namespace std::chrono_literals;

namespace {

Endpoint at(std::string_view address, std::uint16_t port) { return {parse_address(address).value(), port}; }

NtstatFlow tcp_flow(std::uint64_t source, std::uint16_t port, std::uint64_t rx, std::uint64_t tx)
{
    NtstatFlow flow;
    flow.source = source;
    flow.tuple = {Protocol::tcp, at("10.0.0.5", port), at("10.0.0.6", 443)};
    flow.rx = rx;
    flow.tx = tx;
    return flow;
}

NtstatFlow udp_flow(std::uint64_t source, std::uint64_t rx, std::uint64_t tx)
{
    NtstatFlow flow = tcp_flow(source, 5353, rx, tx);
    flow.provider = 4;
    flow.tuple = {Protocol::udp, at("fe80::1", 5353), {}};
    flow.pid = 88;
    flow.name = "mdns";
    return flow;
}

/// Plays the kernel: answers requests with the flows in `flows`, some at a time. The backend queries three times: when
/// it opens, when the window begins, and when it ends.
class Kernel {
public:
    Kernel()
    {
        std::array<int, 2> pair{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) == 0);
        ours_ = Fd(pair[0]);
        theirs_ = Fd(pair[1]);
    }
    ~Kernel()
    {
        if (thread_.joinable()) {
            hang_up();
            thread_.join();
        }
    }

    NtstatSystem start()
    {
        thread_ = std::thread([this] { serve(); });
        NtstatSystem system;
        system.control = std::move(theirs_);
        system.patience = patience;
        system.look_up = [](Pid pid) {
            return pid == Pid{77} ? std::optional(Process{pid, StartTime{7}, "server", Uid{501}}) : std::nullopt;
        };
        return system;
    }

    void send(const Message& message) const { ::send(ours_.get(), message.data(), message.size(), MSG_NOSIGNAL); }
    void hang_up() const { ::shutdown(ours_.get(), SHUT_RDWR); }
    void begin(const NtstatFlow& flow)
    {
        flows[flow.source] = flow;
        send(added(flow));
    }
    void close(const NtstatFlow& flow)
    {
        flows.erase(flow.source);
        send(update(flow, true));
        send(removed(flow.source));
    }

    std::map<std::uint64_t, NtstatFlow> flows{};
    std::map<int, std::function<void()>> before_query{}; // by number of the query
    std::map<int, std::function<void()>> after_query{};
    std::map<std::uint32_t, std::uint32_t> refused{}; // errors of subscriptions, by provider
    std::size_t part = 100;                           // most flows in the answer to one request
    int silent_query = 0;                             // number of the query that gets no answer
    std::chrono::nanoseconds patience = 10s;

private:
    void serve()
    {
        std::array<std::byte, 256> request{};
        while (::recv(ours_.get(), request.data(), request.size(), 0) > 0) {
            std::uint64_t context = 0;
            std::uint32_t type = 0;
            std::uint32_t provider = 0;
            std::memcpy(&context, request.data(), sizeof context);
            std::memcpy(&type, request.data() + 8, sizeof type);
            std::memcpy(&provider, request.data() + 32, sizeof provider);
            type == 1002 ? subscribe(context, provider) : query(context);
        }
    }
    void subscribe(std::uint64_t context, std::uint32_t provider)
    {
        if (const auto error = refused.find(provider); error != refused.end()) {
            send(failure(context, error->second));
            return;
        }
        for (const auto& [source, flow] : flows) {
            if (flow.provider == provider) {
                send(added(flow));
            }
        }
        send(success(context));
    }
    void query(std::uint64_t context)
    {
        if (context != context_) {
            context_ = context;
            next_ = 0;
            ++query_;
            call(before_query);
        }
        if (query_ == silent_query) {
            return;
        }
        std::size_t sent = 0;
        auto flow = flows.lower_bound(next_);
        for (; flow != flows.end() && sent < part; ++flow, ++sent) {
            send(update(flow->second));
        }
        next_ = flow != flows.end() ? flow->first : 0;
        send(success(context, flow != flows.end()));
        if (flow == flows.end()) {
            call(after_query);
        }
    }
    void call(const std::map<int, std::function<void()>>& hooks) const
    {
        if (const auto hook = hooks.find(query_); hook != hooks.end()) {
            hook->second();
        }
    }

    Fd ours_;
    Fd theirs_;
    std::thread thread_;
    std::uint64_t context_ = 0;
    std::uint64_t next_ = 0;
    int query_ = 0;
};

Sample sample_of(Backend& backend, std::chrono::nanoseconds window = 1ms)
{
    Interrupt interrupt;
    SampleRequest request;
    request.window = window;
    request.interrupt = &interrupt;
    BackendResult result = backend.sample(request);
    attribute(result.sample, result.viewer);
    return std::move(result.sample);
}

std::unique_ptr<Backend> open(Kernel& kernel)
{
    auto opened = open_ntstat({}, kernel.start());
    REQUIRE(std::holds_alternative<std::unique_ptr<Backend>>(opened));
    return std::move(std::get<std::unique_ptr<Backend>>(opened));
}

std::string refusal_of(Kernel& kernel)
{
    const auto opened = open_ntstat({}, kernel.start());
    const auto* refusal = std::get_if<Unavailable>(&opened);
    return refusal != nullptr ? refusal->why : "none";
}

const Flow& flow_with(const Sample& sample, std::uint64_t source)
{
    const auto found = std::find_if(sample.flows.begin(), sample.flows.end(),
                                    [=](const Flow& flow) { return flow.cookie == Cookie{source}; });
    REQUIRE(found != sample.flows.end());
    return *found;
}

bool has(const Sample& sample, NoteCode code)
{
    return std::any_of(sample.notes.begin(), sample.notes.end(), [=](const Note& note) { return note.code == code; });
}

template <typename Kind>
Kind decoded(const Message& message)
{
    std::span<const std::byte> datagram(message);
    const auto first = next_ntstat_message(datagram);
    REQUIRE(first);
    REQUIRE(std::holds_alternative<Kind>(*first));
    return std::get<Kind>(*first);
}

} // namespace

TEST_CASE("ntstat: flows that stay open, open and close")
{
    Kernel kernel;
    kernel.flows[1] = tcp_flow(1, 1001, 100, 200);
    kernel.flows[2] = tcp_flow(2, 1002, 1000, 2000);
    kernel.flows[3] = udp_flow(3, 10, 20);
    kernel.after_query[2] = [&] {
        kernel.begin(tcp_flow(4, 1004, 0, 0));
        kernel.close(tcp_flow(2, 1002, 1500, 2001));
        kernel.begin(tcp_flow(5, 1005, 0, 0));
        kernel.close(tcp_flow(5, 1005, 70, 80));
    };
    kernel.before_query[3] = [&] {
        kernel.flows[1] = tcp_flow(1, 1001, 105, 207);
        kernel.flows[4] = tcp_flow(4, 1004, 40, 50);
        kernel.flows[3] = udp_flow(3, 13, 20);
    };
    const auto backend = open(kernel);
    const Sample sample = sample_of(*backend);
    REQUIRE(sample.flows.size() == 5);
    CHECK(flow_with(sample, 1).rx_bytes == 5);
    CHECK(flow_with(sample, 1).tx_bytes == 7);
    CHECK(flow_with(sample, 2).rx_bytes == 500);
    CHECK(flow_with(sample, 2).tx_bytes == 1);
    CHECK(flow_with(sample, 2).state == SocketState::closed);
    CHECK(flow_with(sample, 3).rx_bytes == 3);
    CHECK(flow_with(sample, 3).tuple == Tuple{Protocol::udp, at("fe80::1", 5353), {}});
    CHECK(flow_with(sample, 4).tx_bytes == 50);
    CHECK(flow_with(sample, 5).rx_bytes == 70);
    CHECK(sample.notes.empty());
    const Process& server = sample.processes.at(*flow_with(sample, 5).attribution.process);
    CHECK(server.start_time == StartTime{7});
    const Process& gone = sample.processes.at(*flow_with(sample, 3).attribution.process);
    CHECK(gone.name == "mdns"); // by the descriptor alone
    CHECK(gone.uid == Uid{501});

    const Sample next = sample_of(*backend); // nothing moves
    REQUIRE(next.flows.size() == 3);
    CHECK(flow_with(next, 1).rx_bytes == 0);
    CHECK(flow_with(next, 4).tx_bytes == 0);
}

TEST_CASE("ntstat: tuples and numbers are used again")
{
    Kernel kernel;
    kernel.flows[1] = tcp_flow(1, 1001, 100, 200);
    kernel.after_query[2] = [&] {
        kernel.close(tcp_flow(1, 1001, 130, 200));
        kernel.begin(tcp_flow(2, 1001, 0, 0)); // the same tuple
        kernel.close(tcp_flow(2, 1001, 4, 5));
        kernel.begin(tcp_flow(2, 1001, 0, 0)); // the same number
    };
    kernel.before_query[3] = [&] { kernel.flows[2] = tcp_flow(2, 1001, 6, 7); };
    const auto backend = open(kernel);
    const Sample sample = sample_of(*backend);
    REQUIRE(sample.flows.size() == 3);
    std::uint64_t rx = 0;
    std::uint64_t tx = 0;
    for (const Flow& flow : sample.flows) {
        rx += flow.rx_bytes.value();
        tx += flow.tx_bytes.value();
    }
    CHECK(rx == 30 + 4 + 6);
    CHECK(tx == 0 + 5 + 7);
}

TEST_CASE("ntstat: 10,000 flows at once")
{
    constexpr std::uint64_t many = 10'000;
    Kernel kernel;
    for (std::uint64_t i = 1; i <= many; ++i) {
        kernel.flows[i] = tcp_flow(i, static_cast<std::uint16_t>(i), i, 2 * i);
    }
    kernel.before_query[3] = [&] {
        for (std::uint64_t i = 1; i <= many; ++i) {
            kernel.flows[i].rx += 1;
            kernel.flows[i].tx += i;
        }
    };
    const auto backend = open(kernel);
    const Sample sample = sample_of(*backend);
    REQUIRE(sample.flows.size() == many);
    std::uint64_t tx = 0;
    for (const Flow& flow : sample.flows) {
        CHECK(flow.rx_bytes == 1);
        tx += flow.tx_bytes.value();
    }
    CHECK(tx == many * (many + 1) / 2);
    CHECK(sample.notes.empty());
}

TEST_CASE("ntstat: a socket that another process takes over")
{
    Kernel kernel;
    kernel.flows[1] = tcp_flow(1, 1001, 100, 200);
    kernel.before_query[3] = [&] {
        kernel.flows[1].rx = 150;
        kernel.flows[1].pid = 78;
        kernel.flows[1].upid = 1078;
        kernel.flows[1].name = "worker";
    };
    const auto backend = open(kernel);
    const Sample sample = sample_of(*backend);
    CHECK(sample.holders.size() == 2);
    CHECK(sample.flows.at(0).attribution.quality == Quality::shared);
    CHECK(sample.processes.at(*sample.flows[0].attribution.process).name == "worker");
}

TEST_CASE("ntstat: totals since each flow began")
{
    Kernel kernel;
    kernel.flows[1] = tcp_flow(1, 1001, 100, 200);
    const auto backend = open(kernel);
    CHECK(sample_of(*backend, 0ns).flows.at(0).rx_bytes == 100);
}

TEST_CASE("ntstat: listeners, the kernel's sockets, and QUIC")
{
    Kernel kernel;
    kernel.flows[1] = tcp_flow(1, 443, 0, 0);
    kernel.flows[1].state = 1;
    kernel.flows[1].tuple.remote = {};
    kernel.flows[2] = tcp_flow(2, 443, 0, 0);
    kernel.flows[3] = udp_flow(3, 0, 0);
    kernel.flows[3].pid = 0;
    kernel.flows[4] = tcp_flow(4, 1004, 0, 0);
    kernel.flows[4].provider = 8;
    const auto backend = open(kernel);
    const Sample sample = sample_of(*backend);
    CHECK(sample.flows.size() == 2);
    CHECK(flow_with(sample, 2).accepted);
    CHECK(flow_with(sample, 3).attribution.cause == Cause::kernel);
    REQUIRE(sample.notes.size() == 1);
    CHECK(sample.notes[0].message.starts_with("1 QUIC flow was left out"));
    CHECK(sample.notes[0].incomplete);
}

TEST_CASE("ntstat: answers that do not come")
{
    Kernel kernel;
    kernel.flows[1] = tcp_flow(1, 1001, 100, 200);
    kernel.patience = 100ms;
    SUBCASE("when the backend opens")
    {
        kernel.silent_query = 1;
        CHECK(refusal_of(kernel) == "the kernel does not send the counters of flows");
    }
    SUBCASE("when the window begins: old bytes are not counted")
    {
        kernel.silent_query = 2;
        const Sample sample = sample_of(*open(kernel));
        CHECK_FALSE(sample.flows.at(0).rx_bytes);
        CHECK(has(sample, NoteCode::unseen_before));
    }
    SUBCASE("when the window ends")
    {
        kernel.silent_query = 3;
        const auto backend = open(kernel);
        CHECK(has(sample_of(*backend), NoteCode::dump_unclean));
        const Sample next = sample_of(*backend);
        CHECK_FALSE(next.flows.at(0).rx_bytes);
        CHECK(has(next, NoteCode::unseen_before));
    }
    SUBCASE("because the kernel has closed the socket")
    {
        kernel.before_query[3] = [&] { kernel.hang_up(); };
        const Sample sample = sample_of(*open(kernel));
        CHECK(has(sample, NoteCode::dump_unclean));
        CHECK(sample.flows.at(0).rx_bytes == 0);
    }
    SUBCASE("about a flow that closes")
    {
        kernel.after_query[2] = [&] {
            kernel.flows.erase(1);
            kernel.send(removed(1));
        };
        CHECK(has(sample_of(*open(kernel)), NoteCode::closed_unseen));
    }
    SUBCASE("about a flow that began")
    {
        kernel.before_query[3] = [&] { kernel.flows[2] = tcp_flow(2, 1002, 30, 40); };
        CHECK(flow_with(sample_of(*open(kernel)), 2).rx_bytes == 30);
    }
}

TEST_CASE("ntstat: kernels that are not understood are refused")
{
    Kernel kernel;
    SUBCASE("no subscription")
    {
        kernel.refused[2] = EPERM;
        CHECK(refusal_of(kernel) == "the kernel reports no flows: Operation not permitted");
    }
    SUBCASE("providers that an older kernel lacks do not matter")
    {
        kernel.refused = {{3, ENOENT}, {5, ENOENT}, {8, ENOENT}};
        CHECK(sample_of(*open(kernel)).flows.empty());
    }
    SUBCASE("another layout")
    {
        kernel.flows[1] = tcp_flow(1, 1001, 100, 200);
        kernel.flows[1].pid = 0x30000000;
        CHECK(refusal_of(kernel) == "the kernel's description of a flow makes no sense: its pid is too large");
    }
    SUBCASE("another layout later")
    {
        kernel.before_query[3] = [&] {
            kernel.flows[1] = tcp_flow(1, 1001, 100, 200);
            kernel.flows[1].state = 11;
        };
        CHECK(has(sample_of(*open(kernel)), NoteCode::dump_unclean));
    }
}

TEST_CASE("ntstat: messages")
{
    CHECK(decoded<NtstatSuccess>(success(5, true)).has_more);
    CHECK_FALSE(decoded<NtstatSuccess>(success(5)).has_more);
    CHECK(decoded<NtstatSuccess>(success(5)).context == 5);
    CHECK(decoded<NtstatFailure>(failure(6, 35)).error == 35);
    CHECK(decoded<NtstatAdded>(added(udp_flow(9, 0, 0))).provider == 4);
    CHECK(decoded<NtstatRemoved>(removed(9)).source == 9);
    CHECK(std::holds_alternative<NtstatOther>(NtstatMessage(decoded<NtstatOther>(header(400, 10004)))));
    const auto last = decoded<NtstatUpdate>(update(tcp_flow(9, 1001, 3, 4), true));
    CHECK(last.is_last);
    CHECK(last.rx_bytes == 3);
    CHECK(last.tx_bytes == 4);
    const auto& descriptor = std::get<NtstatDescriptor>(last.descriptor);
    CHECK(descriptor.tuple == Tuple{Protocol::tcp, at("10.0.0.5", 1001), at("10.0.0.6", 443)});
    CHECK(descriptor.upid == 1077);
    CHECK(descriptor.interface == 6);
    CHECK(descriptor.uid == Uid{501});

    Message two = update(tcp_flow(1, 1, 1, 1));
    const Message second = removed(2);
    two.insert(two.end(), second.begin(), second.end());
    std::span<const std::byte> datagram(two);
    CHECK(std::holds_alternative<NtstatUpdate>(next_ntstat_message(datagram).value()));
    CHECK(std::holds_alternative<NtstatRemoved>(next_ntstat_message(datagram).value()));
    CHECK_FALSE(next_ntstat_message(datagram));
}

TEST_CASE("ntstat: descriptors that make no sense")
{
    const auto why = [](const Message& message) {
        const auto decoded_update = decoded<NtstatUpdate>(message);
        const auto* text = std::get_if<std::string_view>(&decoded_update.descriptor);
        return text != nullptr ? std::string(*text) : "none";
    };
    Message message = update(tcp_flow(1, 1001, 1, 2));
    CHECK(why(message) == "none");
    put(message, 152 + 125, std::uint8_t{9});
    CHECK(why(message) == "its addresses make no sense");
    NtstatFlow flow = udp_flow(1, 1, 2);
    flow.name = std::string(64, 'x');
    CHECK(why(update(flow)) == "the name of the process has no end");
    flow.provider = 99;
    CHECK(why(update(flow)) == "it is of another protocol");
}

TEST_CASE("ntstat: messages cut at every length")
{
    for (const Message& whole : {update(tcp_flow(1, 1001, 3, 4)), update(udp_flow(1, 3, 4)), success(5), failure(6, 35),
                                 added(udp_flow(9, 0, 0)), removed(9)}) {
        for (std::size_t length = 0; length < whole.size(); ++length) {
            Message cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
            std::span<const std::byte> datagram(cut);
            const auto untold = next_ntstat_message(datagram); // the header says the old length
            CHECK(untold.has_value() == (length > 0));
            CHECK((!untold || std::holds_alternative<NtstatGarbled>(*untold)));
            CHECK(datagram.empty());
            if (length < 16) {
                continue;
            }
            put(cut, 12, static_cast<std::uint16_t>(length));
            datagram = cut;
            const auto told = next_ntstat_message(datagram);
            REQUIRE(told);
            const auto* cut_update = std::get_if<NtstatUpdate>(&*told);
            const bool is_update = whole.size() > 400;
            CHECK((cut_update != nullptr) == (is_update && length >= 152));
            // Descriptors only grow at their ends: the last field that is read is the user.
            const std::size_t least = 152 + (whole.size() == 152 + 344 ? 332 : 272);
            CHECK((cut_update != nullptr && std::holds_alternative<NtstatDescriptor>(cut_update->descriptor)) ==
                  (is_update && length >= least));
        }
    }
}
