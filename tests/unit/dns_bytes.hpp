// SPDX-License-Identifier: MIT
// DNS messages made field by field, for tests.
#pragma once

#include "unit/frame_bytes.hpp"

#include <cstddef>
#include <string_view>

namespace socktally::test {

inline Bytes text_bytes(std::string_view text)
{
    const auto all = std::as_bytes(std::span(text));
    return {all.begin(), all.end()};
}

/// "www.example.org", without escapes.
inline Bytes dns_name(std::string_view text)
{
    Bytes name;
    while (!text.empty()) {
        const std::string_view label = text.substr(0, text.find('.'));
        name = name + bytes({static_cast<int>(label.size())}) + text_bytes(label);
        text.remove_prefix(std::min(label.size() + 1, text.size()));
    }
    return name + bytes({0});
}
inline Bytes pointer_to(std::size_t place) { return number16(0xc000 | place); }

inline Bytes dns_question(std::string_view name, std::size_t type)
{
    return dns_name(name) + number16(type) + number16(1);
}

inline Bytes dns_record(const Bytes& name, std::size_t type, std::size_t ttl, const Bytes& data)
{
    return name + number16(type) + number16(1) + number32(ttl) + number16(data.size()) + data;
}

struct DnsCounts {
    std::size_t questions = 1;
    std::size_t answers = 0;
    std::size_t authorities = 0;
    std::size_t additional = 0;
};
inline Bytes dns_message(std::size_t id, std::size_t flags, const DnsCounts& counts, const Bytes& rest)
{
    return number16(id) + number16(flags) + number16(counts.questions) + number16(counts.answers) +
           number16(counts.authorities) + number16(counts.additional) + rest;
}

inline constexpr std::size_t query_flags = 0x0100;
inline constexpr std::size_t answer_flags = 0x8180;
inline constexpr std::size_t truncated_flags = 0x8380;
inline constexpr std::size_t question_place = 12; // where the first question's name is

inline Bytes dns_query(std::size_t id, std::string_view name, std::size_t type)
{
    return dns_message(id, query_flags, {}, dns_question(name, type));
}

/// An answer with one address, or without any if `address` is empty.
inline Bytes dns_answer(std::size_t id, std::string_view name, std::size_t type, std::string_view address,
                        std::size_t flags = answer_flags)
{
    const bool is_empty = address.empty();
    return dns_message(
        id, flags, {1, is_empty ? 0U : 1U},
        dns_question(name, type) +
            (is_empty ? Bytes{} : dns_record(pointer_to(question_place), type, 60, address_bytes(address))));
}

} // namespace socktally::test
