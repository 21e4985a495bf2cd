// SPDX-License-Identifier: MIT
// Saved snapshots: whatever they say, rows add up to the totals, and lines that are left out are named once, in order.
#include "fuzz.hpp"
#include "model/sum.hpp"
#include "report/read.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <limits>

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

void check(int file, GroupBy by, std::optional<Per> per)
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

int fuzz_one(std::span<const std::byte> input)
{
    static_assert(top == sum(top, 1));
    const int file = ::memfd_create("input", MFD_CLOEXEC);
    require(file >= 0);
    require(::write(file, input.data(), input.size()) == static_cast<ssize_t>(input.size()));
    check(file, GroupBy::process, std::nullopt);
    check(file, GroupBy::connection, Per::hour);
    check(file, GroupBy::interface, Per::day);
    ::close(file);
    return 0;
}
