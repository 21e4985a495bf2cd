// SPDX-License-Identifier: MIT
// simdjson's DOM, as for all files that are read whole.
#include "since/state_codec.hpp"
#include "since/state_format.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <exception>
#include <limits>
#include <utility>

namespace socktally {

namespace {

namespace dom = simdjson::dom;

constexpr std::size_t members = 13;
constexpr std::size_t deepest = 8;

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

template <typename T, typename Value>
T get_number(const Value& value)
{
    const auto number = get<std::uint64_t>(value);
    if (number > std::numeric_limits<T>::max()) {
        throw Malformed();
    }
    return static_cast<T>(number);
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
    template <typename T = std::uint64_t>
    T number()
    {
        return get_number<T>(take());
    }
    bool flag()
    {
        const std::uint64_t value = number();
        if (value > 1) {
            throw Malformed();
        }
        return value == 1;
    }
    std::optional<std::uint64_t> number_or_null()
    {
        const dom::element item = take();
        return item.is_null() ? std::nullopt : std::optional(get<std::uint64_t>(item));
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
    mark.is_orphan = items.flag();
    mark.absent = items.number<std::uint32_t>();
    if (const auto address = get<std::string_view>(items.take()); !address.empty()) {
        const auto parsed = parse_address(address);
        if (!parsed) {
            throw Malformed();
        }
        mark.remote.address = *parsed;
    }
    mark.remote.port = items.number<std::uint16_t>();
    if (!baseline.sockets.emplace(key, mark).second) {
        throw Malformed();
    }
}

void read_opens(Items& items, Baseline& baseline)
{
    const Inode netns{items.number()};
    const Opens opens{items.number(), items.number(), items.number(), items.flag()};
    if (!baseline.opens.emplace(netns, opens).second) {
        throw Malformed();
    }
}

void read_interface(Items& items, Baseline& baseline)
{
    InterfaceTraffic& interface = baseline.interfaces.counters.emplace_back();
    interface.name = get_bytes(items.take());
    interface.index = items.number<std::uint32_t>();
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
    series.rx_packets = items.number_or_null();
    series.tx_packets = items.number_or_null();
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
    baseline.interfaces.latest = get_number<std::uint32_t>(state["latest_interface"]);
    read_list(state, "interfaces", [&](Items& items) { read_interface(items, baseline); });
    read_list(state, "series", [&](Items& items) { read_series(items, baseline); });
    read_list(state, "sockets", [&](Items& items) { read_socket(items, baseline); });
    return baseline;
}

/// Whether what it ends in is the check sum of what is before.
bool is_whole(std::string_view text)
{
    const std::size_t end = text.rfind(state_check_key);
    if (end == std::string_view::npos) {
        return false;
    }
    return text.substr(end) == state_check(text.substr(0, end));
}

} // namespace

std::variant<Baseline, BadState> read_state(std::string_view text)
{
    const std::string opening = fmt::format("{{\"schema\":\"{}", state_schema_family);
    if (!text.starts_with(opening)) {
        return BadState{"it is no state of socktally"};
    }
    if (!text.starts_with(fmt::format("{{\"schema\":\"{}\"", state_schema))) {
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
