// SPDX-License-Identifier: MIT
// Saved rows added up: which of them are one, what is unknown, what a filter can tell, and what is refused.
#include "commands/summary.hpp"
#include "linux/fd.hpp"
#include "report/read.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>

using namespace socktally;
using socktally::test::typed;
using namespace std::chrono_literals;

namespace {

/// A line of one process; `more` replaces nothing, so it may only add.
std::string line(std::string_view host, std::string_view boot, int pid, int start, std::string_view name,
                 std::string_view more = R"("rx_bytes":10,"tx_bytes":1)", std::string_view ts = "2026-11-20T21:00:00Z")
{
    return fmt::format(R"({{"ts":"{}","host":"{}","boot_id":"{}","duration_ns":1000000000,"backend":"ebpf",)"
                       R"("complete":true,"by":"process","pid":{},"process":"{}","kind":"process","start_time":{},{}}})"
                       "\n",
                       ts, host, boot, pid, name, start, more);
}

struct Outcome {
    Report report;
    std::vector<LeftOut> left_out;
};

Outcome add_up_files(const std::vector<std::string>& texts, const GroupBy& by = {}, SummaryPlan plan = {},
                     std::optional<Per> per = std::nullopt)
{
    plan.by = by;
    plan.per = per;
    Summary summary(std::move(plan));
    Outcome outcome;
    for (const std::string& text : texts) {
        const Fd file(::memfd_create("snapshots", MFD_CLOEXEC));
        REQUIRE(::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
        REQUIRE(::lseek(file.get(), 0, SEEK_SET) == 0);
        read_snapshots(
            file.get(), "test", [&](SnapshotParser& parser) { summary.add(parser); },
            [&](const LeftOut& lines) { outcome.left_out.push_back(lines); });
        summary.end_input();
    }
    outcome.report = summary.report();
    return outcome;
}

Outcome add_up(const std::string& text, const GroupBy& by = {}, SummaryPlan plan = {},
               std::optional<Per> per = std::nullopt)
{
    return add_up_files({text}, by, std::move(plan), per);
}

std::string why_not(const std::string& text)
{
    const Outcome outcome = add_up(text);
    return outcome.left_out.size() == 1 ? outcome.left_out.front().reason : "read";
}

bool has_note(const Report& report, NoteCode code)
{
    return std::any_of(report.notes.begin(), report.notes.end(), [&](const Note& note) { return note.code == code; });
}

} // namespace

TEST_CASE("a process is one of the same host, boot, pid, start and name")
{
    CHECK(add_up(line("a", "1", 7, 5, "p") + line("a", "1", 7, 5, "p")).report.rows.size() == 1);
    for (const std::string& other : {line("b", "1", 7, 5, "p"), line("a", "2", 7, 5, "p"), line("a", "1", 8, 5, "p"),
                                     line("a", "1", 7, 6, "p"), line("a", "1", 7, 5, "q")}) {
        CAPTURE(other);
        CHECK(add_up(line("a", "1", 7, 5, "p") + other).report.rows.size() == 2);
        CHECK(add_up(line("a", "1", 7, 5, "p") + other).report.totals.rx_bytes == 20U);
    }
}

TEST_CASE("without a start time a pid names no process")
{
    const auto unborn = [](int pid) {
        std::string text = line("a", "1", pid, 5, "p");
        return text.erase(text.find(R"("start_time":5,)"), 15);
    };
    const Report report = add_up(unborn(7) + unborn(8)).report;
    REQUIRE(report.rows.size() == 1);
    CHECK_FALSE(report.rows[0].pid);
    CHECK(report.rows[0].rx_bytes == 20U);
}

TEST_CASE("unknown bytes stay unknown")
{
    const std::string known = line("a", "1", 7, 5, "p", R"("rx_bytes":10,"tx_bytes":1,"connections":1)");
    const std::string unknown =
        line("a", "1", 7, 5, "p", R"("rx_bytes":null,"tx_bytes":null,"connections":2,"unknown_connections":2)");
    const Row row = add_up(known + unknown).report.rows.at(0);
    CHECK(row.rx_bytes == 10U);
    CHECK(row.connections == 3);
    CHECK(row.unknown_connections == 2);
    CHECK_FALSE(add_up(unknown).report.rows.at(0).rx_bytes);
    CHECK_FALSE(add_up(unknown).report.totals.rx_bytes);
    CHECK(add_up("").report.totals.rx_bytes == 0U);
    // A column that was not saved is as unknown as one that is null.
    const Row unsaved = add_up(line("a", "1", 7, 5, "p", R"("tx_bytes":1)")).report.rows.at(0);
    CHECK_FALSE(unsaved.rx_bytes);
    CHECK(unsaved.unknown_connections == 1);
}

TEST_CASE("packets are a sum of all or none")
{
    const std::string some = line("a", "1", 7, 5, "p", R"("rx_bytes":1,"tx_bytes":1,"rx_packets":3)");
    CHECK(add_up(some + some, GroupBy("process")).report.rows.at(0).packets.rx_packets == 6U);
    const std::string none = line("a", "1", 7, 5, "p");
    for (const std::string& text : {some + none, none + some, some + none + some}) {
        CHECK_FALSE(add_up(text, GroupBy("process")).report.rows.at(0).packets.rx_packets);
    }
}

TEST_CASE("a column is what all rows agree on, and once they differ they differ")
{
    const auto with_uid = [](int uid) {
        return line("a", "1", 7, 5, "p", fmt::format(R"("rx_bytes":1,"tx_bytes":1,"uid":{})", uid));
    };
    CHECK(add_up(with_uid(1) + with_uid(1), GroupBy("name")).report.rows.at(0).uid == Uid{1});
    CHECK_FALSE(add_up(with_uid(1) + with_uid(2) + with_uid(1), GroupBy("name")).report.rows.at(0).uid);
}

TEST_CASE("a cause is not a process of that name")
{
    std::string cause = line("a", "1", 7, 5, "[exited]");
    cause.replace(cause.find(R"("kind":"process")"), 16, R"("kind":"cause")");
    const Report report = add_up(cause + line("a", "1", 7, 5, "[exited]"), GroupBy("name")).report;
    CHECK(report.rows.size() == 2);
    CHECK(report.totals.unattributed_rx_bytes == 10U);
}

TEST_CASE("traffic without an owner is in the unit of its socket, where that was saved")
{
    const auto cause = [](std::string_view by, std::string_view rest) {
        std::string text = line("a", "1", 7, 5, "[exited]", fmt::format(R"("rx_bytes":10,"tx_bytes":1,{})", rest));
        text.replace(text.find(R"("kind":"process")"), 16, R"("kind":"cause")");
        text.replace(text.find(R"("by":"process")"), 14, fmt::format(R"("by":"{}")", by));
        return text;
    };
    const auto owned = line("a", "1", 7, 5, "p", R"("rx_bytes":1,"tx_bytes":1,"unit":"u.service")");
    const auto none = line("a", "1", 7, 5, "p", R"("rx_bytes":2,"tx_bytes":1,"unit":null)");
    const std::string known = cause("process", R"("unit":"u.service","attribution":"socket")");
    const std::string several = cause("process", R"("unit":null,"attribution":"socket")"); // or in none
    const std::string in_none = cause("unit", R"("unit":null,"attribution":"socket")");
    const std::string unknown = cause("unit", R"("unit":null,"attribution":"unknown")");
    const auto sums = [](const std::string& text) {
        std::string all;
        for (const Row& row : add_up(text, GroupBy("unit")).report.rows) {
            all += fmt::format("{} {};", row.identity && row.identity->unit ? *row.identity->unit : "-", *row.rx_bytes);
        }
        return all;
    };
    CHECK(sums(owned + none + known) == "u.service 11;- 2;");
    CHECK(sums(owned + none + several) == "u.service 1;- 2;- 10;");
    CHECK(sums(owned + none + in_none) == "u.service 1;- 12;");
    CHECK(sums(owned + none + unknown) == "u.service 1;- 2;- 10;");
    CHECK(add_up(owned + known, GroupBy("unit")).report.totals.unattributed_rx_bytes == 10U);
}

TEST_CASE("rows of one snapshot are one window; hours and days stay apart")
{
    const std::string nine = "2026-11-20T09:59:59.999999Z";
    const std::string ten = "2026-11-20T10:00:00.000000Z";
    const std::string text = line("a", "1", 7, 5, "p", R"("rx_bytes":1,"tx_bytes":1)", nine) +
                             line("a", "1", 8, 5, "q", R"("rx_bytes":1,"tx_bytes":1)", nine) +
                             line("a", "1", 7, 5, "p", R"("rx_bytes":1,"tx_bytes":1)", ten);
    CHECK(add_up(text).report.duration == 2s);
    CHECK(add_up(text, GroupBy("name"), {}, Per::hour).report.rows.size() == 3);
    CHECK(add_up(text, GroupBy("name"), {}, Per::day).report.rows.size() == 2);
    SummaryPlan late;
    late.from = parse_timestamp(ten);
    CHECK(add_up(text, GroupBy("name"), late).report.totals.rx_bytes == 1U);
    SummaryPlan early;
    early.to = parse_timestamp(ten);
    CHECK(add_up(text, GroupBy("name"), early).report.totals.rx_bytes == 2U);
}

TEST_CASE("totals are no window, and a note says so")
{
    std::string totals = line("a", "1", 7, 5, "p");
    const std::string second = "\"duration_ns\":1000000000";
    totals.replace(totals.find(second), second.size(), "\"duration_ns\":0");
    const Report report = add_up(totals + line("a", "1", 7, 5, "p")).report;
    CHECK(report.totals.rx_bytes == 20U);
    CHECK(has_note(report, NoteCode::totals_added));
    CHECK_FALSE(has_note(add_up(line("a", "1", 7, 5, "p")).report, NoteCode::totals_added));
}

TEST_CASE("what is given twice counts once, and what overlaps counts all")
{
    const std::string first = line("a", "1", 7, 5, "p") + line("a", "1", 8, 5, "q");
    const std::string second = line("a", "1", 7, 5, "p", R"("rx_bytes":10,"tx_bytes":1)", "2026-11-20T21:00:01Z");
    const Report twice = add_up_files({first + second, first + second, second}).report;
    CHECK(twice.totals.rx_bytes == 30U);
    CHECK(twice.duration == 2s);
    CHECK(has_note(twice, NoteCode::given_twice));
    CHECK_FALSE(has_note(twice, NoteCode::windows_overlap));
    CHECK(add_up(first + second + first + second).report.totals.rx_bytes == 30U);

    // Another host's, another boot's, and the rows of another host between those of one.
    CHECK(add_up_files({first, line("b", "1", 7, 5, "p"), line("a", "2", 7, 5, "p")}).report.totals.rx_bytes == 40U);
    const Report mixed =
        add_up(line("a", "1", 7, 5, "p") + line("b", "1", 7, 5, "p") + line("a", "1", 8, 5, "q")).report;
    CHECK(mixed.totals.rx_bytes == 30U);
    CHECK(mixed.duration == 2s);
    CHECK(mixed.notes.empty());

    // The rest of a snapshot in another file is no copy, and windows that overlap are none either.
    const std::string later = line("a", "1", 7, 5, "p", R"("rx_bytes":10,"tx_bytes":1)", "2026-11-20T21:00:00.5Z");
    for (const std::string& other : {line("a", "1", 9, 5, "r"), later}) {
        const Report overlap = add_up_files({first, other}).report;
        CHECK(overlap.totals.rx_bytes == 30U);
        CHECK(has_note(overlap, NoteCode::windows_overlap));
        CHECK_FALSE(has_note(overlap, NoteCode::given_twice));
    }
}

TEST_CASE("a rate is by the windows of what is added up")
{
    const std::string late = "2026-11-20T22:00:00Z";
    const std::string text = line("a", "1", 7, 5, "p") + line("b", "1", 7, 5, "p") +
                             line("a", "1", 7, 5, "p", R"("rx_bytes":10,"tx_bytes":1)", late);
    for (const Row& row : add_up(text).report.rows) {
        CHECK(row.window == (row.host == "a" ? 2s : 1s));
        CHECK(row.until == parse_timestamp(row.host == "a" ? "2026-11-20T22:00:01Z" : "2026-11-20T21:00:01Z"));
    }
    CHECK(add_up(text, GroupBy("name")).report.rows.at(0).window == 3s);
    for (const Row& row : add_up(text, GroupBy("name"), {}, Per::hour).report.rows) {
        CHECK(row.window == (row.time == parse_timestamp(late) ? 1s : 2s));
    }
    // A report of both hosts does not say how long each was watched.
    const std::string saved =
        R"({"schema":"socktally/1","host":null,"started_at":"2026-11-20T23:00:00Z","duration_ns":9,"complete":true,)"
        R"("by":"name","names":[{"host":"a","process":"p","rx_bytes":5,"tx_bytes":0}]})";
    for (const Row& row : add_up(text + saved).report.rows) {
        CHECK(row.window == (row.host == "b" ? 1s : 0s));
    }
    // Nor do the lines of a report that was cut into hours say how long each hour was watched.
    std::string cut;
    for (const char* hour : {"21", "22"}) {
        cut += line("a", "1", 7, 5, "p", fmt::format(R"("rx_bytes":5,"time":"2026-11-20T{}:00:00Z")", hour));
    }
    const auto pieces = add_up(cut, GroupBy("process"), {}, Per::hour).report.rows;
    REQUIRE(pieces.size() == 2);
    CHECK(pieces[0].window == 0s);
    CHECK(pieces[1].window == 0s);
}

TEST_CASE("a row that does not say which group it is of is told of")
{
    const auto keyless = [](const std::string& text, const GroupBy& by) {
        return has_note(add_up(text, by).report, NoteCode::key_unanswered);
    };
    const std::string with_unit = line("a", "1", 7, 5, "p", R"("rx_bytes":1,"tx_bytes":1,"unit":"u","user":null)");
    CHECK_FALSE(keyless(with_unit, GroupBy("unit")));
    CHECK_FALSE(keyless(with_unit, GroupBy("user"))); // it is of nobody
    CHECK(keyless(line("a", "1", 7, 5, "p"), GroupBy("unit")));
    CHECK(keyless(with_unit, GroupBy("connection")));
    CHECK_FALSE(keyless(with_unit, GroupBy("process")));
    const auto replaced = [](std::string text, std::string_view from, std::string_view to) {
        return text.replace(text.find(from), from.size(), to);
    };
    const std::string cause = replaced(line("a", "1", 7, 5, "[exited]"), R"("kind":"process")", R"("kind":"cause")");
    CHECK_FALSE(keyless(cause, GroupBy("unit")));
    const std::string by_user = replaced(line("a", "1", 7, 5, "p"), R"("by":"process")", R"("by":"user")");
    CHECK_FALSE(keyless(by_user, GroupBy("name")));
    CHECK(keyless(replaced(by_user, R"("process":"p")", R"("process":null)"), GroupBy("name"))); // several
}

TEST_CASE("a remedy names the columns that would have to be saved")
{
    const auto remedy = [](const std::string& text, std::string_view by, const SummaryPlan& plan) {
        const Report report = add_up(text, GroupBy(by), plan).report;
        return report.notes.size() == 1 ? report.notes[0].remedy : fmt::format("{} notes", report.notes.size());
    };
    const auto with = [](std::string_view more) {
        return line("a", "1", 7, 5, "p", fmt::format(R"("rx_bytes":1,"tx_bytes":1{})", more));
    };
    SummaryPlan ports;
    ports.filter = typed({"port=443"});
    CHECK(remedy(with(""), "process", ports) == "record with -o +local_port,remote_port");
    SummaryPlan without_unit;
    without_unit.filter = typed({"!unit=u"});
    CHECK(remedy(with(R"(,"unit":null)"), "process", without_unit) == "record with -o +cgroup");
    CHECK(remedy(with(""), "process", without_unit) == "record with -o +cgroup,unit");
    CHECK(remedy(with(R"(,"unit":null,"cgroup":"/")"), "process", without_unit) == "0 notes"); // it is in none
    CHECK(remedy(with(""), "unit", {}) == "record with -o +unit");
    CHECK(remedy(with(""), "unit,remote", {}) == "record with -o +unit,remote_address");
    std::string several = with(R"(,"unit":null)");
    several.replace(several.find(R"("by":"process")"), 14, R"("by":"user")");
    CHECK(remedy(several, "unit", {}) == "record with --by unit");
}

TEST_CASE("rows that were saved by several keys tell all of them")
{
    std::string saved = line("a", "1", 7, 5, "p", R"("rx_bytes":1,"tx_bytes":1,"user":"u","remote_address":null)");
    saved.replace(saved.find(R"("by":"process")"), 14, R"("by":"remote,user")");
    CHECK(add_up(saved, GroupBy("user")).report.notes.empty());
    CHECK(add_up(saved, GroupBy("remote")).report.notes.empty()); // null is known to be none
    CHECK(add_up(saved + line("a", "1", 7, 5, "p"), GroupBy("user,remote")).report.rows.size() == 2);
    CHECK(why_not(R"({"schema":"socktally/1","started_at":"2026-11-20T21:00:00Z","duration_ns":1,"complete":true,)"
                  R"("by":"remote,user","rows":[{"user":"u","rx_bytes":1}]})"
                  "\n") == "read");
}

TEST_CASE("connections that were not saved are not known")
{
    const std::string saved = line("a", "1", 7, 5, "p", R"("rx_bytes":1,"tx_bytes":1,"connections":2)");
    CHECK(add_up(saved + saved).report.rows.at(0).connections == 4U);
    CHECK_FALSE(add_up(saved + line("a", "1", 7, 5, "p")).report.rows.at(0).connections);
    CHECK_FALSE(add_up(line("a", "1", 7, 5, "p")).report.rows.at(0).connections);
}

TEST_CASE("a filter leaves out what it cannot judge, and says so")
{
    SummaryPlan port;
    port.filter = typed({"port=443"});
    const Report report = add_up(line("a", "1", 7, 5, "p"), GroupBy("process"), port).report;
    CHECK(report.rows.empty());
    CHECK(has_note(report, NoteCode::filter_unjudged));
    const std::string of_no_sockets = line("a", "1", 7, 5, "p", R"("rx_bytes":1,"tx_bytes":0,"connections":0)");
    CHECK(has_note(add_up(of_no_sockets, GroupBy("process"), port).report, NoteCode::filter_unjudged));
    SummaryPlan name;
    name.filter = typed({"name=q"});
    CHECK_FALSE(
        has_note(add_up(line("a", "1", 7, 5, "p"), GroupBy("process"), name).report, NoteCode::filter_unjudged));
    SummaryPlan both; // one that says no is enough
    both.filter = typed({"port=443", "name=q"});
    CHECK_FALSE(
        has_note(add_up(line("a", "1", 7, 5, "p"), GroupBy("process"), both).report, NoteCode::filter_unjudged));
}

TEST_CASE("a filter that no row passes is told of, and makes nothing incomplete")
{
    SummaryPlan name;
    name.filter = typed({"name=q"});
    const Report report = add_up(line("a", "1", 7, 5, "p"), GroupBy("process"), name).report;
    CHECK(has_note(report, NoteCode::filter_unmatched));
    CHECK(is_complete(report.notes));
    name.filter = typed({"name=q", "name=p"});
    CHECK_FALSE(
        has_note(add_up(line("a", "1", 7, 5, "p"), GroupBy("process"), name).report, NoteCode::filter_unmatched));
    CHECK_FALSE(
        has_note(add_up("", GroupBy("process"), name).report, NoteCode::filter_unmatched)); // there is nothing at all
}

TEST_CASE("a sum that does not fit is told, and makes the report incomplete")
{
    const auto moved = [](std::string_view rx) {
        return line("a", "1", 7, 5, "p", fmt::format(R"("rx_bytes":{},"tx_bytes":1)", rx));
    };
    const auto most = moved("18446744073709551615");
    CHECK_FALSE(has_note(add_up(most).report, NoteCode::sum_overflow));
    CHECK_FALSE(has_note(add_up(most + moved("0")).report, NoteCode::sum_overflow));
    const Report report = add_up(most + moved("1")).report;
    CHECK(has_note(report, NoteCode::sum_overflow));
    CHECK_FALSE(is_complete(report.notes));
    CHECK(report.totals.rx_bytes == 18446744073709551615U);
}

TEST_CASE("a row passes a filter or its opposite, unless neither can judge it")
{
    const auto count = [](const std::string& text, const std::string& term) {
        SummaryPlan wanted;
        wanted.filter = typed({term});
        const Report report = add_up(text, GroupBy("process"), wanted).report;
        return report.rows.size() + (has_note(report, NoteCode::filter_unjudged) ? 10 : 0);
    };
    const std::string alice = line("a", "1", 7, 5, "p", R"("user":"alice","rx_bytes":1)");
    const std::string nobody = line("a", "1", 7, 5, "p", R"("user":null,"rx_bytes":1)");
    CHECK(count(alice, "user=alice") == 1);
    CHECK(count(alice, "!user=alice") == 0);
    CHECK(count(alice, "user=bob") == 0);
    CHECK(count(alice, "!user=bob") == 1);
    CHECK(count(alice, "user=1000") == 10); // her number was not saved
    CHECK(count(alice, "!user=1000") == 10);
    CHECK(count(nobody, "user=alice") == 10);
    CHECK(count(nobody, "!user=alice") == 10);
}

TEST_CASE("a pod is found by the name that was saved")
{
    SummaryPlan wanted;
    wanted.filter = typed({"pod=web-1"});
    const auto rows_of = [&](std::string_view pod) {
        return add_up(line("a", "1", 7, 5, "p", fmt::format(R"("pod":"{}")", pod)), GroupBy("process"), wanted)
            .report.rows.size();
    };
    CHECK(rows_of("web-1") == 1);
    CHECK(rows_of("web-10") == 0);
}

TEST_CASE("what is no snapshot is refused in words")
{
    const std::string good = line("a", "1", 7, 5, "p");
    const auto with = [](std::string_view more) { return line("a", "1", 7, 5, "p", more); };
    CHECK(why_not(good) == "read");
    CHECK(why_not(with(R"("rx_bytes":18446744073709551615,"tx_bytes":0)")) == "read");
    CHECK(why_not(with(R"("rx_bytes":-1)")) == "\"rx_bytes\" is not a whole number from 0 to 18446744073709551615");
    CHECK(why_not(with(R"("rx_bytes":1e3)")) == "\"rx_bytes\" is not a whole number from 0 to 18446744073709551615");
    CHECK(why_not(with(R"("rx_bytes":18446744073709551616)")).starts_with("not a JSON object"));
    CHECK(why_not(with(R"("pid":1)")) == "\"pid\" appears twice");
    CHECK(why_not(with(R"("host":"b")")) == "\"host\" appears twice");
    CHECK(why_not(with(R"("user":1)")) == "\"user\" is not a string");
    CHECK(why_not(with(R"("attribution":"sure")")) == "unknown value \"sure\" in \"attribution\"");
    CHECK(why_not(with(R"("later":[{"deep":1}])")) == "read");
    CHECK(why_not(with(R"("schema":"socktally/2")")) == "the schema is \"socktally/2\", not \"socktally/1\"");
    CHECK(why_not("{}\n") == "neither a snapshot nor a row of one");
    CHECK(why_not("[]\n") == "not a JSON object; report reads what -f json and -f jsonl print");
    CHECK(why_not(good.substr(0, good.size() - 1) + " {}\n").starts_with("not a JSON object"));
    CHECK(why_not(std::string(5000, '[') + "\n").starts_with("not a JSON object"));
    CHECK(why_not("{\"a\":\"\xff\"}\n").starts_with("not a JSON object"));
    CHECK(
        why_not(
            R"({"schema":"socktally/1","started_at":"2026-11-20T21:00:00Z","duration_ns":1,"complete":true,"by":"name"})"
            "\n") == "no array \"names\"");
}

TEST_CASE("a line means the same after others of its snapshot")
{
    const std::string good = line("a", "1", 7, 5, "p", R"("rx_bytes":10,"tx_bytes":1,"later":0.50)");
    const auto changed = [&good](std::string_view from, std::string_view to) {
        std::string text = good;
        return text.replace(text.find(from), from.size(), to);
    };
    const auto received = [&changed](std::string_view number) {
        return changed("\"rx_bytes\":10", fmt::format("\"rx_bytes\":{}", number));
    };
    const auto reason_after = [&good](const std::string& text) {
        const Outcome outcome = add_up(good + good + text + good);
        return outcome.left_out.size() == 1 ? outcome.left_out.front().reason : "read";
    };
    for (const std::string& text :
         {received("010"), received("-1"), received("1.5"), received("18446744073709551616"), received("x"),
          changed("0.50", "0."), changed("0.50", "\"\xff\""), changed("0.50", "[1"), changed("0.50}", "0.50}}"),
          changed("0.50}", "0.50,}"), changed("0.50}", "0.50"),
          changed("\"pid\":7,\"process\":\"p\"", "\"pid\":7,\"pid\":7"), changed("\"pid\":7", "\"pid\":\"7\""),
          changed("\"kind\":\"process\"", "\"kind\":\"none\""), changed("\"pid\":7", "\"pid\":99999999999"),
          changed("\"process\":\"p\"", "\"process\":\"p\t\"")}) {
        CAPTURE(text);
        CHECK(reason_after(text) == why_not(text));
        CHECK(why_not(text) != "read");
    }
    for (const std::string& text :
         {good, received("1844674407370955161"), changed("\"p\"", "\"\\u0070\""), changed("\"p\"", "\"\xc3\xa9\""),
          changed("0.50", "{\"deep\":[1]}"), changed("0.50}", "0.50 }\r"), changed("\"pid\":7", "\"pid\":null"),
          changed("\"pid\":7,", ""), changed(",\"later\":0.50", "")}) {
        CAPTURE(text);
        CHECK(reason_after(text) == "read");
        CHECK(add_up(good + good + text + good).report.totals.tx_bytes == 4U);
    }
    const Report escaped = add_up(good + good + changed("\"p\"", "\"\\u0070\""), GroupBy("name")).report;
    REQUIRE(escaped.rows.size() == 1);
    CHECK(escaped.rows[0].rx_bytes == 30U);
}

TEST_CASE("a fault is between good lines, and a document is added whole or not at all")
{
    const std::string good = line("a", "1", 7, 5, "p");
    const Outcome outcome = add_up(good + "garbage\n" + good + good.substr(0, 50) + "\n" + good);
    CHECK(outcome.report.totals.rx_bytes == 30U);
    REQUIRE(outcome.left_out.size() == 2);
    CHECK(outcome.left_out[0].first_line == 2);
    CHECK(outcome.left_out[1].first_line == 4);
    CHECK_FALSE(outcome.left_out[1].is_cut_off);
    CHECK(add_up(good + good.substr(0, 50)).left_out.at(0).is_cut_off);
    CHECK(add_up(R"({"schema":"socktally/1","started_at":"2026-11-20T21:00:00Z","duration_ns":1,"complete":true,)"
                 R"("by":"name","names":[{"process":"p","rx_bytes":5},{"process":"q","rx_bytes":"5"}]})")
              .report.rows.empty());
}
