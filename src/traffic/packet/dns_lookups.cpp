// SPDX-License-Identifier: MIT
#include "traffic/packet/dns_lookups.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <limits>
#include <optional>
#include <unordered_map>
#include <utility>

namespace socktally {

namespace {

constexpr std::uint16_t mdns_port = 5353;
constexpr std::uint16_t llmnr_port = 5355;
constexpr std::size_t most_of_group = 256;
constexpr RecordType any_type{255};

NameService service_of(std::uint16_t port)
{
    return port == mdns_port ? NameService::mdns : port == llmnr_port ? NameService::llmnr : NameService::dns;
}

/// Returns whether a record of type `type` answers a question for `asked`.
bool answers_type(RecordType type, RecordType asked)
{
    constexpr std::uint16_t first_of_many = 251; // IXFR, AXFR, MAILB, MAILA and ANY ask for several types
    return type == asked || (asked.number >= first_of_many && asked.number <= any_type.number);
}

bool answers(const DnsRecord& record, const DnsQuestion& question)
{
    return answers_type(record.type, question.type) && is_same_name(record.name, question.name);
}

LookupOutcome outcome_of(const DnsMessage& message, RecordType asked)
{
    constexpr std::uint16_t no_name = 3;
    if (message.code != 0) {
        return {message.code == no_name ? LookupOutcome::Kind::no_name : LookupOutcome::Kind::error, message.code};
    }
    const bool is_short = message.is_cut || message.is_truncated; // the record may be in the rest
    const bool is_found = is_short || message.is_referral ||
                          std::any_of(message.answers.begin(), message.answers.end(),
                                      [&](const DnsRecord& record) { return answers_type(record.type, asked); });
    return {is_found ? LookupOutcome::Kind::found : LookupOutcome::Kind::empty, 0};
}

/// Returns the addresses to which `name` leads, over the aliases among the records. Records of other names are not
/// used, because any resolver could add them.
std::vector<Address> addresses_of(const std::string& name, const std::vector<DnsRecord>& records)
{
    constexpr RecordType alias{5};
    std::vector<Address> addresses;
    const std::string* current = &name;
    for (std::size_t links = 0; current != nullptr && links <= records.size(); ++links) {
        const std::string* next = nullptr;
        for (const DnsRecord& record : records) {
            if (!is_same_name(record.name, *current)) {
                continue;
            }
            if (record.address) {
                addresses.push_back(*record.address);
            } else if (record.type == alias && !record.data.empty()) {
                next = &record.data;
            }
        }
        current = next;
    }
    return addresses;
}

} // namespace

const Address& DnsLookups::docker_address()
{
    static const Address address = parse_address("127.0.0.11").value();
    return address;
}

void DnsLookups::RecentQueries::age(Instant time)
{
    constexpr std::chrono::seconds span(1);
    constexpr std::size_t most = 65'536;
    if (time - turned_ > span || newer_.size() > most) {
        older_ = std::exchange(newer_, {});
        if (time - turned_ > 2 * span) {
            older_.clear();
        }
        turned_ = time;
    }
}

std::size_t DnsLookups::RecentQueries::hash(const DnsMessage& message, const DnsQuestion& question) const
{
    const std::size_t rest = (std::size_t{message.id} << 16 | question.type.number) * 0x9e3779b97f4a7c15U;
    return std::hash<std::string>()(in_lower_case(question.name)) ^ rest ^ seed_;
}

void DnsLookups::RecentQueries::add(const DnsMessage& message, const DnsQuestion& question, Instant time)
{
    age(time);
    newer_.insert(hash(message, question));
}

bool DnsLookups::RecentQueries::has(const DnsMessage& message, const DnsQuestion& question, Instant time)
{
    age(time);
    const std::size_t wanted = hash(message, question);
    return newer_.contains(wanted) || older_.contains(wanted);
}

DnsLookups::~DnsLookups()
{
    for (const auto& [question, asked] : open_) {
        forget(asked);
    }
    for (const auto& node : ended_) {
        forget(node.mapped());
    }
}

bool DnsLookups::is_redirected(const Endpoint& endpoint) const
{
    return endpoint.address == docker_address() &&
           std::find(redirected_.begin(), redirected_.end(), endpoint.port) != redirected_.end();
}

bool DnsLookups::is_resolver(const Endpoint& endpoint) const
{
    return std::find(ports.begin(), ports.end(), endpoint.port) != ports.end() || is_redirected(endpoint);
}

/// Returns the destinations of queries that an answer from this source may answer: the source, a group, whose members
/// answer from their own addresses, or a redirected port.
std::vector<Endpoint> DnsLookups::asked_for(const Endpoint& source) const
{
    static const std::array<Address, 2> mdns{parse_address("224.0.0.251").value(), parse_address("ff02::fb").value()};
    static const std::array<Address, 2> llmnr{parse_address("224.0.0.252").value(), parse_address("ff02::1:3").value()};
    std::vector<Endpoint> asked{source};
    if (source.port == mdns_port || source.port == llmnr_port) {
        for (const Address& group : source.port == mdns_port ? mdns : llmnr) {
            asked.push_back({group, source.port});
        }
    }
    for (const std::uint16_t port : redirected_) {
        if (source.address == docker_address() && source.port == ports.front()) {
            asked.push_back({source.address, port});
        }
    }
    return asked;
}

void DnsLookups::add(const Packet& packet, std::span<const std::byte> payload, Direction direction)
{
    const bool is_wanted = is_resolver(packet.source) || is_resolver(packet.destination);
    if (!is_wanted || packet.is_later_fragment()) { // the first fragment has the question, and most of the answer
        return;
    }
    if (packet.protocol == Protocol::tcp) {
        add_segment(packet, payload, direction);
    } else {
        add_message(packet, payload, direction);
    }
}

void DnsLookups::add_segment(const Packet& packet, std::span<const std::byte> payload, Direction direction)
{
    const auto take = [&](std::span<const std::byte> message) { add_message(packet, message, direction); };
    const DnsStreams::Segment segment{.time = packet.time,
                                      .sequence = packet.tcp.sequence,
                                      .is_syn = (packet.tcp.flags & TcpHeader::syn) != 0,
                                      .ends = (packet.tcp.flags & (TcpHeader::fin | TcpHeader::rst)) != 0,
                                      .is_whole = payload.size() >= packet.payload_bytes,
                                      .payload = payload};
    if (is_resolver(packet.source) && direction != Direction::sent) {
        for (const Endpoint& resolver : asked_for(packet.source)) {
            if (streams_.add({packet.protocol, packet.destination, resolver}, DnsStreams::Side::answer, segment,
                             take)) {
                return;
            }
        }
    }
    if (is_resolver(packet.destination) && direction != Direction::received) {
        streams_.add({packet.protocol, packet.source, packet.destination}, DnsStreams::Side::query, segment, take);
    }
}

void DnsLookups::add_message(const Packet& packet, std::span<const std::byte> bytes, Direction direction)
{
    const bool is_whole =
        !packet.fragment && (packet.protocol == Protocol::tcp || bytes.size() == packet.payload_bytes);
    const auto message = parse_dns(bytes, is_whole);
    if (!message || message->operation != 0) {
        return;
    }
    if (message->is_answer) {
        if (is_resolver(packet.source) && (direction != Direction::sent || packet.source.port == mdns_port)) {
            answer(packet, *message);
        }
    } else if (!is_resolver(packet.destination)) {
        return;
    } else if (direction != Direction::received) {
        ask(packet, *message);
    } else { // this machine may forward it
        for (const DnsQuestion& question : message->questions) {
            received_.add(*message, question, packet.time);
        }
    }
}

void DnsLookups::ask(const Packet& packet, const DnsMessage& message)
{
    if (packet.destination.port == mdns_port && message.authorities != 0) {
        return; // a host that probes for its own name (RFC 6762 8.1)
    }
    for (const DnsQuestion& question : message.questions) {
        ask(packet, message, question);
    }
}

void DnsLookups::ask(const Packet& packet, const DnsMessage& message, const DnsQuestion& question)
{
    const Question key{
        {packet.protocol, packet.source, packet.destination}, message.id, in_lower_case(question.name), question.type};
    auto entry = open_.find(key);
    if (entry != open_.end() && entry->second.is_late(packet.time)) {
        end(entry);
        entry = open_.end();
    }
    if (entry != open_.end()) {
        ++entry->second.what.retries;
        entry->second.last = packet.time;
        return;
    }
    const bool is_of_group = key.asker.remote.port == mdns_port && key.asker.remote.address.goes_to_many();
    if (is_of_group && of_group_.size() >= most_of_group) {
        end_late_of_group(packet.time);
    }
    constexpr std::size_t node_size = 4 * sizeof(void*);
    Asked asked;
    const bool has_room = !is_of_group || of_group_.size() < most_of_group;
    if (!has_room ||
        !take_memory(asked, sizeof(Table::value_type) + node_size + 2 * (key.name.size() + sizeof(NameLookups)))) {
        ++unkept_;
        return;
    }
    asked.time = asked.last = packet.time;
    asked.needs_answer = std::none_of(message.answers.begin(), message.answers.end(),
                                      [&](const DnsRecord& record) { return answers(record, question); });
    asked.came_in = !packet.destination.address.goes_to_many() && // nobody forwards link-local groups
                    received_.has(message, question, packet.time);
    asked.what.query = question.name;
    asked.what.query_type = question.type;
    asked.what.resolver = packet.destination.address;
    asked.what.resolver_port = is_redirected(packet.destination) ? ports.front() : packet.destination.port;
    asked.what.service = service_of(packet.destination.port);
    asked.what.lookups = 1;
    if (is_of_group) {
        of_group_.emplace(key.name, key.type, key);
    }
    open_.emplace(key, std::move(asked));
}

/// Adds to the memory of a look-up, unless there is no room.
bool DnsLookups::take_memory(Asked& asked, std::size_t bytes)
{
    if (memory_->used + bytes > DnsMemory::most) {
        return false;
    }
    memory_->used += bytes;
    asked.bytes += bytes;
    return true;
}

void DnsLookups::answer(const Packet& packet, const DnsMessage& message)
{
    if (packet.source.port == mdns_port && message.questions.empty()) {
        answer_by_records(packet, message);
        return;
    }
    for (const Endpoint& resolver : asked_for(packet.source)) {
        Question key{{packet.protocol, packet.destination, resolver}, message.id, "", {}};
        if (message.questions.empty()) { // some errors come without the question
            answer_only(key, packet, message);
        }
        for (const DnsQuestion& question : message.questions) {
            key.name = in_lower_case(question.name);
            key.type = question.type;
            if (const auto entry = open_.find(key); entry != open_.end()) {
                answer(entry, packet, message);
            }
        }
    }
}

/// Answers the only open question with this id of this tuple. If several are open, it is not known which one is meant.
void DnsLookups::answer_only(const Question& first, const Packet& packet, const DnsMessage& message)
{
    const auto is_it = [&](Table::iterator entry) {
        return entry != open_.end() && entry->first.asker == first.asker && entry->first.id == first.id;
    };
    const auto only = open_.lower_bound(first);
    if (is_it(only) && !is_it(std::next(only))) {
        answer(only, packet, message);
    }
}

/// Answers all open questions to a group of mDNS that the records answer: a response repeats no question (RFC 6762 6).
/// A response to one address answers only those that this address has asked.
void DnsLookups::answer_by_records(const Packet& packet, const DnsMessage& message)
{
    const bool is_for_all = packet.destination.address.goes_to_many();
    for (const DnsRecord& record : message.answers) {
        for (const RecordType type : {record.type, any_type}) {
            const std::string name = in_lower_case(record.name);
            for (auto next = of_group_.lower_bound({name, type, {}}); next != of_group_.end();) {
                const auto& [its_name, its_type, question] = *next++;
                if (its_name != name || its_type != type) {
                    break;
                }
                if (is_for_all || question.asker.local == packet.destination) {
                    answer(open_.find(question), packet, message); // removes it from of_group_
                }
            }
        }
    }
}

void DnsLookups::answer(Table::iterator entry, const Packet& packet, const DnsMessage& message)
{
    using std::chrono::microseconds;
    Asked& asked = entry->second;
    if (asked.is_late(packet.time)) {
        end(entry);
        return;
    }
    NameLookups& what = asked.what;
    asked.is_answered = true;
    asked.truncated = message.is_truncated && packet.protocol == Protocol::udp ? packet.time : Instant{0};
    what.answered = 1;
    what.outcome = outcome_of(message, entry->first.type);
    what.failed = what.outcome->is_failure() ? 1 : 0;
    const auto time = std::chrono::duration_cast<microseconds>(packet.time - asked.time).count();
    what.times_us = {
        static_cast<std::uint32_t>(std::clamp<std::int64_t>(time, 0, std::numeric_limits<std::uint32_t>::max()))};
    const bool is_of_one = what.service != NameService::mdns; // a response by mDNS may answer other questions too
    std::size_t bytes = 0;
    for (const DnsRecord& record : message.answers) {
        if (!record.data.empty() && (is_of_one || is_same_name(record.name, entry->first.name))) {
            what.answers.push_back(record.data);
            what.ttl_s = std::min(what.ttl_s.value_or(record.ttl_s), record.ttl_s);
            bytes += sizeof(std::string) + sizeof(Address) + record.data.size();
        }
    }
    asked.addresses = addresses_of(entry->first.name, message.answers);
    if (!take_memory(asked, bytes)) {
        what.answers = {};
        asked.addresses = {};
        ++unkept_;
    }
    end(entry);
}

/// Moves a look-up to those that have ended. Without an answer, its time is over.
void DnsLookups::end(Table::iterator entry)
{
    entry->second.is_over = !entry->second.is_answered;
    of_group_.erase({entry->first.name, entry->first.type, entry->first});
    ended_.push_back(open_.extract(entry));
}

/// Ends the questions to a group that nobody has answered in time. A group seldom says that it knows no answer.
void DnsLookups::end_late_of_group(Instant now)
{
    for (auto each = of_group_.begin(); each != of_group_.end();) {
        const auto entry = open_.find(std::get<Question>(*each++));
        if (entry != open_.end() && entry->second.is_late(now)) {
            end(entry);
        }
    }
}

void DnsLookups::set_asker(const Tuple& tuple, Instant begin, DnsAsker asker)
{
    askers_.emplace(tuple, Asking{begin, std::make_shared<DnsAsker>(std::move(asker))});
}

/// Returns the last socket that had this tuple before the query, or with it.
std::shared_ptr<DnsAsker> DnsLookups::asker_of(const Tuple& tuple, Instant time) const
{
    const auto [begin, end] = askers_.equal_range(tuple);
    const Asking* last = nullptr;
    for (auto entry = begin; entry != end; ++entry) {
        const bool is_later = last == nullptr || entry->second.begin >= last->begin;
        last = entry->second.begin <= time && is_later ? &entry->second : last;
    }
    return last != nullptr ? last->asker : nullptr;
}

/// Finds who asked the look-ups from before `end`, and drops those that no socket here has asked: forwarded ones.
void DnsLookups::find_askers(Instant end)
{
    const auto is_of_others = [&](const Question& question, Asked& asked) {
        if (asked.time >= end || asked.asker != nullptr) {
            return false;
        }
        asked.asker = asker_of(question.asker, asked.time);
        const bool is_ours = asked.asker != nullptr && (!asked.came_in || asked.asker->is_sure);
        if (!is_ours) {
            forget(asked);
        }
        return !is_ours;
    };
    for (auto entry = open_.begin(); entry != open_.end();) {
        const auto current = entry++;
        if (is_of_others(current->first, current->second)) {
            of_group_.erase({current->first.name, current->first.type, current->first});
            open_.erase(current);
        }
    }
    std::erase_if(ended_, [&](auto& node) { return is_of_others(node.key(), node.mapped()); });
    askers_.clear();
}

/// Returns the look-ups over TCP, because a truncated answer over UDP is asked again over TCP.
DnsLookups::Followers DnsLookups::followers_of_truncated(Instant end) const
{
    Followers followers;
    const auto is_truncated = [](const auto& node) { return node.mapped().truncated != Instant{0}; };
    if (std::none_of(ended_.begin(), ended_.end(), is_truncated)) {
        return followers;
    }
    for (const auto& [question, asked] : open_) {
        if (question.asker.protocol == Protocol::tcp) {
            followers.open.insert(Sought(question));
        }
    }
    for (const auto& node : ended_) {
        if (node.key().asker.protocol == Protocol::tcp && node.mapped().time < end) {
            followers.ended.insert(Sought(node.key()));
        }
    }
    return followers;
}

/// Returns whether a look-up over TCP may still go on with this one, so that both must be given together.
bool DnsLookups::waits_for_tcp(const Question& question, const Asked& asked, const End& end, const Followers& followers)
{
    if (asked.truncated == Instant{0} || end.rest == Rest::is_given || followers.ended.contains(Sought(question))) {
        return false;
    }
    return followers.open.contains(Sought(question)) || end.instant - asked.truncated < SampleLookup::follow_up;
}

/// Adds askers to a sample. One whose look-up has waited brings its processes with it, which may have ended since.
class DnsLookups::AskersOfSample {
public:
    explicit AskersOfSample(Sample& sample) : sample_(sample) {}

    std::size_t flow_of(const DnsAsker& asker)
    {
        const auto [flow, is_new] = flows_.try_emplace(&asker, sample_.flows.size());
        if (is_new) {
            sample_.flows.push_back(asker.flow);
            if (!asker.holders.empty()) {
                add_holders(asker);
            }
        }
        return flow->second;
    }

private:
    using Identification = std::pair<Pid, StartTime>;

    void add_holders(const DnsAsker& asker)
    {
        if (held_.empty()) {
            for (const Holder& holder : sample_.holders) {
                held_.insert(holder.inode);
            }
            for (std::size_t i = 0; i < sample_.processes.size(); ++i) {
                processes_.emplace(Identification{sample_.processes[i].pid, sample_.processes[i].start_time}, i);
            }
        }
        if (!held_.insert(asker.flow.inode).second) {
            return;
        }
        for (const Process& process : asker.holders) {
            const auto [index, is_new] =
                processes_.try_emplace({process.pid, process.start_time}, sample_.processes.size());
            if (is_new) {
                sample_.processes.push_back(process);
            }
            sample_.holders.push_back({asker.flow.inode, static_cast<std::uint32_t>(index->second), false});
        }
    }

    Sample& sample_;
    std::unordered_map<const DnsAsker*, std::size_t> flows_; // indices in Sample::flows
    std::set<Inode> held_;
    std::map<Identification, std::size_t> processes_;
};

std::uint64_t DnsLookups::finish(const End& end, Sample& sample, const std::function<void(DnsAsker&)>& keep)
{
    for (auto entry = open_.begin(); entry != open_.end();) {
        const auto current = entry++;
        Asked& asked = current->second;
        if (asked.time < end.instant) {
            asked.may_be_missing = asked.may_be_missing || end.has_drops;
            const bool is_over = asked.is_late(end.instant);
            if (is_over || end.rest == Rest::is_given) {
                this->end(current);
                asked.is_over = is_over;
            }
        }
    }
    find_askers(end.instant);

    std::uint64_t unanswered = 0;
    AskersOfSample askers(sample);
    const Followers followers = followers_of_truncated(end.instant);
    std::erase_if(ended_, [&](auto& node) {
        Asked& asked = node.mapped();
        if (asked.time >= end.instant || waits_for_tcp(node.key(), asked, end, followers)) {
            return false;
        }
        if (!asked.is_answered && asked.is_over && asked.needs_answer && !asked.may_be_missing && !end.has_drops) {
            asked.what.outcome = LookupOutcome{LookupOutcome::Kind::timeout, 0};
            asked.what.failed = 1;
        }
        unanswered += asked.is_answered || asked.is_over ? 0 : 1;
        forget(asked);
        sample.lookups.push_back({askers.flow_of(*asked.asker), asked.time, asked.truncated, std::move(asked.addresses),
                                  std::make_shared<NameLookups>(std::move(asked.what))});
        return true;
    });
    for (auto& [question, asked] : open_) {
        if (asked.asker != nullptr) {
            keep(*asked.asker);
        }
    }
    for (auto& node : ended_) {
        if (node.mapped().asker != nullptr) {
            keep(*node.mapped().asker);
        }
    }
    return unanswered;
}

void DnsLookups::next_window()
{
    streams_.next_window();
    unkept_ = 0;
}

} // namespace socktally
