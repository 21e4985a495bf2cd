// SPDX-License-Identifier: MIT
// The judgement: a report held against the truth. The rules are the same for every case and backend.
#pragma once

#include "ledger.hpp"
#include "tool.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace truth {

/// How exact a backend has to be. The only place that knows.
struct Bar {
    std::uint64_t bytes_per_connection; // off, per direction
    bool knows_caller;                  // which of several owners of a socket moved the bytes
    bool every_namespace;               // sees what is moved in other network namespaces than the tool's
    bool survives_reset;                // sees what a socket moved before the kernel restarted or dropped its counters
    bool vouches_for_reset;             // and knows what of it was never read
};
Bar bar_of(const std::string& backend);

enum class Extent : std::uint8_t { window, totals };

struct Measured {
    Report report;
    Truth truth; // of the processes in the namespaces that the backend sees
    Extent extent = Extent::window;
    std::string trace{}; // what the tool said
};

struct Expect {
    /// The part of all bytes that has to be at the right process. 1: every process has all of its own.
    double share = 1.0;
    /// False allows a report that calls itself incomplete, and then a total that is short.
    bool complete = true;
    /// Names of the processes that hold one socket together; where the backend does not know the caller, only the
    /// sum of them is right, and what one has too much must be marked shared.
    std::vector<std::string> sharers{};
    /// Names of the processes that may be shown with less than they moved.
    std::vector<std::string> may_be_short{};
};

/// For processes with a connection that was reset or disconnected: a backend that reads the kernel's counters may come
/// too late, and then says so. Every other process is to be exact all the same.
Expect after_reset_of(const std::vector<std::string>& names);

/// What is wrong with a report; empty where all of this holds:
/// - no process has more than it moved, and no byte is at a process that the truth does not have,
/// - each process (or at least `share` of all bytes) has what it moved,
/// - attributed and unattributed together are all that was moved, or the report says that it is not complete,
/// - the totals are the sums of the rows.
std::vector<std::string> judge(const Measured& measured, const Expect& expect = {});

/// Fails the running case with each complaint of `judge`, the rows and notes of the report, and the last decisions.
void check(const Measured& measured, const Expect& expect = {});

/// Its notes and first rows, a line each.
std::string describe(const Report& report);
/// The last decisions of a trace.
std::string last_lines(const std::string& trace);

/// Equal but for `bar` bytes.
bool within(std::uint64_t value, std::uint64_t truth, std::uint64_t bar);

} // namespace truth
