// SPDX-License-Identifier: MIT
// Parses DNS messages (RFC 1035 4; EDNS is RFC 6891), as also mDNS and LLMNR have them. Pure. A message is hostile:
// each length is checked, a compression pointer only leads backwards, and no name is longer than RFC 1035 allows.
#pragma once

#include "model/lookup.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

struct DnsQuestion {
    std::string name; // escaped as in master files (RFC 1035 5.1), without the last dot; "." is the root
    RecordType type;
    std::uint16_t record_class = 0; // of mDNS without its highest bit
};

struct DnsRecord {
    std::string name;
    RecordType type;
    std::uint32_t ttl_s = 0;
    std::string data; // an address, or the name that the record refers to; empty for other types and for odd data
    std::optional<Address> address;
};

struct DnsMessage {
    static constexpr std::size_t most_questions = 32; // that are kept
    static constexpr std::size_t most_records = 64;   // answers that are kept; the others are only checked

    std::uint16_t id = 0;
    bool is_answer = false;
    bool is_truncated = false;  // all of it is to be had over TCP
    bool is_cut = false;        // its records are not all known: a first fragment, or a record that cannot be read
    bool is_referral = false;   // names other servers, which know the answer
    std::uint8_t operation = 0; // 0: a query
    std::uint16_t code = 0;     // the response code, with its extension by EDNS
    std::uint16_t authorities = 0;
    std::vector<DnsQuestion> questions;
    std::vector<DnsRecord> answers;
};

/// Returns null if this is no DNS message. `is_whole`: the bytes are the whole message; else they may end anywhere
/// after its questions.
std::optional<DnsMessage> parse_dns(std::span<const std::byte> bytes, bool is_whole = true);

} // namespace socktally
