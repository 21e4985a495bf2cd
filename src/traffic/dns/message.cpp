// SPDX-License-Identifier: MIT
#include "traffic/dns/message.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace socktally {

namespace {

enum class Found : std::uint8_t { whole, cut, malformed };

constexpr std::uint16_t type_a = 1;
constexpr std::uint16_t type_ns = 2;
constexpr std::uint16_t type_cname = 5;
constexpr std::uint16_t type_soa = 6;
constexpr std::uint16_t type_ptr = 12;
constexpr std::uint16_t type_mx = 15;
constexpr std::uint16_t type_aaaa = 28;
constexpr std::uint16_t type_srv = 33;
constexpr std::uint16_t type_dname = 39;
constexpr std::uint16_t type_opt = 41;

/// Adds a byte of a label as master files show it.
void append_escaped(std::string& name, std::uint8_t byte)
{
    constexpr std::string_view special = "\\.\"();@$,";
    const bool is_printable = byte > ' ' && byte < 0x7f;
    if (!is_printable) {
        name += fmt::format("\\{:03}", byte);
        return;
    }
    if (special.find(static_cast<char>(byte)) != special.npos) {
        name += '\\';
    }
    name += static_cast<char>(byte);
}

/// Reads a message from its beginning on. Compression pointers lead to any earlier place in it.
class Reader {
public:
    explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

    std::size_t place() const { return place_; }
    bool has(std::size_t size) const { return size <= bytes_.size() - place_; }
    void skip(std::size_t size) { place_ += size; }
    void go_to(std::size_t place) { place_ = place; }
    std::uint8_t byte_at(std::size_t place) const { return std::to_integer<std::uint8_t>(bytes_[place]); }
    std::uint16_t word() // has() must have said that there are two bytes
    {
        place_ += 2;
        return static_cast<std::uint16_t>(byte_at(place_ - 2) << 8 | byte_at(place_ - 1));
    }
    std::uint32_t number()
    {
        const std::uint32_t high = word();
        return high << 16 | word();
    }
    std::span<const std::byte> take(std::size_t size)
    {
        place_ += size;
        return bytes_.subspan(place_ - size, size);
    }

    /// Reads a name, which ends at `end` at the latest unless a pointer leads elsewhere. `text`: null if the name is
    /// only skipped.
    Found name(std::string* text, std::size_t end);

private:
    std::span<const std::byte> bytes_;
    std::size_t place_ = 0;
};

/// Each pointer must lead to before the part that it ends, so the loop ends.
Found Reader::name(std::string* text, std::size_t end)
{
    constexpr unsigned pointer = 0xc0;
    constexpr std::size_t longest = 255; // octets on the wire, the root's included
    std::size_t place = place_;
    std::size_t begin = place_; // of the part that is being read
    std::size_t length = 1;
    constexpr int most_pointers = 127; // as many labels as a name can have
    int pointers = 0;
    std::optional<std::size_t> after; // the first pointer
    while (true) {
        if (place >= end) {
            return after ? Found::malformed : Found::cut;
        }
        const std::size_t size = byte_at(place);
        if (size == 0) {
            ++place;
            break;
        }
        if ((size & pointer) == pointer) {
            if (place + 2 > end) {
                return after ? Found::malformed : Found::cut;
            }
            const std::size_t to = (size & ~std::size_t{pointer}) << 8 | byte_at(place + 1);
            after = after.value_or(place + 2);
            if (to >= begin || ++pointers > most_pointers) {
                return Found::malformed;
            }
            place = begin = to;
            end = bytes_.size();
            if (text == nullptr) {
                break;
            }
            continue;
        }
        length += 1 + size;
        if ((size & pointer) != 0 || length > longest) {
            return Found::malformed;
        }
        if (place + 1 + size > end) {
            return after ? Found::malformed : Found::cut;
        }
        if (text != nullptr) {
            *text += text->empty() ? "" : ".";
            for (std::size_t i = 1; i <= size; ++i) {
                append_escaped(*text, byte_at(place + i));
            }
        }
        place += 1 + size;
    }
    if (text != nullptr && text->empty()) {
        *text = ".";
    }
    place_ = after.value_or(place);
    return Found::whole;
}

/// Reads the data of a record that is shown: an address, or a name after `before` bytes. Odd data is left out.
void read_data(Reader& reader, std::size_t size, DnsRecord& record)
{
    const std::size_t end = reader.place() + size;
    const auto name_after = [&](std::size_t before) {
        reader.skip(std::min(before, size));
        if (reader.name(&record.data, end) != Found::whole || reader.place() != end) {
            record.data.clear();
        }
    };
    constexpr std::size_t v4_size = 4;
    constexpr std::size_t v6_size = 16;
    switch (record.type.number) {
    case type_a:
    case type_aaaa:
        if (size == (record.type.number == type_a ? v4_size : v6_size)) {
            record.address = Address::from_bytes(reader.take(size));
            record.data = to_string(*record.address);
        }
        break;
    case type_ns:
    case type_cname:
    case type_ptr:
    case type_dname: name_after(0); break;
    case type_mx: name_after(2); break;
    case type_srv: name_after(6); break;
    default: break;
    }
    reader.go_to(end);
}

/// Reads a record, without its name and data unless `is_kept`. `extension` becomes the upper bits of the response code
/// if this is the record of EDNS.
Found read_record(Reader& reader, std::size_t whole, bool is_kept, DnsRecord& record, std::uint16_t& extension)
{
    constexpr std::size_t head = 10;
    if (const Found found = reader.name(is_kept ? &record.name : nullptr, whole); found != Found::whole) {
        return found;
    }
    if (!reader.has(head)) {
        return Found::cut;
    }
    record.type = {reader.word()};
    reader.skip(2);
    record.ttl_s = reader.number();
    const std::size_t size = reader.word();
    if (!reader.has(size)) {
        return Found::cut;
    }
    if (record.type.number == type_opt) {
        extension = static_cast<std::uint16_t>(record.ttl_s >> 24);
    }
    if (is_kept) {
        read_data(reader, size, record);
    } else {
        reader.skip(size);
    }
    return Found::whole;
}

Found read_questions(Reader& reader, std::size_t whole, std::size_t count, std::vector<DnsQuestion>& questions)
{
    constexpr std::uint16_t class_mask = 0x7fff; // mDNS: the other bit asks for a unicast response
    for (std::size_t i = 0; i < count; ++i) {
        DnsQuestion question;
        const bool is_kept = questions.size() < DnsMessage::most_questions;
        if (const Found found = reader.name(is_kept ? &question.name : nullptr, whole); found != Found::whole) {
            return found;
        }
        if (!reader.has(4)) {
            return Found::cut;
        }
        question.type = {reader.word()};
        question.record_class = reader.word() & class_mask;
        if (is_kept) {
            questions.push_back(std::move(question));
        }
    }
    return Found::whole;
}

} // namespace

std::optional<DnsMessage> parse_dns(std::span<const std::byte> bytes, bool is_whole)
{
    constexpr std::size_t head = 12;
    constexpr unsigned answer_flag = 0x8000;
    constexpr unsigned authoritative_flag = 0x0400;
    constexpr unsigned truncated_flag = 0x0200;
    constexpr unsigned extended = 4; // bits of the response code that are in the head
    Reader reader(bytes);
    if (!reader.has(head)) {
        return std::nullopt;
    }
    DnsMessage message;
    message.id = reader.word();
    const std::uint16_t flags = reader.word();
    message.is_answer = (flags & answer_flag) != 0;
    message.is_truncated = (flags & truncated_flag) != 0;
    message.operation = static_cast<std::uint8_t>(flags >> 11 & 0x0f);
    message.code = flags & 0x0f;
    const std::size_t questions = reader.word();
    const std::size_t answers = reader.word();
    message.authorities = reader.word();
    const std::size_t records = answers + message.authorities + reader.word();
    if (read_questions(reader, bytes.size(), questions, message.questions) != Found::whole) {
        return std::nullopt;
    }
    bool has_servers = false;
    bool has_authority = (flags & authoritative_flag) != 0;
    std::uint16_t extension = 0;
    for (std::size_t i = 0; i < records; ++i) {
        DnsRecord record;
        const bool is_kept = i < answers && message.answers.size() < DnsMessage::most_records;
        if (const Found found = read_record(reader, bytes.size(), is_kept, record, extension); found != Found::whole) {
            if (found == Found::cut && is_whole && !message.is_truncated) {
                return std::nullopt;
            }
            message.is_cut = true;
            return message;
        }
        if (i >= answers && i < answers + message.authorities) {
            has_servers = has_servers || record.type.number == type_ns;
            has_authority = has_authority || record.type.number == type_soa;
        }
        if (is_kept && record.type.number != type_opt) {
            message.answers.push_back(std::move(record));
        }
    }
    message.is_referral = answers == 0 && has_servers && !has_authority;
    message.code = static_cast<std::uint16_t>(extension << extended | message.code);
    return message;
}

} // namespace socktally
