// SPDX-License-Identifier: MIT
// Saved snapshots: whatever they say, rows add up to the totals, and lines that are left out are named once, in order.
#include "fuzz.hpp"
#include "report/read.hpp"
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
    std::vector<std::string> texts; // of the values, which are views
};

Reading read(SnapshotParser& parser, const std::string& line)
{
    Reading reading;
    try {
        parser.parse({line.data(), line.size() - SnapshotParser::padding});
        reading.is_document = parser.is_document();
        parser.for_each_row([&reading](const SavedRow& row) {
            for (std::size_t i = 0; i < member_count; ++i) {
                const auto member = static_cast<Member>(i);
                const Value* value = row.find(member);
                reading.texts.push_back(value == nullptr
                                            ? (row.is_absent(member) ? "absent" : "null")
                                            : std::to_string(value->number) + ' ' + std::string(value->text));
            }
        });
        reading.texts.emplace_back(parser.heading().host.value_or("none"));
        reading.texts.push_back(std::to_string(parser.heading().started_at.time_since_epoch().count()));
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
        const Reading first = read(fresh, line);
        const Reading later = read(experienced, line);
        require(first.fault == later.fault && first.is_document == later.is_document && first.texts == later.texts);
    }
}

void check_report(int file, GroupBy by, std::optional<Per> per)
{
    require(::lseek(file, 0, SEEK_SET) == 0);
    Summary summary(by, per, {Member::unit, Member::remote_address, Member::rx_packets, Member::uid}, {});
    std::uint64_t last = 0;
    read_snapshots(file, "input", summary, [&last](const LeftOut& lines) {
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
    check_report(file, GroupBy::process, std::nullopt);
    check_report(file, GroupBy::connection, Per::hour);
    check_report(file, GroupBy::interface, Per::day);
    ::close(file);
}
