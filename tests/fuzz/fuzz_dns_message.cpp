// SPDX-License-Identifier: MIT
// A DNS message, whole and as the first fragment of a longer one.
#include "fuzz.hpp"
#include "traffic/dns/message.hpp"

#include <algorithm>

using namespace socktally;

namespace {

/// A name has at most 255 octets on the wire, of which each shows as at most 4 characters.
constexpr std::size_t longest_name = std::size_t{255} * 4;

bool is_shown_safely(std::string_view text)
{
    return text.size() <= longest_name &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

} // namespace

FUZZ_DRIVER(dns_message)
{
    const auto whole = parse_dns(input);
    const auto begun = parse_dns(input, false);
    require(!whole || begun);
    if (!begun) {
        return;
    }
    require(!whole || (whole->answers.size() == begun->answers.size() && whole->code == begun->code));
    require(begun->questions.size() <= DnsMessage::most_questions);
    require(begun->answers.size() <= DnsMessage::most_records);
    for (const DnsQuestion& question : begun->questions) {
        require(!question.name.empty() && is_shown_safely(question.name));
    }
    for (const DnsRecord& record : begun->answers) {
        require(!record.name.empty() && is_shown_safely(record.name) && is_shown_safely(record.data));
    }
}
