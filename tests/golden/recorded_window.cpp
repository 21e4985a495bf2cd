// SPDX-License-Identifier: MIT
#include "recorded_window.hpp"

#include "linux/interfaces.hpp"
#include "linux/netlink_socket.hpp"
#include "linux/proc.hpp"
#include "owners/owner_scanner.hpp"
#include "sockets/sock_diag.hpp"
#include "traffic/faults.hpp"
#include "traffic/netlink/socket_table.hpp"
#include "traffic/protocol_counters.hpp"

#include <fmt/format.h>
#include <linux/netlink.h>

#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <stdexcept>

namespace socktally::test {

namespace {

std::string content_of(const std::filesystem::path& file)
{
    std::ifstream stream(file, std::ios::binary);
    if (!stream) {
        throw std::runtime_error(fmt::format("cannot read \"{}\"", file.string()));
    }
    return {std::istreambuf_iterator<char>(stream), {}};
}

std::uint64_t number_of(std::string_view text)
{
    const auto number = parse_number(text);
    if (!number) {
        throw std::runtime_error(fmt::format("recorded window: no number: \"{}\"", text));
    }
    return *number;
}

unsigned digit_of(char c)
{
    const auto value = std::string_view("0123456789abcdef").find(c);
    if (value == std::string_view::npos) {
        throw std::runtime_error("recorded window: bad hexadecimal digit");
    }
    return static_cast<unsigned>(value);
}

std::vector<std::byte> bytes_of_hex(std::string_view hex)
{
    std::vector<std::byte> bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        bytes.push_back(static_cast<std::byte>(digit_of(hex[i]) << 4 | digit_of(hex[i + 1])));
    }
    return bytes;
}

/// Since the first dump; the recorded sockets were all made just before it.
constexpr SocketTable::Age age{3'600'000};

auto soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(5); }

class Player {
public:
    Player(Extent extent, std::optional<Uid> viewer) : totals_only_(extent == Extent::totals), viewer_(viewer) {}

    void line(std::string_view verb, std::string_view rest);
    Replayed finish();

private:
    using Take = std::function<void(const Socket&)>;
    void change_proc(std::string_view text);
    void message(std::string_view hex, Protocol protocol, const Take& take);
    void first(const Socket& socket);
    void destroyed(const Socket& socket);
    void search(OwnerScanner::Reach reach);
    void last(const Socket& socket);
    void rescan();

    bool totals_only_;
    std::optional<Uid> viewer_;
    bool is_hidden_ = false; // the process that lines of /proc are about
    bool last_began_ = false;
    std::shared_ptr<FixtureProc> proc_ = std::make_shared<FixtureProc>();
    OwnerScanner holders_{proc_->root()};
    SocketTable table_{SocketTable::Facts::kept};
    UdpSockets udp_;
    Faults faults_;
    std::map<std::string, std::string, std::less<>> texts_;
    Replayed replayed_;
};

void Player::change_proc(std::string_view text)
{
    std::string_view words = text;
    if (next_word(words) == "process") {
        next_word(words);
        next_word(words);
        is_hidden_ = viewer_ && number_of(next_word(words)) != viewer_->value;
    }
    if (!is_hidden_) {
        proc_->apply(text);
    }
}

void Player::message(std::string_view hex, Protocol protocol, const Take& take)
{
    const auto bytes = bytes_of_hex(hex);
    std::span<const std::byte> datagram(bytes);
    NetlinkMessage message;
    if (!next_message(datagram, message)) {
        throw std::runtime_error("recorded window: no netlink message");
    }
    if (message.type == NLMSG_DONE) {
        return;
    }
    if (const auto socket = parse_diag(message.payload, protocol)) {
        take(*socket);
    } else {
        ++faults_[Fault::garbled];
    }
}

void Player::first(const Socket& socket)
{
    if (!totals_only_) {
        faults_[Fault::disturbed] += table_.at_start(socket) == SocketTable::Row::repeated ? 1 : 0;
    }
}

void Player::destroyed(const Socket& socket)
{
    const Flow* flow = totals_only_ ? nullptr : table_.destroyed(socket, SocketTable::Phase::open, age);
    if (flow != nullptr) {
        holders_.closed(flow->inode);
    }
}

void Player::last(const Socket& socket)
{
    if (!std::exchange(last_began_, true)) {
        table_.begin_dump();
    }
    faults_[Fault::disturbed] += table_.at_end(socket, age) == SocketTable::Row::repeated ? 1 : 0;
}

void Player::search(OwnerScanner::Reach reach)
{
    std::vector<Inode> inodes = table_.live_inodes();
    for (const Flow& flow : udp_.flows()) {
        inodes.push_back(flow.inode);
    }
    holders_.search(holders_.unheld(std::move(inodes)), reach, soon());
}

void Player::rescan()
{
    totals_only_ ? holders_.scan() : holders_.rescan();
    search(OwnerScanner::Reach::everywhere);
    holders_.confirm(soon());
}

void Player::line(std::string_view verb, std::string_view rest)
{
    if (verb == "proc") {
        change_proc(rest);
    } else if (verb == "first") {
        message(rest, Protocol::tcp, [this](const Socket& socket) { first(socket); });
    } else if (verb == "look") {
        message(rest, Protocol::tcp, [this](const Socket& socket) { totals_only_ ? void() : table_.during(socket); });
    } else if (verb == "destroyed") {
        message(rest, Protocol::tcp, [this](const Socket& socket) { destroyed(socket); });
    } else if (verb == "last") {
        message(rest, Protocol::tcp, [this](const Socket& socket) { last(socket); });
    } else if (verb == "udp") {
        message(rest, Protocol::udp, [this](const Socket& socket) { udp_.add(socket); });
    } else if (verb == "scan") {
        table_.begin_dump();
        totals_only_ ? void() : holders_.scan();
    } else if (verb == "search") {
        totals_only_ ? void() : search(OwnerScanner::Reach::likely);
    } else if (verb == "rescan") {
        rescan();
    } else if (verb == "local") {
        replayed_.interface.addresses.push_back(parse_address(rest).value());
    } else {
        texts_[std::string(verb)].append(rest) += '\n';
    }
}

Replayed Player::finish()
{
    const auto fact = [this](std::string_view name) {
        const std::string& text = texts_[std::string(name)];
        return text.substr(0, text.find('\n'));
    };
    ProtocolCounters first_counters;
    ProtocolCounters last_counters;
    add_snmp(texts_["snmp-first"], first_counters);
    add_snmp(texts_["snmp-last"], last_counters);
    const std::uint64_t opened = last_counters.tcp_opens - first_counters.tcp_opens;
    const std::uint64_t shown = table_.opened() + table_.resets();
    faults_[Fault::missed] = !totals_only_ && opened > shown ? opened - shown : 0;
    faults_[Fault::disappeared] = totals_only_ ? 0 : table_.missing().size();
    faults_[Fault::resets] = table_.resets();
    const bool is_silent = !totals_only_ && first_counters.udp_datagrams == last_counters.udp_datagrams;
    faults_[totals_only_ ? Fault::udp_unknown_totals : Fault::udp_unknown] = is_silent ? 0 : 1;

    Sample& sample = replayed_.result.sample;
    sample.backend = "netlink";
    sample.started_at = std::chrono::system_clock::time_point(std::chrono::microseconds(number_of(fact("started_at"))));
    sample.duration = std::chrono::nanoseconds(totals_only_ ? 0 : number_of(fact("duration")));
    sample.flows = table_.take_flows();
    udp_.add_to(sample.flows, is_silent);
    sample.holders = holders_.take_holders();
    sample.processes = holders_.take_processes();
    for (Process& process : sample.processes) {
        process.uid = proc_->users().at(process.pid);
    }
    sample.notes = notes_of(faults_);
    InterfaceCounters before{parse_interfaces(texts_["interfaces-first"])};
    sample.interfaces = totals_only_ ? std::exchange(before, {}).each : parse_interfaces(texts_["interfaces-last"]);
    subtract(before, sample);
    replayed_.result.viewer = {viewer_.value_or(Uid{0}), viewer_.has_value()};
    replayed_.proc = std::move(proc_);
    replayed_.host = fact("host");
    replayed_.boot_id = fact("boot_id");
    return std::move(replayed_);
}

} // namespace

Replayed play(const std::filesystem::path& file, Extent extent, std::optional<Uid> viewer)
{
    const std::string content = content_of(file);
    std::string_view text = content;
    Player player(extent, viewer);
    while (!text.empty()) {
        std::string_view line = next_line(text);
        const std::string_view verb = line.substr(0, line.find(' '));
        if (!verb.empty() && verb[0] != '#') {
            line.remove_prefix(std::min(verb.size() + 1, line.size()));
            player.line(verb, line);
        }
    }
    return player.finish();
}

} // namespace socktally::test
