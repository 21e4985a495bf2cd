// SPDX-License-Identifier: MIT
// Messages of the kernel control com.apple.network.statistics, byte by byte as XNU's ntstat.h lays them out.
#pragma once

#include "model/flow.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace socktally::test {

using Message = std::vector<std::byte>;

template <typename Number>
void put(Message& message, std::size_t offset, Number number)
{
    std::memcpy(message.data() + offset, &number, sizeof number);
}

struct NtstatFlow {
    std::uint64_t source = 0;
    std::uint32_t provider = 2;
    Tuple tuple{};
    std::uint32_t pid = 77;
    std::uint64_t upid = 1077;
    std::string name = "server";
    std::uint32_t uid = 501;
    std::uint32_t state = 4; // TCPS_ESTABLISHED
    std::uint64_t rx = 0;
    std::uint64_t tx = 0;

    bool is_udp() const { return provider == 4 || provider == 5; }
};

inline Message header(std::size_t size, std::uint32_t type, std::uint16_t flags = 0, std::uint64_t context = 0)
{
    Message message(size);
    put(message, 0, context);
    put(message, 8, type);
    put(message, 12, static_cast<std::uint16_t>(size));
    put(message, 14, flags);
    return message;
}

inline Message success(std::uint64_t context, bool has_more = false)
{
    return header(16, 0, has_more ? 2 : 0, context);
}

inline Message failure(std::uint64_t context, std::uint32_t error)
{
    Message message = header(24, 1, 0, context);
    put(message, 16, error);
    return message;
}

inline Message added(const NtstatFlow& flow)
{
    Message message = header(32, 10001);
    put(message, 16, flow.source);
    put(message, 24, flow.provider);
    return message;
}

inline Message removed(std::uint64_t source)
{
    Message message = header(24, 10002);
    put(message, 16, source);
    return message;
}

inline void put_endpoint(Message& message, std::size_t offset, const Endpoint& endpoint)
{
    if (endpoint.address.family == Family::none) {
        return;
    }
    const bool is_v4 = endpoint.address.family == Family::v4;
    put(message, offset, static_cast<std::uint8_t>(is_v4 ? 16 : 28));
    put(message, offset + 1, static_cast<std::uint8_t>(is_v4 ? 2 : 30));
    put(message, offset + 2, static_cast<std::uint8_t>(endpoint.port >> 8));
    put(message, offset + 3, static_cast<std::uint8_t>(endpoint.port & 0xff));
    std::memcpy(message.data() + offset + (is_v4 ? 4 : 8), endpoint.address.bytes.data(), is_v4 ? 4 : 16);
}

/// An update with the descriptor of macOS 14: 344 bytes for TCP, 280 for UDP.
inline Message update(const NtstatFlow& flow, bool is_last = false)
{
    constexpr std::size_t before = 152;
    Message message = header(before + (flow.is_udp() ? 280 : 344), 10006, is_last ? 4 : 0);
    put(message, 16, flow.source);
    put(message, 32, std::uint64_t{111}); // packets
    put(message, 40, flow.rx);
    put(message, 48, std::uint64_t{222});
    put(message, 56, flow.tx);
    put(message, 144, flow.provider);
    put(message, before, flow.upid);
    put(message, before + (flow.is_udp() ? 112 : 72), std::uint32_t{6});
    if (!flow.is_udp()) {
        put(message, before + 76, flow.state);
    }
    put(message, before + (flow.is_udp() ? 128 : 116), flow.pid);
    put_endpoint(message, before + (flow.is_udp() ? 56 : 124), flow.tuple.local);
    put_endpoint(message, before + (flow.is_udp() ? 84 : 152), flow.tuple.remote);
    std::memcpy(message.data() + before + (flow.is_udp() ? 132 : 196), flow.name.data(),
                std::min<std::size_t>(flow.name.size(), 64));
    put(message, before + (flow.is_udp() ? 268 : 328), flow.uid);
    return message;
}

} // namespace socktally::test
