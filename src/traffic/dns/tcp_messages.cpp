// SPDX-License-Identifier: MIT
#include "traffic/dns/tcp_messages.hpp"

#include <algorithm>
#include <utility>

namespace socktally {

namespace {

/// Sequence numbers wrap round: those up to 2^31 ahead are later.
constexpr std::uint32_t half = std::uint32_t{1} << 31;

} // namespace

void TcpMessages::begin(std::uint32_t sequence)
{
    *this = {};
    has_begun_ = true;
    next_ = sequence + 1;
}

void TcpMessages::add(std::uint32_t sequence, std::span<const std::byte> payload, const Take& take)
{
    if (is_lost_ || payload.empty()) {
        return;
    }
    if (!std::exchange(has_begun_, true)) {
        next_ = sequence;
    }
    const std::uint32_t ahead = sequence - next_;
    if (ahead != 0 && ahead < half) {
        auto& early = early_[sequence];
        if (early.size() < payload.size()) {
            early_bytes_ += payload.size() - early.size();
            early.assign(payload.begin(), payload.end());
        }
    } else {
        append(sequence, payload);
        give(take);
    }
    if (bytes() > most_bytes || early_.size() > most_early) {
        lose();
    }
}

void TcpMessages::lose()
{
    is_lost_ = true;
    stream_.clear();
    early_.clear();
    early_bytes_ = 0;
}

/// Adds the part of the segment that is new, and then those that came too early, as far as nothing is missing.
void TcpMessages::append(std::uint32_t sequence, std::span<const std::byte> payload)
{
    const auto add_new = [&](std::uint32_t first, std::span<const std::byte> bytes) {
        const std::uint32_t known = next_ - first;
        if (known < half && known < bytes.size()) {
            stream_.insert(stream_.end(), bytes.begin() + known, bytes.end());
            next_ += static_cast<std::uint32_t>(bytes.size()) - known;
        }
    };
    add_new(sequence, payload);
    for (auto early = early_.begin(); early != early_.end();) {
        const std::uint32_t ahead = early->first - next_;
        if (ahead != 0 && ahead < half) {
            ++early;
            continue;
        }
        add_new(early->first, early->second);
        early_bytes_ -= early->second.size();
        early_.erase(early);
        early = early_.begin(); // the map is in the order of numbers, which wrap round
    }
}

void TcpMessages::give(const Take& take)
{
    constexpr std::size_t head = 2;
    std::span<const std::byte> rest(stream_);
    while (rest.size() >= head) {
        const std::size_t size = std::to_integer<std::size_t>(rest[0]) << 8 | std::to_integer<std::size_t>(rest[1]);
        if (rest.size() - head < size) {
            break;
        }
        take(rest.subspan(head, size));
        rest = rest.subspan(head + size);
    }
    stream_.erase(stream_.begin(), stream_.end() - static_cast<std::ptrdiff_t>(rest.size()));
}

bool DnsStreams::add(const Tuple& asker, Side side, const Segment& segment, const TcpMessages::Take& take)
{
    auto entry = connections_.find(asker);
    if (entry == connections_.end()) {
        if (side == Side::answer || (!segment.is_syn && segment.payload.empty())) {
            return false;
        }
        if (connections_.size() >= most) {
            drop_older_half();
        }
        entry = connections_.try_emplace(asker).first;
    }
    Connection& connection = entry->second;
    TcpMessages& stream = side == Side::query ? connection.queries : connection.answers;
    connection.used = segment.time;
    const std::size_t before = stream.bytes();
    if (segment.is_syn) {
        stream.begin(segment.sequence);
    }
    if (!segment.is_whole) {
        stream.lose();
    }
    stream.add(segment.sequence + (segment.is_syn ? 1 : 0), segment.payload, take);
    if (bytes_ - before + stream.bytes() > most_bytes) {
        stream.lose();
    }
    bytes_ += stream.bytes() - before;
    if (stream.is_lost() && !connection.is_lost) {
        connection.is_lost = true;
        ++lost_;
    }
    if (segment.ends && side == Side::answer && stream.bytes() == 0) {
        bytes_ -= connection.queries.bytes();
        connections_.erase(entry);
    }
    return true;
}

/// Drops half of the connections at once, so that a new one costs little on average.
void DnsStreams::drop_older_half()
{
    std::vector<std::chrono::nanoseconds> times;
    for (const auto& [asker, connection] : connections_) {
        times.push_back(connection.used);
    }
    const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
    std::nth_element(times.begin(), middle, times.end());
    std::erase_if(connections_, [&, limit = *middle](const auto& entry) {
        const Connection& connection = entry.second;
        const std::size_t waiting = connection.queries.bytes() + connection.answers.bytes();
        const bool is_dropped = connection.used <= limit;
        bytes_ -= is_dropped ? waiting : 0;
        lost_ += is_dropped && waiting != 0 ? 1 : 0;
        return is_dropped;
    });
}

} // namespace socktally
