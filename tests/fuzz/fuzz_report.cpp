// SPDX-License-Identifier: MIT
// Saved snapshots: whatever they say, rows add up to the totals, and lines that are left out are named once, in order.
#include "commands/summary.hpp"
#include "fuzz.hpp"
#include "report/read.hpp"
#include "table/columns.hpp"
#include "util/sum.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

using namespace socktally;

namespace {

constexpr std::uint64_t top = std::numeric_limits<std::uint64_t>::max();

/// Two sums of the same parts are equal unless they stick at the top.
void require_sum(const Report& report, std::optional<std::uint64_t> Row::*part, std::optional<std::uint64_t> total)
{
    KnownSum sum;
    for (const Row& row : report.rows) {
        sum.add(row.*part);
    }
    require(sum.value() == total);
}

/// What a parser makes of a line: all values in it, or why not.
struct Reading {
    std::string fault;
    bool is_document = true;
    std::vector<Cell> cells;
    std::vector<ColumnSet> saved;
    std::string host;
    TimePoint started_at;
    bool operator==(const Reading&) const = default;
};

Reading read(SnapshotParser& parser, const std::string& line)
{
    Reading reading;
    try {
        parser.parse({line.data(), line.size() - SnapshotParser::padding});
        reading.is_document = parser.is_document();
        parser.for_each_row([&reading](const Row& row, const Origin& origin) {
            for (const Column& column : columns()) {
                reading.cells.push_back(column.value(row));
            }
            reading.saved.push_back(origin.saved);
        });
        reading.host = parser.heading().host.value_or("none");
        reading.started_at = parser.heading().started_at;
    } catch (const BadSnapshot& error) {
        reading.fault = error.what();
    }
    return reading;
}

/// A line means the same whichever lines were read before it.
void check_lines(std::string_view input)
{
    SnapshotParser experienced;
    while (!input.empty()) {
        const auto end = std::min(input.find('\n'), input.size());
        const std::string line = std::string(input.substr(0, end)).append(SnapshotParser::padding, ' ');
        input.remove_prefix(std::min(end + 1, input.size()));
        SnapshotParser fresh;
        require(read(fresh, line) == read(experienced, line));
    }
}

void check_report(int file, std::string_view by, std::optional<Per> per)
{
    require(::lseek(file, 0, SEEK_SET) == 0);
    SummaryPlan plan;
    plan.by = GroupBy(by);
    plan.per = per;
    plan.idle = true;
    Summary summary(std::move(plan));
    std::uint64_t last = 0;
    read_snapshots(
        file, "input", [&](SnapshotParser& parser) { summary.add(parser); },
        [&last](const LeftOut& lines) {
            require(lines.first_line > last && lines.last_line >= lines.first_line && !lines.reason.empty());
            last = lines.last_line;
        });
    const Report report = summary.report();
    require_sum(report, &Row::rx_bytes, report.totals.rx_bytes);
    require_sum(report, &Row::tx_bytes, report.totals.tx_bytes);
    require(report.duration.count() >= 0);
    for (const Row& row : report.rows) {
        require(row.time.has_value() || !per);
        require(row.unknown_connections != 0 || (row.rx_bytes && row.tx_bytes));
    }
}

} // namespace

FUZZ_DRIVER(report)
{
    static_assert(top == sum(top, 1));
    check_lines({reinterpret_cast<const char*>(input.data()), input.size()});
    const int file = ::memfd_create("input", MFD_CLOEXEC);
    require(file >= 0);
    require(::write(file, input.data(), input.size()) == static_cast<ssize_t>(input.size()));
    check_report(file, "process", std::nullopt);
    check_report(file, "connection", Per::hour);
    check_report(file, "interface", Per::day);
    check_report(file, "unit,port,user", std::nullopt);
    ::close(file);
}
