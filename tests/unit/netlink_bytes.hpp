// SPDX-License-Identifier: MIT
// Netlink messages made by hand: headers, attributes, and inet_diag messages with them.
#pragma once

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/tcp.h>
#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace socktally::test {

using Bytes = std::vector<std::byte>;

inline Bytes bytes_of(std::string_view text)
{
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

inline std::string text_of(std::span<const std::byte> bytes)
{
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <typename Value>
Bytes value_bytes(const Value& value)
{
    Bytes bytes(sizeof value);
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
}

inline void append(Bytes& bytes, const Bytes& more) { bytes.insert(bytes.end(), more.begin(), more.end()); }

template <typename Value>
void put(Bytes& bytes, std::size_t offset, const Value& value)
{
    std::memcpy(bytes.data() + offset, &value, sizeof value);
}

enum class Padding : std::uint8_t { none, aligned };

inline void align(Bytes& bytes) { bytes.resize((bytes.size() + 3) & ~std::size_t{3}); }

inline Bytes message_bytes(std::uint16_t type, std::uint32_t sequence, const Bytes& payload,
                           Padding padding = Padding::aligned)
{
    nlmsghdr header{};
    header.nlmsg_len = static_cast<std::uint32_t>(sizeof header + payload.size());
    header.nlmsg_type = type;
    header.nlmsg_seq = sequence;
    Bytes bytes = value_bytes(header);
    append(bytes, payload);
    if (padding == Padding::aligned) {
        align(bytes);
    }
    return bytes;
}

inline Bytes attribute_bytes(std::uint16_t type, const Bytes& payload)
{
    nlattr header{};
    header.nla_len = static_cast<std::uint16_t>(sizeof header + payload.size());
    header.nla_type = type;
    Bytes bytes = value_bytes(header);
    append(bytes, payload);
    align(bytes);
    return bytes;
}

/// An inet_diag message of an established v4 connection, 10.0.0.1:40000 to 10.0.0.2:443, as the kernel would write it.
inline inet_diag_msg diag_header()
{
    inet_diag_msg message{};
    message.idiag_family = AF_INET;
    message.idiag_state = 1;
    message.id.idiag_sport = htons(40000);
    message.id.idiag_dport = htons(443);
    message.id.idiag_src[0] = htonl(0x0a000001);
    message.id.idiag_dst[0] = htonl(0x0a000002);
    message.id.idiag_cookie[0] = 0x89abcdef;
    message.id.idiag_cookie[1] = 0x01234567;
    message.idiag_inode = 4711;
    message.id.idiag_if = 5;
    message.idiag_uid = 1000;
    message.idiag_rqueue = 11;
    message.idiag_wqueue = 22;
    return message;
}

inline tcp_info diag_info()
{
    tcp_info info{};
    info.tcpi_bytes_acked = 1001;
    info.tcpi_bytes_received = 500;
    info.tcpi_segs_out = 31;
    info.tcpi_segs_in = 32;
    info.tcpi_data_segs_in = 33;
    info.tcpi_notsent_bytes = 34;
    info.tcpi_last_data_sent = 36;
    info.tcpi_last_data_recv = 35;
    info.tcpi_last_ack_recv = 37;
    info.tcpi_bytes_sent = 1300;
    info.tcpi_bytes_retrans = 300;
    return info;
}

/// The payload of a message: `header` and then `attributes` as they are.
inline Bytes diag_bytes(const inet_diag_msg& header, const Bytes& attributes = {})
{
    Bytes bytes = value_bytes(header);
    append(bytes, attributes);
    return bytes;
}

} // namespace socktally::test
