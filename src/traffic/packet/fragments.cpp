// SPDX-License-Identifier: MIT
#include "traffic/packet/fragments.hpp"

namespace socktally {

namespace {

constexpr std::size_t most_datagrams = 4096;
constexpr std::size_t most_early = 64; // a datagram of 64 KiB has 45 fragments of 1,500 bytes

/// A later fragment as if it had the headers of the first.
Packet completed(Packet later, const Packet& first)
{
    later.source.port = first.source.port;
    later.destination.port = first.destination.port;
    later.tcp = first.tcp;
    if (first.protocol == Protocol::tcp) {
        later.tcp.flags = 0; // the SYN was the first one's
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
