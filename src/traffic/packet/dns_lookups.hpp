// SPDX-License-Identifier: MIT
// Joins captured DNS queries with their answers, by tuple, id and question, over one window after another. A look-up
// belongs to the window in which it ends. One without an answer ends after `patience`. Pure.
#pragma once

#include "model/hash.hpp"
#include "model/lookup.hpp"
#include "model/sample.hpp"
#include "traffic/dns/message.hpp"
#include "traffic/dns/tcp_messages.hpp"
#include "traffic/packet/flow_table.hpp"

#include <array>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <unordered_set>
#include <utility>
#include <vector>

namespace socktally {

/// The memory that the look-ups of all network namespaces share, in bytes.
struct DnsMemory {
    static constexpr std::size_t most = std::size_t{256} << 20;
    std::size_t used = 0;
};

/// The socket that asked. `holders`: its processes, copied in the window of the query if the look-up ends later.
struct DnsAsker {
    Flow flow;
    std::vector<Process> holders;
    bool is_kept = false; // `holders` was set
    bool is_sure = false; // the socket has the tuple of the query at both ends
};

class DnsLookups {
public:
    using Instant = std::chrono::nanoseconds; // since the epoch, like the time of packets

    /// The ports at which resolvers listen: DNS, mDNS and LLMNR.
    static constexpr std::array<std::uint16_t, 3> ports{53, 5353, 5355};
    /// The port of DNS over TLS and over QUIC, whose queries cannot be read.
    static constexpr std::uint16_t encrypted_port = 853;
    /// How long an answer may take: longer than the 5 s after which the C library asks again (resolv.conf(5)).
    static constexpr std::chrono::seconds patience{6};
    /// How long a look-up may take that is asked again and again.
    static constexpr std::chrono::seconds longest{30};
    /// The address of Docker's resolver in each container.
    static const Address& docker_address();

    explicit DnsLookups(std::shared_ptr<DnsMemory> memory = std::make_shared<DnsMemory>()) : memory_(std::move(memory))
    {
    }
    DnsLookups(const DnsLookups&) = delete;
    DnsLookups& operator=(const DnsLookups&) = delete;
    ~DnsLookups();

    /// Sets the ports at 127.0.0.11 to which queries to port 53 there are redirected. Docker does so in its containers;
    /// the answers come from port 53 again.
    void set_redirected(std::vector<std::uint16_t> redirected) { redirected_ = std::move(redirected); }
    /// Adds a packet. `payload` is the part of its payload that was captured.
    void add(const Packet& packet, std::span<const std::byte> payload, Direction direction);
    /// Sets the socket that asked the look-ups of this tuple from `begin` on, until the next socket of the tuple.
    void set_asker(const Tuple& tuple, Instant begin, DnsAsker asker);

    enum class Rest : std::uint8_t { waits, is_given }; // for the next window, or given as it is
    struct End {
        Instant instant; // of the window
        Rest rest = Rest::waits;
        bool has_drops = false; // packets of the window are missing, so that an answer may be
    };
    /// Adds the look-ups that have ended to the sample, with a flow for each asker. Forgets those that were asked
    /// before the end of the window, and have no asker: no socket here has asked them. Calls `keep` with the asker of
    /// each look-up that waits for the next window. Returns how many were given without an answer before their time was
    /// over.
    std::uint64_t finish(const End& end, Sample& sample, const std::function<void(DnsAsker&)>& keep);
    /// Returns whether look-ups wait for the next window.
    bool is_waiting() const { return !open_.empty() || !ended_.empty(); }

    /// Return what could not be read or kept since the last call of next_window().
    std::uint64_t unread() const { return streams_.lost(); } // connections whose bytes could not be put together
    std::uint64_t unkept() const { return unkept_; }         // look-ups for which there was no memory
    void next_window();

private:
    struct Question {
        Tuple asker;
        std::uint16_t id = 0;
        std::string name; // in lower case
        RecordType type;
        auto operator<=>(const Question&) const = default;
    };
    struct Asked {
        Instant time{0};
        Instant last{0};      // when the query was sent again for the last time, or `time`
        Instant truncated{0}; // when the truncated answer came; 0: none
        bool is_answered = false;
        bool is_late(Instant now) const { return now - last >= patience || now - time >= longest; }
        bool is_over = false;            // without an answer, and none is expected any more
        bool needs_answer = true;        // false: the query lists an answer that it knows (RFC 6762 7.1)
        bool may_be_missing = false;     // the answer: packets were dropped
        bool came_in = false;            // the same query came in before, so that this machine may have forwarded it
        std::size_t bytes = 0;           // its part of DnsMemory
        std::shared_ptr<DnsAsker> asker; // null until finish()
        std::vector<Address> addresses;
        NameLookups what;
    };
    using Table = std::map<Question, Asked>; // one open look-up for each question
    /// A question, who asks it, and which resolver is asked.
    struct Sought {
        explicit Sought(const Question& question)
            : name(question.name), type(question.type), asker(question.asker.local.address),
              resolver(question.asker.remote.address)
        {
        }
        std::string name;
        RecordType type;
        Address asker;
        Address resolver;
        auto operator<=>(const Sought&) const = default;
    };
    struct Followers {
        std::set<Sought> open;
        std::set<Sought> ended;
    };
    struct Asking {
        Instant begin;
        std::shared_ptr<DnsAsker> asker;
    };
    /// The queries that came in during the last one or two seconds. This machine may forward them. They are kept even
    /// if it does not yet, because forwarding may begin within the window, or at some interfaces only.
    class RecentQueries {
    public:
        void add(const DnsMessage& message, const DnsQuestion& question, Instant time);
        bool has(const DnsMessage& message, const DnsQuestion& question, Instant time);

    private:
        void age(Instant time);
        std::size_t hash(const DnsMessage& message, const DnsQuestion& question) const;
        std::size_t seed_ = random_seed(); // or senders could choose in which bucket a query goes
        std::unordered_set<std::size_t> newer_;
        std::unordered_set<std::size_t> older_;
        Instant turned_{0};
    };

    bool is_redirected(const Endpoint& endpoint) const;
    bool is_resolver(const Endpoint& endpoint) const;
    std::vector<Endpoint> asked_for(const Endpoint& source) const;
    void add_segment(const Packet& packet, std::span<const std::byte> payload, Direction direction);
    void add_message(const Packet& packet, std::span<const std::byte> bytes, Direction direction);
    void ask(const Packet& packet, const DnsMessage& message);
    void ask(const Packet& packet, const DnsMessage& message, const DnsQuestion& question);
    void answer(const Packet& packet, const DnsMessage& message);
    void answer_by_records(const Packet& packet, const DnsMessage& message);
    void answer_only(const Question& first, const Packet& packet, const DnsMessage& message);
    void answer(Table::iterator entry, const Packet& packet, const DnsMessage& message);
    bool take_memory(Asked& asked, std::size_t bytes);
    void forget(const Asked& asked) { memory_->used -= asked.bytes; }
    void end(Table::iterator entry);
    void end_late_of_group(Instant now);
    std::shared_ptr<DnsAsker> asker_of(const Tuple& tuple, Instant time) const;
    void find_askers(Instant end);
    Followers followers_of_truncated(Instant end) const;
    static bool waits_for_tcp(const Question& question, const Asked& asked, const End& end, const Followers& followers);
    class AskersOfSample;

    std::shared_ptr<DnsMemory> memory_;
    std::vector<std::uint16_t> redirected_;
    Table open_;
    std::vector<Table::node_type> ended_;
    std::multimap<Tuple, Asking> askers_;                              // of the window
    std::set<std::tuple<std::string, RecordType, Question>> of_group_; // open questions to a group of mDNS
    DnsStreams streams_;
    RecentQueries received_;
    std::uint64_t unkept_ = 0;
};

} // namespace socktally
