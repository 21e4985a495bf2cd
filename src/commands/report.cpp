// SPDX-License-Identifier: MIT
// report: adds up saved snapshots.
#include "commands/commands.hpp"
#include "commands/describe.hpp"
#include "commands/make_report.hpp"
#include "commands/output.hpp"
#include "commands/resolve_filter.hpp"
#include "commands/summary.hpp"
#include "linux/error.hpp"
#include "linux/fd.hpp"
#include "linux/terminal.hpp"
#include "report/read.hpp"
#include "util/number.hpp"
#include "util/text.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

namespace socktally {

namespace {

/// Counts the skipped lines of all files. Prints a message about each of the first 20 skipped ranges of lines.
class LeftOutLines {
public:
    explicit LeftOutLines(bool quiet) : quiet_(quiet) {}

    void add(const std::string& file, const LeftOut& lines)
    {
        const std::uint64_t count = lines.last_line - lines.first_line + 1;
        (lines.is_cut_off ? cut_off_ : skipped_) += count;
        constexpr std::uint64_t most = 20;
        if (quiet_ || ++told_ > most) {
            return;
        }
        const std::string range =
            count == 1 ? fmt::format("{}", lines.first_line) : fmt::format("{}-{}", lines.first_line, lines.last_line);
        const std::string_view what = lines.is_cut_off ? "cut off, skipped" : "skipped";
        say(fmt::format("{}:{}: {}: {}", quote(file), range, what, lines.reason));
    }
    void add_notes(std::vector<Note>& notes) const
    {
        if (skipped_ > 0) {
            notes.push_back({NoteCode::lines_left_out,
                             fmt::format("skipped {}", plural(skipped_, "line that is not a socktally snapshot",
                                                              "lines that are not socktally snapshots"))});
        }
        if (cut_off_ > 0) {
            notes.emplace_back(NoteCode::input_cut_off);
        }
    }

private:
    bool quiet_;
    std::uint64_t skipped_ = 0;
    std::uint64_t cut_off_ = 0;
    std::uint64_t told_ = 0;
};

/// Reads the given files. If a file is given twice, reads it once.
class Input {
public:
    Input(Summary& summary, LeftOutLines& left_out) : summary_(summary), left_out_(left_out) {}

    void read(const std::string& name)
    {
        const bool is_stdin = name == "-";
        const std::string shown = is_stdin ? "standard input" : name;
        const Fd opened(is_stdin ? -1 : ::open(name.c_str(), O_RDONLY | O_CLOEXEC));
        if (!is_stdin && !opened) {
            throw errno_error("cannot open " + quote(name));
        }
        if (is_stdin && is_terminal(STDIN_FILENO)) {
            throw UsageError("report needs saved samples, such as socktally report day.jsonl");
        }
        const int file = is_stdin ? STDIN_FILENO : opened.get();
        if (was_read(file)) {
            notes_.push_back({NoteCode::given_twice, quote(shown) + " was given more than once and is read once"});
            return;
        }
        read_snapshots(
            file, shown, [&](SnapshotParser& parser) { summary_.add(parser); },
            [&](const LeftOut& lines) { left_out_.add(shown, lines); });
        summary_.end_input();
    }
    const std::vector<Note>& notes() const { return notes_; }

private:
    bool was_read(int file)
    {
        struct stat status {};
        return ::fstat(file, &status) == 0 && S_ISREG(status.st_mode) &&
               !read_.emplace(status.st_dev, status.st_ino).second;
    }

    Summary& summary_;
    LeftOutLines& left_out_;
    std::set<std::pair<dev_t, ino_t>> read_;
    std::vector<Note> notes_;
};

bool has_unmeasured(const std::vector<Row>& rows)
{
    return std::any_of(rows.begin(), rows.end(), [](const Row& row) { return row.window == std::chrono::seconds(0); });
}

/// Finishes the rows of each hour or day separately if `report` splits them, else all rows together.
void finish_pieces(Report& report, const Options& options, const OutputPlan& plan)
{
    std::vector<Row>& rows = report.rows;
    std::map<std::optional<TimePoint>, std::vector<Row>> pieces;
    for (Row& row : rows) {
        pieces[options.per ? row.time : std::nullopt].push_back(std::move(row));
    }
    rows.clear();
    for (auto& [time, piece] : pieces) {
        finish_rows(piece, report, options, plan);
        std::move(piece.begin(), piece.end(), std::back_inserter(rows));
    }
}

} // namespace

Exit run_report(const Options& options)
{
    const Output output(options);
    const OutputPlan plan = make_output_plan(options, output.is_terminal(), terminal_width(STDOUT_FILENO),
                                             output.is_terminal() ? terminal_height(STDOUT_FILENO) : 0);
    // Snapshots contain the names of users and namespaces, but only addresses of remote hosts. So only names of hosts
    // are looked up.
    Filter filter = options.filter;
    find_hosts(filter, options);
    find_ports(filter);
    Summary summary({options.by, options.per, options.all, filter, options.hosts, options.from, options.to});
    LeftOutLines left_out(options.quiet);
    Input input(summary, left_out);
    for (const std::string& file : options.files) {
        input.read(file);
    }
    Report report = summary.report();
    report.notes.insert(report.notes.end(), input.notes().begin(), input.notes().end());
    left_out.add_notes(report.notes);
    if (has_rate_alert(plan) && has_unmeasured(report.rows)) {
        report.notes.push_back(unmeasured_note());
    }
    report.complete = is_complete(report.notes);
    describe(report, options, summary.passed());
    finish_pieces(report, options, plan);
    name_services(report, options, plan);
    Printer(options, plan, output).print(report);
    return summary.has_read() ? exit_of(has_alert(report, plan), report.complete, options) : Exit::failed;
}

} // namespace socktally
