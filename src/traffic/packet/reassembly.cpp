// SPDX-License-Identifier: MIT
#include "traffic/packet/reassembly.hpp"

#include <algorithm>
#include <chrono>

namespace socktally {

namespace {

/// The largest receive window, in bytes (RFC 7323). A segment that is farther ahead does not belong to the connection.
constexpr std::int64_t farthest = std::int64_t{1} << 30;

/// At a loss of 5%, a receive window of 2,000 segments has about a hundred holes.
constexpr std::size_t most_holes = 512;

} // namespace

/// Begins the stream at a sequence number. Positions have 64 bits. They begin at 2^32 or higher, so that bytes before
/// the first captured byte have positions too.
void SequenceSpace::begin_at(std::uint32_t sequence)
{
    next_ = (std::uint64_t{1} << 32) + sequence;
    start_ = next_;
    holes_.clear();
}

std::uint64_t SequenceSpace::position_of(std::uint32_t sequence) const
{
    const auto distance = static_cast<std::int32_t>(sequence - static_cast<std::uint32_t>(next_));
    return next_ + static_cast<std::uint64_t>(std::int64_t{distance});
}

std::uint64_t SequenceSpace::add(const TcpHeader& header, std::uint32_t payload_bytes)
{
    if ((header.flags & TcpHeader::rst) != 0) {
        return 0; // the data of a RST is an error text, not part of the stream (RFC 9293 3.5.3)
    }
    std::uint32_t sequence = header.sequence;
    if ((header.flags & TcpHeader::syn) != 0) {
        ++sequence; // the first byte has the sequence number after that of the SYN
        if (next_ == 0 || sequence != static_cast<std::uint32_t>(start_)) {
            begin_at(sequence); // a new connection
        }
    } else if (next_ == 0) {
        begin_at(sequence);
    }
    if (payload_bytes == 0) {
        return 0;
    }
    const std::uint64_t begin = position_of(sequence);
    const std::uint64_t end = begin + payload_bytes;
    if (static_cast<std::int64_t>(begin - next_) > farthest) {
        return 0;
    }
    std::uint64_t fresh = 0;
    if (begin < next_) {
        fresh = fill(begin, std::min(end, next_));
    } else if (begin > next_) {
        open_hole(next_, begin);
    }
    if (end > next_) {
        fresh += end - std::max(begin, next_);
        next_ = end;
    }
    return fresh;
}

/// Removes [begin, end) from the holes. Returns how many of these bytes were in a hole.
std::uint64_t SequenceSpace::fill(std::uint64_t begin, std::uint64_t end)
{
    std::uint64_t filled = 0;
    auto hole = std::find_if(holes_.begin(), holes_.end(), [=](const Hole& each) { return each.end > begin; });
    while (hole != holes_.end() && hole->begin < end) {
        const Hole part{std::max(begin, hole->begin), std::min(end, hole->end)};
        const Hole whole = *hole;
        filled += part.end - part.begin;
        hole = holes_.erase(hole);
        if (part.end < whole.end) {
            hole = holes_.insert(hole, {part.end, whole.end});
        }
        if (whole.begin < part.begin) {
            hole = holes_.insert(hole, {whole.begin, part.begin}) + 1;
        }
    }
    return filled;
}

void SequenceSpace::open_hole(std::uint64_t begin, std::uint64_t end)
{
    if (holes_.size() >= most_holes) {
        holes_.erase(holes_.begin());
        ++forgotten_;
    }
    holes_.push_back({begin, end});
}

namespace {

constexpr std::size_t most_datagrams = 4096;
constexpr std::size_t most_early = 64; // per datagram; 64 KiB have 45 fragments of 1,500 bytes
/// The kernel drops an incomplete datagram after this time (IP_FRAG_TIME). Then the id of the datagram may be used
/// again.
constexpr auto longest_life = std::chrono::seconds(30);

/// Returns a later fragment with the ports of the first fragment. For TCP, also sets the sequence number of its first
/// byte.
Packet completed(Packet later, const Packet& first)
{
    later.source.port = first.source.port;
    later.destination.port = first.destination.port;
    later.tcp = first.tcp;
    if (first.protocol == Protocol::tcp) {
        later.tcp.flags = 0; // the flags count for the first fragment only
        const std::uint32_t syn = (first.tcp.flags & TcpHeader::syn) != 0 ? 1 : 0;
        later.tcp.sequence = first.tcp.sequence + syn + later.fragment->offset - first.header_bytes;
    }
    return later;
}

} // namespace

std::size_t Fragments::KeyHash::operator()(const Key& key) const
{
    Hash hash(seed);
    hash.add(key.source);
    hash.add(key.destination);
    hash.add(std::uint64_t{key.id} << 8 | static_cast<std::uint64_t>(key.protocol));
    return hash.value();
}

Fragments::Datagram& Fragments::datagram_of(const Key& key)
{
    const auto [entry, is_new] = datagrams_.try_emplace(key);
    if (is_new) {
        order_.push_back(key);
        if (order_.size() > most_datagrams) {
            const auto oldest = datagrams_.find(order_.front());
            given_up_ += oldest->second.is_old ? 0 : oldest->second.early.size();
            forget_early(oldest->second);
            datagrams_.erase(oldest);
            order_.pop_front();
        }
    }
    return entry->second;
}

void Fragments::forget_early(Datagram& datagram)
{
    waiting_ -= datagram.is_old ? 0 : datagram.early.size();
    datagram.early.clear();
}

void Fragments::next_window()
{
    for (auto& [key, datagram] : datagrams_) {
        if (datagram.is_old) {
            datagram.early.clear();
        }
        datagram.is_old = true;
    }
    waiting_ = 0;
    given_up_ = 0;
}

void Fragments::add(const Packet& fragment, const std::function<void(const Packet&)>& take)
{
    Datagram& datagram =
        datagram_of({fragment.protocol, fragment.source.address, fragment.destination.address, fragment.fragment->id});
    if (datagram.first && fragment.time > datagram.first->time + longest_life) {
        datagram.first.reset();
    }
    if (!datagram.early.empty() && fragment.time > datagram.early.front().time + longest_life) {
        given_up_ += datagram.is_old ? 0 : datagram.early.size();
        forget_early(datagram);
    }
    if (!fragment.is_later_fragment()) {
        datagram.first = fragment;
        take(fragment);
        for (const Packet& early : datagram.early) {
            take(completed(early, fragment));
        }
        forget_early(datagram);
    } else if (datagram.first) {
        take(completed(fragment, *datagram.first));
    } else if (datagram.early.size() < most_early) {
        datagram.early.push_back(fragment);
        waiting_ += datagram.is_old ? 0 : 1;
    } else {
        ++given_up_;
    }
}

} // namespace socktally
