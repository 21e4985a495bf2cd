// SPDX-License-Identifier: MIT
// What each process of the generator really moved: the sums of what its calls to send and recv returned, kept in
// memory that all of them share, so that the truth outlives a process however it ends. Also what the tool says
// meanwhile.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace truth {

/// A process for good: a pid alone is reused.
struct Identity {
    pid_t pid = 0;
    std::uint64_t start_time = 0; // /proc/PID/stat field 22
    auto operator<=>(const Identity&) const = default;
};

Identity own_identity();

/// The processes of all cases that run side by side on this machine, for a backend that sees the whole of it. Call
/// begin_register() before the first case and end_register() after the last. Cases are told apart by their numbers.
void begin_register();
void end_register();
void begin_case(unsigned number);
/// Whether the process is of another case than the one that asks.
bool is_of_another_case(const Identity& identity);

/// One process's entry. Only that process writes it.
struct Account {
    Identity identity;
    std::uint64_t netns = 0;
    uid_t uid = 0;
    char name[16] = {};
    std::atomic<std::uint64_t> rx_bytes{0};
    std::atomic<std::uint64_t> tx_bytes{0};
    std::atomic<std::uint64_t> connections{0}; // ever opened or accepted
    std::atomic<bool> filled{false};
    std::atomic<bool> resting{false}; // it moves nothing more
};

struct Figures {
    std::string name;
    uid_t uid = 0;
    std::uint64_t rx_bytes = 0;
    std::uint64_t tx_bytes = 0;
    std::uint64_t connections = 0;
    std::size_t processes = 0; // that had one pid within one tick of the clock: nearly always 1
};
using Truth = std::map<Identity, Figures>;

class Ledger {
public:
    Ledger();
    Ledger(const Ledger&) = delete;
    Ledger& operator=(const Ledger&) = delete;
    ~Ledger();

    /// Opens the calling process's account, under its present name, user and network namespace.
    Account& open();
    /// Whether the process of this pid has come to rest.
    bool is_resting(pid_t pid) const;

    /// Starts to keep the trace (-vv) of the tools, so that scripts can wait for its lines.
    void begin_watch();
    /// Counts one more tool that searches for owners.
    void add_searcher(int tool);
    void add_line(int tool, std::string_view line);
    /// Whether each tool that looks for owners has traced this line by now, so many times. One that ends with a colon
    /// is the beginning of a line.
    bool has_line(std::string_view line, int times = 1) const;
    int windows() const; // that are over
    /// The window under way lasts until every script has come to its next step.
    void begin_last_window();
    bool is_last_window() const;

    /// The figures of every process of one network namespace.
    Truth read(std::optional<std::uint64_t> netns) const;

private:
    struct Shared;
    Shared* shared_;
};

/// What was moved between two readings. `connections` stays the number ever opened: each may be a byte or two off.
Truth since(const Truth& before, Truth after);
Figures sum(const Truth& truth);

} // namespace truth
