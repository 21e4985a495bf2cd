// SPDX-License-Identifier: MIT
#include "model/lookup.hpp"

#include "util/sum.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace socktally {

namespace {

struct NumberName {
    std::uint16_t number;
    std::string_view name;
};

constexpr std::array record_types{
    NumberName{1, "A"},           NumberName{2, "NS"},      NumberName{5, "CNAME"},  NumberName{6, "SOA"},
    NumberName{12, "PTR"},        NumberName{13, "HINFO"},  NumberName{15, "MX"},    NumberName{16, "TXT"},
    NumberName{28, "AAAA"},       NumberName{29, "LOC"},    NumberName{33, "SRV"},   NumberName{35, "NAPTR"},
    NumberName{39, "DNAME"},      NumberName{43, "DS"},     NumberName{44, "SSHFP"}, NumberName{46, "RRSIG"},
    NumberName{47, "NSEC"},       NumberName{48, "DNSKEY"}, NumberName{50, "NSEC3"}, NumberName{51, "NSEC3PARAM"},
    NumberName{52, "TLSA"},       NumberName{53, "SMIMEA"}, NumberName{59, "CDS"},   NumberName{60, "CDNSKEY"},
    NumberName{61, "OPENPGPKEY"}, NumberName{64, "SVCB"},   NumberName{65, "HTTPS"}, NumberName{99, "SPF"},
    NumberName{251, "IXFR"},      NumberName{252, "AXFR"},  NumberName{255, "ANY"},  NumberName{256, "URI"},
    NumberName{257, "CAA"},
};

constexpr std::array response_codes{
    NumberName{0, "NOERROR"},    NumberName{1, "FORMERR"}, NumberName{2, "SERVFAIL"}, NumberName{3, "NXDOMAIN"},
    NumberName{4, "NOTIMP"},     NumberName{5, "REFUSED"}, NumberName{6, "YXDOMAIN"}, NumberName{7, "YXRRSET"},
    NumberName{8, "NXRRSET"},    NumberName{9, "NOTAUTH"}, NumberName{10, "NOTZONE"}, NumberName{16, "BADVERS"},
    NumberName{23, "BADCOOKIE"},
};

/// Returns the name of the number, or else `prefix` with the number.
template <typename Names>
std::string name_of(std::uint16_t number, const Names& names, std::string_view prefix)
{
    const auto found =
        std::find_if(names.begin(), names.end(), [=](const NumberName& each) { return each.number == number; });
    return found != names.end() ? std::string(found->name) : fmt::format("{}{}", prefix, number);
}

template <typename T>
void keep_if_common(std::optional<T>& value, const std::optional<T>& other)
{
    if (value != other) {
        value.reset();
    }
}

} // namespace

std::string to_string(RecordType type) { return name_of(type.number, record_types, "TYPE"); }

std::string in_lower_case(std::string_view name)
{
    std::string lower(name);
    std::transform(name.begin(), name.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return lower;
}

bool is_same_name(std::string_view a, std::string_view b)
{
    return a == b || (a.size() == b.size() && in_lower_case(a) == in_lower_case(b));
}

std::string_view to_string(NameService service)
{
    switch (service) {
    case NameService::mdns: return "mdns";
    case NameService::llmnr: return "llmnr";
    case NameService::dns: break;
    }
    return "dns";
}

std::string to_string(LookupOutcome outcome)
{
    switch (outcome.kind) {
    case LookupOutcome::Kind::empty: return "empty";
    case LookupOutcome::Kind::timeout: return "timeout";
    default: return name_of(outcome.code, response_codes, "RCODE");
    }
}

void NameLookups::add(const NameLookups& more)
{
    if (query && !(more.query && is_same_name(*query, *more.query))) {
        query.reset();
    }
    keep_if_common(query_type, more.query_type);
    keep_if_common(resolver, more.resolver);
    keep_if_common(resolver_port, more.resolver_port);
    keep_if_common(service, more.service);
    lookups = sum(lookups, more.lookups);
    answered = sum(answered, more.answered);
    failed = sum(failed, more.failed);
    retries = sum(retries, more.retries);
    outcome = std::max(outcome, more.outcome); // null is less than any
    for (const std::string& answer : more.answers) {
        if (answers.size() < most_answers && std::find(answers.begin(), answers.end(), answer) == answers.end()) {
            answers.push_back(answer);
        }
    }
    if (more.ttl_s && (!ttl_s || *more.ttl_s < *ttl_s)) {
        ttl_s = more.ttl_s;
    }
    times_us.insert(times_us.end(), more.times_us.begin(), more.times_us.end());
}

std::optional<std::uint64_t> NameLookups::median_us() const
{
    if (times_us.empty()) {
        return std::nullopt;
    }
    std::vector<std::uint32_t> times = times_us;
    const auto middle = times.begin() + static_cast<std::ptrdiff_t>((times.size() - 1) / 2);
    std::nth_element(times.begin(), middle, times.end());
    return *middle;
}

std::optional<std::uint64_t> NameLookups::longest_us() const
{
    const auto longest = std::max_element(times_us.begin(), times_us.end());
    return longest != times_us.end() ? std::optional<std::uint64_t>(*longest) : std::nullopt;
}

} // namespace socktally
