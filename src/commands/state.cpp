// SPDX-License-Identifier: MIT
// The text of a state file. Each line is one record; words are separated by one blank; numbers are decimal:
//
//   socktally-state 4
//   run BOOT_ID NETNS TAKEN_AT_US UPTIME_NS SAW_ALL LATEST_INTERFACE PURPOSE
//   opens NETNS OPENED FAILED AHEAD IS_OLD                                       for each network namespace
//   interface INDEX RX_BYTES TX_BYTES RX_PACKETS TX_PACKETS NAME
//   series RX_BYTES TX_BYTES RX_PACKETS TX_PACKETS [LABEL VALUE]...
//   socket NETNS COOKIE ADDRESS PORT RX_BYTES TX_BYTES BYTES_RECEIVED BYTES_ACKED SEGS_IN SEGS_OUT BYTES_RETRANS
//          IS_ORPHAN MISSED
//   check SUM
//
// The fields are those of State and Snapshot. `-` is null, or no address. A text is in quotes. Blanks, quotes, percent
// signs and bytes that are not printable ASCII are written in a text as % and two hexadecimal digits, because names may
// be any bytes. SUM is the hash (model/hash.hpp) of all earlier lines, in hexadecimal digits.
//
// If the form of a line or the hash changes, the version number in the first line must change. A run that finds another
// version begins anew. Version 2, of socktally 0.1, was JSON.
#include "commands/state.hpp"

#include "model/hash.hpp"
#include "util/number.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <exception>
#include <iterator>
#include <limits>
#include <utility>

namespace socktally {

namespace {

constexpr std::string_view first_line = "socktally-state 4\n";

/// Returns the last line of a state: the checksum of `lines`. The checksum detects only accidents, because anyone who
/// can write the file can also write a valid checksum.
std::string check_line(std::string_view lines)
{
    Hash hash(lines.size());
    for (std::size_t at = 0; at < lines.size(); at += sizeof(std::uint64_t)) {
        std::uint64_t word = 0;
        std::memcpy(&word, lines.data() + at, std::min(lines.size() - at, sizeof word));
        hash.add(word);
    }
    return fmt::format("check {:016x}\n", hash.value());
}

std::string quoted(std::string_view text)
{
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte <= 0x20 || byte >= 0x7f || c == '"' || c == '%') {
            fmt::format_to(std::back_inserter(out), "%{:02x}", byte);
        } else {
            out += c;
        }
    }
    return out += '"';
}

/// Writes the fields of one record.
class Writer {
public:
    Writer(std::string& out, std::string_view record) : out_(out) { out_ += record; }
    template <typename... Fields>
    void operator()(const Fields&... fields)
    {
        (put(fields), ...);
        out_ += '\n';
    }

private:
    void put(std::uint64_t number) { fmt::format_to(std::back_inserter(out_), " {}", number); }
    void put(std::chrono::nanoseconds time) { put(static_cast<std::uint64_t>(time.count())); }
    void put(std::chrono::system_clock::time_point time)
    {
        put(static_cast<std::uint64_t>(duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count()));
    }
    void put(const std::string& text) { out_.append(" ").append(quoted(text)); }
    void put(const std::optional<std::uint64_t>& number) { number ? put(*number) : put_nothing(); }
    void put(const Address& address)
    {
        address == Address{} ? put_nothing() : static_cast<void>(out_.append(" ").append(to_string(address)));
    }
    void put(const GrowingSeries::Labels& labels)
    {
        for (const auto& [label, value] : labels) {
            put(label);
            put(value);
        }
    }
    void put_nothing() { out_ += " -"; }

    std::string& out_;
};

struct Malformed : std::exception {};

/// Reads the fields of one record. Throws Malformed unless there is exactly one word for each field.
class Reader {
public:
    explicit Reader(std::string_view line) : rest_(line), record_(take()) {}

    std::string_view record() const { return record_; }
    template <typename... Fields>
    void operator()(Fields&... fields)
    {
        (get(fields), ...);
        if (!is_done_) {
            throw Malformed();
        }
    }

private:
    std::string_view take()
    {
        if (is_done_) {
            throw Malformed();
        }
        const std::size_t blank = rest_.find(' ');
        const std::string_view word = rest_.substr(0, blank);
        is_done_ = blank == std::string_view::npos;
        rest_.remove_prefix(is_done_ ? rest_.size() : blank + 1);
        return word;
    }
    static std::uint64_t number_in(std::string_view word, std::uint64_t limit)
    {
        const auto number = parse_number(word);
        if (!number || *number > limit) {
            throw Malformed();
        }
        return *number;
    }
    template <typename T>
    void get(T& number)
    {
        number = static_cast<T>(number_in(take(), std::numeric_limits<T>::max()));
    }
    void get(std::chrono::nanoseconds& time) { time = get_time<std::chrono::nanoseconds>(); }
    void get(std::chrono::system_clock::time_point& time)
    {
        time = std::chrono::system_clock::time_point(get_time<std::chrono::microseconds>());
    }
    /// Reads a time. Throws Malformed if it does not fit into 64 signed bits of nanoseconds, the range of the clock.
    template <typename Unit>
    Unit get_time()
    {
        const auto limit = std::chrono::duration_cast<Unit>(std::chrono::nanoseconds::max()).count();
        return Unit(static_cast<std::int64_t>(number_in(take(), static_cast<std::uint64_t>(limit))));
    }
    void get(std::optional<std::uint64_t>& number)
    {
        const std::string_view word = take();
        number = word == "-" ? std::nullopt : std::optional(number_in(word, std::numeric_limits<std::uint64_t>::max()));
    }
    void get(std::string& text)
    {
        const std::string_view word = take();
        for (std::size_t at = 1; at + 1 < word.size(); ++at) {
            unsigned byte = static_cast<unsigned char>(word[at]);
            if (word[at] == '%') {
                const std::string_view digits = word.substr(at + 1, 2);
                const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
                at += static_cast<std::size_t>(end - digits.data());
            }
            text += static_cast<char>(byte);
        }
        if (quoted(text) != word) {
            throw Malformed();
        }
    }
    void get(Address& address)
    {
        const std::string_view word = take();
        const auto parsed = word == "-" ? Address{} : parse_address(word);
        if (!parsed) {
            throw Malformed();
        }
        address = *parsed;
    }
    void get(GrowingSeries::Labels& labels)
    {
        while (!is_done_) {
            auto& [label, value] = labels.emplace_back();
            get(label);
            get(value);
        }
    }

    std::string_view rest_;
    bool is_done_ = false;
    std::string_view record_;
};

// The functions below list the fields of each record in order, for a Writer or a Reader. For a Writer, the fields are
// const.

template <typename Fields, typename AnyState>
void run_fields(Fields fields, AnyState& state)
{
    fields(state.boot_id, state.netns.value, state.taken_at, state.uptime, state.snapshot.saw_all,
           state.snapshot.interfaces.latest, state.purpose);
}

template <typename Fields, typename Netns, typename Opens>
void opens_fields(Fields fields, Netns& netns, Opens& opens)
{
    fields(netns.value, opens.opened, opens.failed, opens.ahead, opens.is_old);
}

template <typename Fields, typename Interface>
void interface_fields(Fields fields, Interface& interface)
{
    fields(interface.index, interface.rx_bytes, interface.tx_bytes, interface.rx_packets, interface.tx_packets,
           interface.name);
}

template <typename Fields, typename Series>
void series_fields(Fields fields, Series& series)
{
    fields(series.rx_bytes, series.tx_bytes, series.rx_packets, series.tx_packets, series.labels);
}

template <typename Fields, typename Key, typename Socket>
void socket_fields(Fields fields, Key& key, Socket& socket)
{
    auto& counters = socket.counters;
    fields(key.netns.value, key.cookie.value, socket.remote.address, socket.remote.port, counters.payload.rx_bytes,
           counters.payload.tx_bytes, counters.bytes_received, counters.bytes_acked, counters.segs_in,
           counters.segs_out, counters.bytes_retrans, socket.is_orphan, socket.missed);
}

void read_record(Reader words, State& state)
{
    bool is_new = true;
    if (words.record() == "opens") {
        Inode netns;
        OpenCounts opens;
        opens_fields(words, netns, opens);
        is_new = state.snapshot.opens.emplace(netns, opens).second;
    } else if (words.record() == "interface") {
        interface_fields(words, state.snapshot.interfaces.each.emplace_back());
    } else if (words.record() == "series") {
        series_fields(words, state.series.emplace_back());
    } else if (words.record() == "socket") {
        SocketKey key;
        Snapshot::Socket socket;
        socket_fields(words, key, socket);
        is_new = state.snapshot.sockets.emplace(key, socket).second;
    } else {
        throw Malformed();
    }
    if (!is_new) {
        throw Malformed();
    }
}

std::string_view cut_line(std::string_view& text)
{
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) {
        throw Malformed();
    }
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    return line;
}

State read_lines(std::string_view lines)
{
    State state;
    const Reader run(cut_line(lines));
    if (run.record() != "run") {
        throw Malformed();
    }
    run_fields(run, state);
    while (!lines.empty()) {
        read_record(Reader(cut_line(lines)), state);
    }
    return state;
}

} // namespace

std::string write_state(const State& state)
{
    std::string out(first_line);
    run_fields(Writer(out, "run"), state);
    for (const auto& [netns, opens] : state.snapshot.opens) {
        opens_fields(Writer(out, "opens"), netns, opens);
    }
    for (const InterfaceTraffic& interface : state.snapshot.interfaces.each) {
        interface_fields(Writer(out, "interface"), interface);
    }
    for (const GrowingSeries& series : state.series) {
        series_fields(Writer(out, "series"), series);
    }
    for (const auto& [key, socket] : state.snapshot.sockets) {
        socket_fields(Writer(out, "socket"), key, socket);
    }
    return with_check_sum(std::move(out));
}

std::string with_check_sum(std::string lines)
{
    const std::string check = check_line(lines);
    return lines.append(check);
}

std::variant<State, BadState> read_state(std::string_view text)
{
    if (!text.starts_with("socktally-state ") && !text.starts_with("{\"schema\":\"socktally-state/")) {
        return BadState{"not a socktally state file"};
    }
    if (!text.starts_with(first_line)) {
        return BadState{"written by another version of socktally"};
    }
    const std::size_t end = text.rfind("\ncheck ") + 1; // 0 if no line begins with "check "
    const std::string_view lines = text.substr(0, end);
    try {
        if (text.substr(end) != check_line(lines)) {
            throw Malformed();
        }
        return read_lines(lines.substr(first_line.size()));
    } catch (const Malformed&) {
        return BadState{"damaged or cut short"};
    }
}

} // namespace socktally
