// SPDX-License-Identifier: MIT
// The rules, direction by direction.
#include "check.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <sstream>

namespace truth {
namespace {

/// One direction of everything: the rules are the same for both.
struct Direction {
    std::string name;
    std::optional<std::uint64_t> Row::*row;
    std::uint64_t Figures::*figure;
    std::uint64_t Report::*total;
    std::uint64_t Report::*unattributed;
};
const Direction directions[] = {
    {"rx", &Row::rx_bytes, &Figures::rx_bytes, &Report::rx_bytes, &Report::unattributed_rx_bytes},
    {"tx", &Row::tx_bytes, &Figures::tx_bytes, &Report::tx_bytes, &Report::unattributed_tx_bytes},
};

using RowsByIdentity = std::map<Identity, Row>;

std::string describe(const std::string& name, const Identity& identity)
{
    return name + " (pid " + std::to_string(identity.pid) + ", started " + std::to_string(identity.start_time) + ")";
}

bool among(const std::vector<std::string>& names, const std::string& name)
{
    return std::find(names.begin(), names.end(), name) != names.end();
}

class Judge {
public:
    Judge(const Measured& measured, const Expect& expect)
        : report_(measured.report), truth_(measured.truth), expect_(expect), bar_(bar_of(measured.report.backend))
    {
        bar_.knows_caller = bar_.knows_caller && measured.extent == Extent::window; // nobody saw the calls before
    }

    std::vector<std::string> complaints()
    {
        if (report_.backend != backend_name() && report_.backend != backend_name() + "+packet")
            complain("the backend is " + report_.backend);
        if (expect_.complete && !report_.complete)
            complain("the report says that it is not complete");
        const RowsByIdentity rows = owned_rows();
        for (const Direction& direction : directions) {
            judge_processes(direction, rows);
            judge_sums(direction);
        }
        return std::move(complaints_);
    }

private:
    void complain(std::string text) { complaints_.push_back(std::move(text)); }

    /// The rows that have an owner. No owner may come twice, and one that is none of ours must have moved nothing.
    RowsByIdentity owned_rows()
    {
        RowsByIdentity rows;
        for (const Row& row : report_.rows) {
            if (!row.pid)
                continue;
            const Identity identity{static_cast<pid_t>(*row.pid), row.start_time.value_or(0)};
            add_row(rows, identity, row);
            const bool silent = row.rx_bytes.value_or(0) == 0 && row.tx_bytes.value_or(0) == 0;
            if (!silent && !truth_.contains(identity))
                complain(describe(row.process, identity) + " has bytes and is none of the generator's processes");
        }
        return rows;
    }

    void add_row(RowsByIdentity& rows, const Identity& identity, const Row& row)
    {
        const auto truth = truth_.find(identity);
        const std::size_t allowed = truth == truth_.end() ? 1 : truth->second.processes;
        const auto [entry, first] = rows.emplace(identity, row);
        if (first)
            return;
        Row& sum = entry->second;
        sum.rx_bytes = sum.rx_bytes.value_or(0) + row.rx_bytes.value_or(0);
        sum.tx_bytes = sum.tx_bytes.value_or(0) + row.tx_bytes.value_or(0);
        if (++seen_[identity] >= allowed)
            complain(describe(row.process, identity) + " has too many rows");
    }

    void judge_processes(const Direction& direction, const RowsByIdentity& rows)
    {
        for (const auto& [identity, figures] : truth_) {
            const auto found = rows.find(identity);
            const Row* row = found == rows.end() ? nullptr : &found->second;
            const std::uint64_t shown = row ? (row->*direction.row).value_or(0) : 0;
            const std::uint64_t moved = figures.*direction.figure;
            const std::uint64_t slack = bar_.bytes_per_connection * figures.connections;
            const bool marked = is_sharer(figures.name) && (!row || row->attribution == "shared");
            const bool too_much = shown > moved + slack;
            const bool too_little = shown + slack < moved && !may_be_short(figures.name);
            if (marked || (!too_much && !too_little))
                continue;
            complain(describe(figures.name, identity) + ": " + direction.name + " is " + std::to_string(shown) +
                     ", moved " + std::to_string(moved) + " over " + std::to_string(figures.connections) +
                     " connections");
        }
    }

    void judge_sums(const Direction& direction)
    {
        std::uint64_t attributed = 0;
        std::uint64_t unattributed = 0;
        for (const Row& row : report_.rows)
            (row.pid ? attributed : unattributed) += (row.*direction.row).value_or(0);
        const Figures all = sum(truth_);
        const std::uint64_t moved = all.*direction.figure;
        const std::uint64_t slack = bar_.bytes_per_connection * all.connections;
        const std::uint64_t total = report_.*direction.total;
        const auto say = [&](const char* what) {
            complain(direction.name + ": " + what + ": moved " + std::to_string(moved) + ", attributed " +
                     std::to_string(attributed) + ", unattributed " + std::to_string(unattributed) + ", total " +
                     std::to_string(total) + ", bar " + std::to_string(slack));
        };
        if (total != attributed + unattributed || report_.*direction.unattributed != unattributed)
            say("the totals are not the sums of the rows");
        if (total > moved + slack)
            say("more than was moved");
        if (report_.complete && total + slack < moved)
            say("short, and silent about it");
        const bool whole = expect_.may_be_short.empty();
        if (whole && static_cast<double>(attributed + slack) < expect_.share * static_cast<double>(moved))
            say("too little at its process");
    }

    bool is_sharer(const std::string& name) const { return !bar_.knows_caller && among(expect_.sharers, name); }
    bool may_be_short(const std::string& name) const { return expect_.share < 1 || among(expect_.may_be_short, name); }

    const Report& report_;
    const Truth& truth_;
    const Expect& expect_;
    Bar bar_;
    std::map<Identity, std::size_t> seen_; // rows beyond the first
    std::vector<std::string> complaints_;
};

} // namespace

Bar bar_of(const std::string& backend)
{
    if (backend == "ebpf")
        return {.bytes_per_connection = 0,
                .knows_caller = true,
                .every_namespace = true,
                .survives_reset = true,
                .vouches_for_reset = true};
    if (backend == "packet")
        return {.bytes_per_connection = 0,
                .knows_caller = false,
                .every_namespace = true,
                .survives_reset = true,
                .vouches_for_reset = false};
    return {.bytes_per_connection = 2,
            .knows_caller = false,
            .every_namespace = true,
            .survives_reset = false,
            .vouches_for_reset = false};
}

Expect after_reset_of(const std::vector<std::string>& names)
{
    const Bar bar = bar_of(backend_name());
    Expect expect{.complete = bar.vouches_for_reset};
    if (!bar.survives_reset)
        expect.may_be_short = names;
    return expect;
}

bool within(std::uint64_t value, std::uint64_t truth, std::uint64_t bar)
{
    return value <= truth + bar && truth <= value + bar;
}

std::vector<std::string> judge(const Measured& measured, const Expect& expect)
{
    return Judge(measured, expect).complaints();
}

std::string describe(const Report& report)
{
    constexpr std::size_t most = 12;
    std::string text = report.backend + (report.complete ? ", complete" : ", not complete") + "\n";
    for (const std::string& note : report.notes)
        text += "  note " + note + "\n";
    const auto figure = [](const std::optional<std::uint64_t>& value) {
        return value ? std::to_string(*value) : std::string("null");
    };
    for (std::size_t i = 0; i < std::min(most, report.rows.size()); ++i) {
        const Row& row = report.rows[i];
        text += "  " + (row.pid ? std::to_string(*row.pid) : std::string("-")) + " " + row.process + ": rx " +
                figure(row.rx_bytes) + ", tx " + figure(row.tx_bytes) + ", " + std::to_string(row.connections) +
                " connections, " + row.attribution + "\n";
    }
    if (report.rows.size() > most)
        text += "  … " + std::to_string(report.rows.size() - most) + " more rows\n";
    return text;
}

std::string last_lines(const std::string& trace)
{
    constexpr std::size_t most = 14;
    std::vector<std::string> lines;
    std::istringstream stream(trace);
    for (std::string line; std::getline(stream, line);) {
        if (line.find(" dump of ") == line.npos)
            lines.push_back(line);
    }
    std::string text;
    for (std::size_t i = lines.size() - std::min(most, lines.size()); i < lines.size(); ++i)
        text += "  " + lines[i] + "\n";
    return text;
}

void check(const Measured& measured, const Expect& expect)
{
    const std::vector<std::string> complaints = judge(measured, expect);
    std::string text;
    for (const std::string& complaint : complaints)
        text += "\n  " + complaint;
    if (complaints.empty())
        return;
    INFO(describe(measured.report), last_lines(measured.trace));
    FAIL_CHECK(text);
}

} // namespace truth
