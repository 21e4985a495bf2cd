// SPDX-License-Identifier: MIT
#include "traffic/netstat/socket_rows.hpp"

#include "util/number.hpp"
#include "util/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace socktally {

namespace {

using Words = std::vector<std::string_view>;

struct ProtocolName {
    std::string_view name;
    Protocol protocol;
    Family family;
};
constexpr std::array protocol_names_of_netstat{
    ProtocolName{"tcp4", Protocol::tcp, Family::v4},  ProtocolName{"tcp6", Protocol::tcp, Family::v6},
    ProtocolName{"tcp46", Protocol::tcp, Family::v6}, ProtocolName{"udp4", Protocol::udp, Family::v4},
    ProtocolName{"udp6", Protocol::udp, Family::v6},  ProtocolName{"udp46", Protocol::udp, Family::v6},
};

constexpr std::array<std::pair<std::string_view, TcpState>, 11> states_of_netstat{{
    {"CLOSED", TcpState::close},
    {"LISTEN", TcpState::listen},
    {"SYN_SENT", TcpState::syn_sent},
    {"SYN_RCVD", TcpState::syn_recv},
    {"ESTABLISHED", TcpState::established},
    {"CLOSE_WAIT", TcpState::close_wait},
    {"FIN_WAIT_1", TcpState::fin_wait1},
    {"CLOSING", TcpState::closing},
    {"LAST_ACK", TcpState::last_ack},
    {"FIN_WAIT_2", TcpState::fin_wait2},
    {"TIME_WAIT", TcpState::time_wait},
}};

constexpr std::string_view named_process = "process:pid";
constexpr std::size_t fixed_words = 5; // protocol, two queues, two endpoints

/// The names of the columns after the state.
struct Tail {
    Words columns;

    std::optional<std::size_t> find(std::string_view name) const
    {
        const auto found = std::find(columns.begin(), columns.end(), name);
        return found != columns.end() ? std::optional(static_cast<std::size_t>(found - columns.begin())) : std::nullopt;
    }
};

/// Returns the columns after `(state)`. Returns null if the line is no header of a list of internet sockets.
std::optional<Tail> parse_header(std::string_view line)
{
    const Words words = words_of(line);
    const auto state = std::find(words.begin(), words.end(), "(state)");
    if (words.empty() || words.front() != "Proto" || state == words.end()) {
        return std::nullopt;
    }
    return Tail{Words(state + 1, words.end())};
}

std::optional<std::uint64_t> parse_hexadecimal(std::string_view text)
{
    std::uint64_t value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value, 16);
    return error == std::errc() && stop == end ? std::optional(value) : std::nullopt;
}

struct ParsedEndpoint {
    Endpoint endpoint;
    bool is_cut = false;
};

/// Parses ADDRESS.PORT. Either of them may be `*`. An IPv6 address may end in %ZONE.
std::optional<ParsedEndpoint> parse_endpoint(std::string_view text, Family family, LongAddresses addresses)
{
    constexpr std::size_t cut_length = 16;
    const auto dot = text.rfind('.');
    if (dot == text.npos) {
        return std::nullopt;
    }
    const std::string_view address = text.substr(0, dot);
    const std::string_view port = text.substr(dot + 1);
    const auto number = port == "*" ? std::optional<std::uint64_t>(0) : parse_number(port);
    if (!number || *number > UINT16_MAX || address.empty()) {
        return std::nullopt;
    }
    ParsedEndpoint parsed;
    parsed.endpoint.port = static_cast<std::uint16_t>(*number);
    if (address == "*") {
        return parsed;
    }
    const auto whole = parse_address(address.substr(0, address.find('%')));
    const bool may_be_cut = family == Family::v6 && address.find(':') != address.npos;
    parsed.is_cut = may_be_cut && (!whole || (addresses == LongAddresses::cut && address.size() >= cut_length));
    if (!whole && !parsed.is_cut) {
        return std::nullopt;
    }
    parsed.endpoint.address = parsed.is_cut ? Address{} : without_scope(*whole);
    return parsed;
}

/// The words of one row.
class RowWords {
public:
    RowWords(Words words, const Tail& tail, std::size_t before_tail)
        : words_(std::move(words)), tail_(tail), before_tail_(before_tail), name_(tail.find(named_process))
    {
    }

    /// Returns whether each column has its word. The name of a process is one word or more.
    bool fits() const
    {
        const std::size_t least = before_tail_ + tail_.columns.size();
        return name_ ? words_.size() >= least : words_.size() == least;
    }
    std::optional<std::string_view> word(std::string_view column) const
    {
        const auto at = tail_.find(column);
        if (!at) {
            return std::nullopt;
        }
        return words_.at(before_tail_ + *at + (name_ && *at > *name_ ? extra() : 0));
    }
    /// Returns the text from the first to the last word of the name and the pid, which have a colon between them.
    std::string_view process_and_pid() const
    {
        const std::string_view first = words_.at(before_tail_ + *name_);
        const std::string_view last = words_.at(before_tail_ + *name_ + extra());
        return {first.data(), static_cast<std::size_t>(last.data() + last.size() - first.data())};
    }

private:
    std::size_t extra() const { return words_.size() - before_tail_ - tail_.columns.size(); }

    Words words_;
    const Tail& tail_;
    std::size_t before_tail_;
    std::optional<std::size_t> name_;
};

std::optional<Pid> parse_owner(std::string_view text)
{
    const auto number = parse_number(text);
    return number && *number <= INT32_MAX ? std::optional(Pid{static_cast<std::int32_t>(*number)}) : std::nullopt;
}

/// Sets the pid and the name of the process, as far as netstat has columns for them. Returns false if they make no
/// sense.
bool set_process(NetstatRow& parsed, const RowWords& row, const Tail& tail)
{
    if (tail.find(named_process)) {
        const std::string_view both = row.process_and_pid();
        const auto colon = both.rfind(':');
        if (colon == both.npos) {
            return false;
        }
        parsed.process = both.substr(0, colon);
        parsed.pid = parse_owner(both.substr(colon + 1));
        return parsed.pid.has_value();
    }
    const auto pid = row.word("pid");
    parsed.pid = pid ? parse_owner(*pid) : std::nullopt;
    return !pid || parsed.pid;
}

/// Sets the counters and the number of the socket, as far as netstat has columns for them. Returns false if they make
/// no sense.
bool set_figures(NetstatRow& parsed, const RowWords& row)
{
    const auto rx = row.word("rxbytes");
    const auto tx = row.word("txbytes");
    const auto generation = row.word("gencnt");
    parsed.rx_bytes = rx ? parse_number(*rx) : std::nullopt;
    parsed.tx_bytes = tx ? parse_number(*tx) : std::nullopt;
    const auto number = generation ? parse_hexadecimal(*generation) : std::optional<std::uint64_t>(0);
    parsed.generation = number.value_or(0);
    return (!rx || parsed.rx_bytes) && (!tx || parsed.tx_bytes) && number;
}

std::optional<NetstatRow> parse_row(Words words, const ProtocolName& protocol, const Tail& tail,
                                    LongAddresses addresses)
{
    const bool has_state = protocol.protocol == Protocol::tcp;
    const std::size_t before_tail = fixed_words + (has_state ? 1 : 0);
    const RowWords row(words, tail, before_tail);
    if (!row.fits()) {
        return std::nullopt;
    }
    NetstatRow parsed;
    const auto received = parse_number(words[1]);
    const auto sent = parse_number(words[2]);
    const auto local = parse_endpoint(words[3], protocol.family, addresses);
    const auto remote = parse_endpoint(words[4], protocol.family, addresses);
    if (!received || !sent || !local || !remote || !set_process(parsed, row, tail) || !set_figures(parsed, row)) {
        return std::nullopt;
    }
    parsed.is_cut = local->is_cut || remote->is_cut;
    Socket& socket = parsed.socket;
    socket.tuple = {protocol.protocol, local->endpoint, remote->endpoint};
    socket.family = protocol.family;
    socket.rqueue = static_cast<std::uint32_t>(std::min<std::uint64_t>(*received, UINT32_MAX));
    socket.wqueue = static_cast<std::uint32_t>(std::min<std::uint64_t>(*sent, UINT32_MAX));
    if (has_state) {
        const auto* state = std::find_if(states_of_netstat.begin(), states_of_netstat.end(),
                                         [&](const auto& known) { return known.first == words[fixed_words]; });
        if (state == states_of_netstat.end()) {
            return std::nullopt;
        }
        socket.state = state->second;
    } else {
        const bool is_connected = remote->endpoint.port != 0 || remote->is_cut;
        socket.state = is_connected ? TcpState::established : TcpState::close;
    }
    return parsed;
}

} // namespace

NetstatRows parse_netstat(std::string_view text, LongAddresses addresses)
{
    NetstatRows parsed;
    std::optional<Tail> tail;
    while (!text.empty()) {
        const bool is_whole = text.find('\n') != text.npos; // the last line may be cut off
        const std::string_view line = next_line(text);
        if (line.starts_with("Active ")) {
            tail.reset();
            continue;
        }
        if (auto header = parse_header(line)) {
            tail = std::move(header);
            parsed.has_header = true;
            parsed.counts_bytes = parsed.counts_bytes && tail->find("rxbytes") && tail->find("txbytes");
            continue;
        }
        Words words = words_of(line);
        const auto* protocol =
            std::find_if(protocol_names_of_netstat.begin(), protocol_names_of_netstat.end(),
                         [&](const ProtocolName& known) { return !words.empty() && known.name == words.front(); });
        if (protocol == protocol_names_of_netstat.end() || !tail) { // subflows of MPTCP have another header
            continue;
        }
        auto row = is_whole ? parse_row(std::move(words), *protocol, *tail, addresses) : std::nullopt;
        parsed.garbled += row ? 0 : 1;
        if (row) {
            parsed.rows.push_back(std::move(*row));
        }
    }
    return parsed;
}

Address without_scope(Address address)
{
    const bool is_scoped =
        address.family == Family::v6 && ((address.bytes[0] == 0xfe && (address.bytes[1] & 0xc0) == 0x80) ||
                                         (address.bytes[0] == 0xff && (address.bytes[1] & 0x0f) <= 2));
    if (is_scoped) {
        address.bytes[2] = 0;
        address.bytes[3] = 0;
    }
    return address;
}

} // namespace socktally
