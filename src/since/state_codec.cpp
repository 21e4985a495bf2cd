// SPDX-License-Identifier: MIT
// {"schema":"socktally-state/1",…,"sockets":[[netns,cookie,rx,tx,orphan,absent,"10.0.0.2",443],…],"check":"…"}
// simdjson's DOM, as for all files that are read whole. Numbers are what they are in Baseline; each byte of a name is
// one code point up to U+00FF, because names are any bytes and have to come back the same.
#include "since/state_codec.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <exception>
#include <iterator>
#include <limits>

namespace socktally {

namespace {

namespace dom = simdjson::dom;

constexpr std::string_view schema_family = "socktally-state/";
constexpr std::string_view schema = "socktally-state/1";
constexpr std::string_view check_key = ",\"check\":\"";
constexpr std::size_t members = 12;
constexpr std::size_t deepest = 8;

/// FNV-1a. Against accidents; whoever may write the file may write any figure into it.
std::uint64_t check_sum(std::string_view text)
{
    std::uint64_t sum = 0xcbf29ce484222325U;
    for (const char c : text) {
        sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    }
    return sum;
}

void append_bytes(std::string& out, std::string_view bytes)
{
    out += '"';
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte >= 0x7f || c == '"' || c == '\\') {
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
        } else {
            out += c;
        }
    }
    out += '"';
}

template <typename List, typename Append>
void append_list(std::string& out, std::string_view key, const List& list, Append append)
{
    fmt::format_to(std::back_inserter(out), ",\"{}\":[", key);
    bool is_first = true;
    for (const auto& item : list) {
        out += is_first ? "\n[" : ",\n[";
        is_first = false;
        append(item);
        out += ']';
    }
    out += ']';
}

struct Malformed : std::exception {};

template <typename T, typename Value>
T get(const Value& value)
{
    T result;
    if (value.get(result) != simdjson::SUCCESS) {
        throw Malformed();
    }
    return result;
}

template <typename Value>
std::string get_bytes(const Value& value)
{
    const auto text = get<std::string_view>(value);
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto code = static_cast<unsigned char>(text[i]);
        if (code >= 0x80) { // valid UTF-8, so there is another byte
            if (code > 0xc3) {
                throw Malformed(); // past U+00FF
            }
            code = static_cast<unsigned char>(((code & 3U) << 6U) | (static_cast<unsigned char>(text[++i]) & 0x3fU));
        }
        bytes += static_cast<char>(code);
    }
    return bytes;
}

/// The items of one list in order; each has to be asked for, and there must be no more.
class Items {
public:
    explicit Items(dom::element list) : array_(get<dom::array>(list)), next_(array_.begin()) {}

    dom::element take()
    {
        if (next_ == array_.end()) {
            throw Malformed();
        }
        const dom::element item = *next_;
        ++next_;
        return item;
    }
    std::uint64_t number() { return get<std::uint64_t>(take()); }
    std::uint64_t number(std::uint64_t most)
    {
        const std::uint64_t value = number();
        if (value > most) {
            throw Malformed();
        }
        return value;
    }
    bool is_done() const { return !(next_ != array_.end()); }
    void expect_done() const
    {
        if (!is_done()) {
            throw Malformed();
        }
    }

private:
    dom::array array_;
    dom::array::iterator next_;
};

template <typename Read>
void read_list(const dom::object& state, std::string_view key, Read read)
{
    for (const dom::element item : get<dom::array>(state[key])) {
        Items items(item);
        read(items);
        items.expect_done();
    }
}

/// A time of a clock, which is signed and counts nanoseconds; never negative.
template <typename Unit>
std::chrono::nanoseconds get_time(const dom::object& state, std::string_view key)
{
    const auto count = get<std::int64_t>(state[key]);
    if (count < 0 || count > std::chrono::duration_cast<Unit>(std::chrono::nanoseconds::max()).count()) {
        throw Malformed();
    }
    return Unit(count);
}

void read_socket(Items& items, Baseline& baseline)
{
    SocketKey key;
    Mark mark;
    key.netns.value = items.number();
    key.cookie.value = items.number();
    mark.rx_bytes = items.number();
    mark.tx_bytes = items.number();
    mark.is_orphan = items.number(1) == 1;
    mark.absent = static_cast<std::uint32_t>(items.number(std::numeric_limits<std::uint32_t>::max()));
    if (const auto address = get<std::string_view>(items.take()); !address.empty()) {
        const auto parsed = parse_address(address);
        if (!parsed) {
            throw Malformed();
        }
        mark.remote.address = *parsed;
    }
    mark.remote.port = static_cast<std::uint16_t>(items.number(std::numeric_limits<std::uint16_t>::max()));
    if (!baseline.sockets.emplace(key, mark).second) {
        throw Malformed();
    }
}

void read_opens(Items& items, Baseline& baseline)
{
    const Inode netns{items.number()};
    const Opens opens{items.number(), items.number(), items.number()};
    if (!baseline.opens.emplace(netns, opens).second) {
        throw Malformed();
    }
}

void read_interface(Items& items, Baseline& baseline)
{
    InterfaceTraffic& interface = baseline.interfaces.emplace_back();
    interface.name = get_bytes(items.take());
    interface.rx_bytes = items.number();
    interface.tx_bytes = items.number();
    interface.rx_packets = items.number();
    interface.tx_packets = items.number();
}

void read_series(Items& items, Baseline& baseline)
{
    GrowingSeries& series = baseline.series.emplace_back();
    series.rx_bytes = items.number();
    series.tx_bytes = items.number();
    while (!items.is_done()) {
        std::string name = get_bytes(items.take());
        series.labels.emplace_back(std::move(name), get_bytes(items.take()));
    }
}

Baseline read_members(const dom::object& state)
{
    if (state.size() != members) { // a member that is there twice, or none of ours
        throw Malformed();
    }
    Baseline baseline;
    baseline.boot_id = get_bytes(state["boot_id"]);
    baseline.netns.value = get<std::uint64_t>(state["netns"]);
    baseline.purpose = get_bytes(state["purpose"]);
    baseline.taken_at =
        std::chrono::system_clock::time_point(get_time<std::chrono::microseconds>(state, "taken_at_us"));
    baseline.uptime = get_time<std::chrono::nanoseconds>(state, "uptime_ns");
    baseline.saw_all = get<bool>(state["saw_all"]);
    read_list(state, "opens", [&](Items& items) { read_opens(items, baseline); });
    read_list(state, "interfaces", [&](Items& items) { read_interface(items, baseline); });
    read_list(state, "series", [&](Items& items) { read_series(items, baseline); });
    read_list(state, "sockets", [&](Items& items) { read_socket(items, baseline); });
    return baseline;
}

std::string check_of(std::string_view body) { return fmt::format("{}{:016x}\"}}\n", check_key, check_sum(body)); }

/// Whether what it ends in is the check sum of what is before.
bool is_whole(std::string_view text)
{
    const std::size_t end = text.rfind(check_key);
    if (end == std::string_view::npos) {
        return false;
    }
    return text.substr(end) == check_of(text.substr(0, end));
}

} // namespace

std::string write_state(const Baseline& baseline)
{
    using namespace std::chrono;
    std::string out = fmt::format("{{\"schema\":\"{}\",\"boot_id\":", schema);
    append_bytes(out, baseline.boot_id);
    fmt::format_to(std::back_inserter(out), ",\"netns\":{},\"purpose\":", baseline.netns.value);
    append_bytes(out, baseline.purpose);
    fmt::format_to(std::back_inserter(out), ",\"taken_at_us\":{},\"uptime_ns\":{},\"saw_all\":{}",
                   duration_cast<microseconds>(baseline.taken_at.time_since_epoch()).count(), baseline.uptime.count(),
                   baseline.saw_all);
    append_list(out, "opens", baseline.opens, [&](const auto& entry) {
        const auto& [netns, opens] = entry;
        fmt::format_to(std::back_inserter(out), "{},{},{},{}", netns.value, opens.opened, opens.failed, opens.ahead);
    });
    append_list(out, "interfaces", baseline.interfaces, [&](const InterfaceTraffic& interface) {
        append_bytes(out, interface.name);
        fmt::format_to(std::back_inserter(out), ",{},{},{},{}", interface.rx_bytes, interface.tx_bytes,
                       interface.rx_packets, interface.tx_packets);
    });
    append_list(out, "series", baseline.series, [&](const GrowingSeries& series) {
        fmt::format_to(std::back_inserter(out), "{},{}", series.rx_bytes, series.tx_bytes);
        for (const auto& [name, value] : series.labels) {
            append_bytes(out += ',', name);
            append_bytes(out += ',', value);
        }
    });
    append_list(out, "sockets", baseline.sockets, [&](const auto& entry) {
        const auto& [key, mark] = entry;
        fmt::format_to(std::back_inserter(out), "{},{},{},{},{:d},{},\"{}\",{}", key.netns.value, key.cookie.value,
                       mark.rx_bytes, mark.tx_bytes, mark.is_orphan, mark.absent, to_string(mark.remote.address),
                       mark.remote.port);
    });
    return with_check_sum(std::move(out));
}

std::string with_check_sum(std::string body)
{
    const std::string check = check_of(body);
    return body.append(check);
}

std::variant<Baseline, BadState> read_state(std::string_view text)
{
    const std::string opening = fmt::format("{{\"schema\":\"{}", schema_family);
    if (!text.starts_with(opening)) {
        return BadState{"it is no state of socktally"};
    }
    if (!text.starts_with(fmt::format("{{\"schema\":\"{}\"", schema))) {
        return BadState{"it is of another version of socktally"};
    }
    dom::parser parser;
    dom::object state;
    try {
        if (!is_whole(text) || parser.allocate(text.size(), deepest) != simdjson::SUCCESS ||
            parser.parse(text.data(), text.size()).get(state) != simdjson::SUCCESS) {
            throw Malformed();
        }
        return read_members(state);
    } catch (const Malformed&) {
        return BadState{"it is damaged or cut short"};
    }
}

} // namespace socktally
