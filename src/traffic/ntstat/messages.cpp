// SPDX-License-Identifier: MIT
#include "traffic/ntstat/messages.hpp"

#include "traffic/netstat/socket_rows.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace socktally {

namespace {

using Bytes = std::span<const std::byte>;

namespace type {
constexpr std::uint32_t success = 0;
constexpr std::uint32_t error = 1;
constexpr std::uint32_t add_all_sources = 1002;
constexpr std::uint32_t get_update = 1007;
constexpr std::uint32_t source_added = 10001;
constexpr std::uint32_t source_removed = 10002;
constexpr std::uint32_t source_update = 10006;
constexpr std::uint32_t source_extended_update = 10007; // an update with more behind its descriptor
} // namespace type

constexpr std::uint16_t continuation_flag = 1 << 1;
constexpr std::uint16_t closing_flag = 1 << 2;
constexpr std::size_t header_size = 16;
constexpr std::size_t update_size = 152; // without the descriptor
constexpr std::size_t endpoint_size = 28;
constexpr std::size_t name_size = 64;

/// Returns the number at an offset. The caller has checked the length.
template <typename Number>
Number number_at(Bytes bytes, std::size_t offset)
{
    Number number{};
    std::memcpy(&number, bytes.subspan(offset, sizeof number).data(), sizeof number);
    return number;
}

struct DescriptorLayout {
    Protocol protocol;
    std::size_t interface;
    std::optional<std::size_t> state;
    std::size_t pid;
    std::size_t local;
    std::size_t remote;
    std::size_t name;
    std::size_t uid;
    std::size_t size; // at least, of a descriptor with all of these fields
};
constexpr DescriptorLayout tcp_layout{Protocol::tcp, 72, 76, 116, 124, 152, 196, 328, 332};
constexpr DescriptorLayout udp_layout{Protocol::udp, 112, std::nullopt, 128, 56, 84, 132, 268, 272};

/// The states of TCP in the order of BSD's numbers (netinet/tcp_fsm.h).
constexpr std::array bsd_states{TcpState::close,       TcpState::listen,     TcpState::syn_sent,  TcpState::syn_recv,
                                TcpState::established, TcpState::close_wait, TcpState::fin_wait1, TcpState::closing,
                                TcpState::last_ack,    TcpState::fin_wait2,  TcpState::time_wait};

/// Parses an endpoint. Returns null if it makes no sense. An endpoint without a family is empty.
std::optional<Endpoint> endpoint_at(Bytes bytes, std::size_t offset)
{
    constexpr std::uint8_t inet = 2;
    constexpr std::uint8_t inet6 = 30;
    constexpr std::uint8_t inet_size = 16;
    const Bytes raw = bytes.subspan(offset, endpoint_size);
    const auto size = number_at<std::uint8_t>(raw, 0);
    const auto family = number_at<std::uint8_t>(raw, 1);
    if (size == 0 && family == 0) {
        return Endpoint{};
    }
    const bool is_v4 = family == inet && size == inet_size;
    if (!is_v4 && !(family == inet6 && size == endpoint_size)) {
        return std::nullopt;
    }
    const Address address = Address::from_bytes(is_v4 ? raw.subspan(4, 4) : raw.subspan(8, 16));
    const auto high = number_at<std::uint8_t>(raw, 2);
    const auto low = number_at<std::uint8_t>(raw, 3);
    return Endpoint{without_scope(address), static_cast<std::uint16_t>(high << 8 | low)};
}

std::variant<NtstatDescriptor, std::string_view> parse_descriptor(Bytes bytes, const DescriptorLayout& layout)
{
    constexpr std::uint32_t highest_pid = 999'999; // ten times as many as macOS has
    if (bytes.size() < layout.size) {
        return "it is too short";
    }
    const auto pid = number_at<std::uint32_t>(bytes, layout.pid);
    const auto local = endpoint_at(bytes, layout.local);
    const auto remote = endpoint_at(bytes, layout.remote);
    const auto state = layout.state ? number_at<std::uint32_t>(bytes, *layout.state) : 0;
    const auto* name = reinterpret_cast<const char*>(bytes.subspan(layout.name, name_size).data());
    const std::size_t length = ::strnlen(name, name_size);
    if (pid > highest_pid) {
        return "its pid is too large";
    }
    if (!local || !remote) {
        return "its addresses make no sense";
    }
    if (length == name_size) {
        return "the name of the process has no end";
    }
    if (state >= bsd_states.size()) {
        return "its state makes no sense";
    }
    NtstatDescriptor descriptor;
    descriptor.tuple = {layout.protocol, *local, *remote};
    if (remote->address.is_unspecified() && remote->port == 0) {
        descriptor.tuple.remote = {};
    }
    descriptor.state = layout.state ? bsd_states.at(state) : TcpState::established;
    descriptor.interface = number_at<std::uint32_t>(bytes, layout.interface);
    descriptor.pid = Pid{static_cast<std::int32_t>(pid)};
    descriptor.upid = number_at<std::uint64_t>(bytes, 0);
    descriptor.name.assign(name, length);
    descriptor.uid = Uid{number_at<std::uint32_t>(bytes, layout.uid)};
    return descriptor;
}

std::variant<NtstatDescriptor, std::string_view> descriptor_of(std::uint32_t provider, Bytes bytes)
{
    switch (static_cast<NtstatProvider>(provider)) {
    case NtstatProvider::tcp_kernel:
    case NtstatProvider::tcp_userland: return parse_descriptor(bytes, tcp_layout);
    case NtstatProvider::udp_kernel:
    case NtstatProvider::udp_userland: return parse_descriptor(bytes, udp_layout);
    case NtstatProvider::quic_userland: break;
    }
    return "it is of another protocol";
}

NtstatMessage parse_update(Bytes message)
{
    if (message.size() < update_size) {
        return NtstatGarbled{};
    }
    NtstatUpdate update;
    update.source = number_at<std::uint64_t>(message, 16);
    update.rx_bytes = number_at<std::uint64_t>(message, 40);
    update.tx_bytes = number_at<std::uint64_t>(message, 56);
    update.provider = number_at<std::uint32_t>(message, 144);
    update.is_last = (number_at<std::uint16_t>(message, 14) & closing_flag) != 0;
    update.descriptor = descriptor_of(update.provider, message.subspan(update_size));
    return update;
}

/// Decodes a message of which at least the header is there.
NtstatMessage decode(Bytes message)
{
    constexpr std::size_t with_source = header_size + sizeof(std::uint64_t);
    constexpr std::size_t with_provider = with_source + sizeof(std::uint32_t);
    constexpr std::size_t with_error = header_size + sizeof(std::uint32_t);
    const auto context = number_at<std::uint64_t>(message, 0);
    switch (number_at<std::uint32_t>(message, 8)) {
    case type::success: return NtstatSuccess{context, (number_at<std::uint16_t>(message, 14) & continuation_flag) != 0};
    case type::error:
        return message.size() < with_error ? NtstatMessage(NtstatGarbled{})
                                           : NtstatFailure{context, number_at<std::uint32_t>(message, header_size)};
    case type::source_added:
        return message.size() < with_provider ? NtstatMessage(NtstatGarbled{})
                                              : NtstatAdded{number_at<std::uint64_t>(message, header_size),
                                                            number_at<std::uint32_t>(message, with_source)};
    case type::source_removed:
        return message.size() < with_source ? NtstatMessage(NtstatGarbled{})
                                            : NtstatRemoved{number_at<std::uint64_t>(message, header_size)};
    case type::source_update:
    case type::source_extended_update: return parse_update(message);
    default: return NtstatOther{};
    }
}

/// Returns a request of a length, with its header.
std::vector<std::byte> make_request(std::uint32_t type, std::uint16_t length, std::uint64_t context)
{
    std::vector<std::byte> request(length);
    std::memcpy(request.data(), &context, sizeof context);
    std::memcpy(request.data() + 8, &type, sizeof type);
    std::memcpy(request.data() + 12, &length, sizeof length);
    return request;
}

} // namespace

std::optional<NtstatMessage> next_ntstat_message(Bytes& datagram)
{
    if (datagram.empty()) {
        return std::nullopt;
    }
    const std::size_t length = datagram.size() < header_size ? 0 : number_at<std::uint16_t>(datagram, 12);
    if (length < header_size || length > datagram.size()) {
        datagram = {};
        return NtstatGarbled{};
    }
    const Bytes message = datagram.first(length);
    datagram = datagram.subspan(length);
    return decode(message);
}

std::vector<std::byte> ntstat_subscription(NtstatProvider provider, std::uint64_t context)
{
    constexpr std::uint16_t length = 56; // header, filter 8, events 8, provider 4 @32, pid 4, UUID 16
    constexpr std::size_t provider_at = 32;
    std::vector<std::byte> request = make_request(type::add_all_sources, length, context);
    std::memcpy(request.data() + provider_at, &provider, sizeof provider);
    return request;
}

std::vector<std::byte> ntstat_query(std::uint64_t context)
{
    constexpr std::uint16_t length = 24; // header, source 8
    constexpr std::uint64_t all_sources = ~std::uint64_t{0};
    constexpr std::size_t flags_at = 14;
    std::vector<std::byte> request = make_request(type::get_update, length, context);
    std::memcpy(request.data() + flags_at, &continuation_flag, sizeof continuation_flag);
    std::memcpy(request.data() + header_size, &all_sources, sizeof all_sources);
    return request;
}

} // namespace socktally
