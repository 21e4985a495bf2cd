// SPDX-License-Identifier: MIT
// DNS look-ups as plain data: one of them, or the sum of several.
#pragma once

#include "model/address.hpp"

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

/// The type of a resource record, by its number in IANA's registry of DNS parameters.
struct RecordType {
    std::uint16_t number = 0;
    auto operator<=>(const RecordType&) const = default;
};
std::string to_string(RecordType type); // "AAAA"; "TYPE65280" if the type has no name here

/// Names are compared without case, which only ASCII letters have (RFC 4343).
std::string in_lower_case(std::string_view name);
bool is_same_name(std::string_view a, std::string_view b);

/// The protocol that was spoken, by its port: 53, 5353 (RFC 6762), 5355 (RFC 4795).
enum class NameService : std::uint8_t { dns, mdns, llmnr };
std::string_view to_string(NameService service); // "dns"

/// How a look-up ended. Worse outcomes are greater.
struct LookupOutcome {
    enum class Kind : std::uint8_t {
        found,
        empty,   // the name exists, but has no record of this type
        no_name, // NXDOMAIN
        error,   // any other response code
        timeout, // no answer
    };
    Kind kind = Kind::found;
    std::uint16_t code = 0; // the response code (RFC 6895 2.3), with its extension by EDNS

    bool is_failure() const { return kind >= Kind::error; }
    auto operator<=>(const LookupOutcome&) const = default;
};
std::string to_string(LookupOutcome outcome); // "NOERROR", "empty", "SERVFAIL", "RCODE3841", "timeout"

/// One look-up or several. A field that is not a sum is set if all of them have the same value, else null.
struct NameLookups {
    static constexpr std::size_t most_answers = 64; // that are kept of all look-ups together

    std::optional<std::string> query; // the name as asked, escaped as in master files, without the last dot
    std::optional<RecordType> query_type;
    std::optional<Address> resolver;
    std::optional<std::uint16_t> resolver_port;
    std::optional<NameService> service;
    std::uint64_t lookups = 0;
    std::uint64_t answered = 0;
    std::uint64_t failed = 0;
    std::uint64_t retries = 0;
    std::optional<LookupOutcome> outcome; // the worst; null if no look-up has ended yet
    std::vector<std::string> answers;     // different ones, in the order in which they came
    std::optional<std::uint32_t> ttl_s;   // the smallest of all answers
    std::vector<std::uint32_t> times_us;  // from the first query to the answer

    /// Adds other look-ups.
    void add(const NameLookups& more);
    std::optional<std::uint64_t> median_us() const; // the lower one of two
    std::optional<std::uint64_t> longest_us() const;
    auto operator<=>(const NameLookups&) const = default;
};

/// A look-up in a sample.
struct SampleLookup {
    /// A truncated answer is followed by a query over TCP within this time.
    static constexpr std::chrono::seconds follow_up{2};

    std::size_t flow = 0;              // index in Sample::flows: the socket that asked
    std::chrono::nanoseconds asked{0}; // since the epoch
    /// When an answer came that says that all of it is to be had over TCP, since the epoch; 0: none did.
    std::chrono::nanoseconds truncated{0};
    std::vector<Address> addresses;    // to which the name leads, over aliases
    std::shared_ptr<NameLookups> what; // never null
};

} // namespace socktally
