// SPDX-License-Identifier: MIT
// The format for people: one line about the report, the rows as a table, then the notes. Programs should read another
// format. table_layout.cpp fits the table to the terminal.
#include "formats/escape.hpp"
#include "formats/human.hpp"
#include "formats/pretty_table.hpp"
#include "formats/width.hpp"
#include "util/sum.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <span>

namespace socktally {

namespace {

constexpr std::size_t gap = 2; // between two columns

/// The bytes of one hour or day, and the number of its sockets with unknown bytes.
struct Piece {
    std::uint64_t bytes = 0;
    std::uint64_t unknown = 0;
};

std::string piece_name(TimePoint time, Per per)
{
    const std::string text = to_short_timestamp(time);
    return per == Per::day ? text.substr(0, 10) : fmt::format("{} {}", text.substr(0, 10), text.substr(11, 5));
}

std::map<TimePoint, Piece> pieces_of(const Report& report)
{
    std::map<TimePoint, Piece> pieces;
    for (const Row& row : report.rows) {
        Piece& piece = pieces[row.time.value_or(TimePoint{})];
        piece.bytes = sum(piece.bytes, bytes_of(row));
        piece.unknown = sum(piece.unknown, row.unknown_connections);
    }
    return pieces;
}

/// Draws a bar for each hour or day that has snapshots. A line with an ellipsis stands for hours or days without
/// snapshots, in which there may have been traffic.
void add_chart(std::string& out, const Report& report, const Style& style)
{
    constexpr std::size_t bytes_width = 9; // "≥1023 KiB"
    constexpr std::size_t least = 5;
    constexpr std::size_t most = 60;
    const auto pieces = pieces_of(report);
    std::uint64_t largest = 0;
    for (const auto& [time, piece] : pieces) {
        largest = std::max(largest, piece.bytes);
    }
    const std::size_t left = piece_name({}, *report.per).size() + bytes_width + 2 * gap;
    const std::size_t bar_width = std::clamp(style.width - std::min(style.width, left), least, most);
    std::optional<TimePoint> expected;
    for (const auto& [time, piece] : pieces) {
        if (expected && *expected != time) {
            out += painted("…", Paint::dim, style.color) + '\n';
        }
        const std::string bytes = marked(human_bytes(piece.bytes, style.units), piece.unknown);
        out += piece_name(time, *report.per);
        out.append(gap + bytes_width - std::min(bytes_width, display_width(bytes)), ' ').append(bytes);
        if (piece.bytes != 0) {
            out.append(gap, ' ').append(painted(bar(piece.bytes, largest, bar_width), Paint::bar, style.color));
        }
        out += '\n';
        expected = time + length(*report.per);
    }
    out += '\n';
}

/// Returns a text such as "2.0 MiB ↓ 1.1 MiB ↑". `text` turns a number of bytes into text.
template <typename Text>
std::string both_ways(const Totals& totals, const Text& text)
{
    const auto one_way = [&](const std::optional<std::uint64_t>& bytes) {
        return bytes ? marked(text(*bytes), totals.unknown_connections) : "?";
    };
    return fmt::format("{} ↓ {} ↑", one_way(totals.rx_bytes), one_way(totals.tx_bytes));
}

std::string moved_text(const Totals& totals, Units units)
{
    return both_ways(totals, [=](std::uint64_t bytes) { return human_bytes(bytes, units); });
}

std::string rates_text(const Report& report, Units units)
{
    return both_ways(report.totals, [&](std::uint64_t bytes) { return human_rate(bytes, report.duration, units); });
}

std::string group_count_text(const Report& report)
{
    // In a report by hour or day, a group has several rows, so the line counts rows.
    std::string noun(report.per || report.by.counts_lookups() ? "rows" : report.by.array());
    if (report.group_count == 1) { // the array has a plural name, a key has a singular one
        noun = report.by.keys().size() == 1 ? report.by.keys().front()->name : "row";
    }
    return fmt::format("{} {}", report.group_count, noun);
}

bool has_note(const Report& report, NoteCode code)
{
    return std::any_of(report.notes.begin(), report.notes.end(),
                       [code](const Note& note) { return note.code == code; });
}

/// Writes a line about the report: window, backend, number of rows, bytes or rates, and whether the report is complete.
void add_first_line(std::string& out, const Report& report, const Style& style)
{
    const Totals& totals = report.totals;
    if (has_note(report, NoteCode::no_snapshots)) {
        out += "no snapshots\n";
        return;
    }
    const bool is_window = report.duration.count() != 0;
    std::vector<std::string> pieces{report.is_list                ? "now"
                                    : is_window                   ? human_window(report.duration)
                                    : report.by.is_by_interface() ? "totals of interfaces"
                                                                  : "totals of open sockets"};
    std::size_t second_line = 0; // index of the piece that begins the second line, if all do not fit into one
    const auto add = [&](std::string_view piece) { pieces.push_back(fmt::format("· {}", piece)); };
    add(cut_to_width(printable(report.backend), 16));
    if (!report.rows.empty()) {
        add(group_count_text(report));
    }
    if (!report.rows.empty() && !report.is_list && !report.by.counts_lookups()) {
        const bool is_measured = std::all_of(report.rows.begin(), report.rows.end(), has_window);
        if (has_rates(report) && is_measured) {
            add(rates_text(report, style.units));
        }
        if (has_totals(report) || !is_measured) {
            second_line = pieces.size();
            add(moved_text(totals, style.units));
        }
        const auto& rx = totals.unattributed_rx_bytes;
        const auto& tx = totals.unattributed_tx_bytes;
        if (!report.by.is_by_interface() && (rx != 0U || tx != 0U)) {
            const std::string bytes = human_bytes(sum(rx.value_or(0), tx.value_or(0)), style.units);
            add(fmt::format("{} unattributed", rx || tx ? marked(bytes, totals.unknown_connections) : "?"));
        }
    }
    const std::string_view verdict = report.complete ? "complete" : "incomplete";
    add(verdict);
    std::string text = wrap(pieces, style.width, 0, gap);
    if (second_line != 0 && text.find('\n') != text.npos) {
        const std::span<const std::string> all(pieces);
        text = fmt::format("{}\n{:{}}{}", wrap(all.first(second_line), style.width, 0, gap), "", gap,
                           wrap(all.subspan(second_line), style.width, gap, gap));
    }
    text.resize(text.size() - verdict.size());
    out += text + painted(verdict, report.complete ? Paint::good : Paint::warning, style.color) + '\n';
}

void add_wrapped(std::string& out, std::string_view label, Paint paint, std::string_view text, const Style& style)
{
    const std::size_t indent = display_width(label);
    out += painted(label, paint, style.color) + wrap(printable_message(text), style.width, indent, indent) + '\n';
}

/// Writes the notes. Notes that make the report incomplete come first. Notes with the same remedy are printed together,
/// with the remedy once below them.
void add_notes(std::string& out, const Report& report, const Style& style)
{
    std::vector<const Note*> notes;
    for (const Note& note : report.notes) {
        notes.push_back(&note);
    }
    std::stable_partition(notes.begin(), notes.end(), [](const Note* note) { return note->incomplete; });
    std::set<std::string_view> remedies;
    for (const Note* first : notes) {
        const std::string_view remedy = first->remedy;
        if (!remedy.empty() && !remedies.insert(remedy).second) {
            continue;
        }
        for (const Note* note : notes) {
            if (note == first || (!remedy.empty() && note->remedy == remedy)) {
                add_wrapped(out, "note: ", note->incomplete ? Paint::warning : Paint::dim, note->message, style);
            }
        }
        if (!remedy.empty()) {
            add_wrapped(out, "      remedy: ", Paint::dim, remedy, style);
        }
    }
}

std::string local_text(const LocalTraffic& local)
{
    const bool is_one = local.connections == 1;
    std::string text = fmt::format("{} {} local: both ends are listed", plural(local.connections, "connection"),
                                   is_one ? "is" : "are");
    if (local.hideable == local.connections) {
        text += is_one ? "; --no-loopback hides it" : "; --no-loopback hides them";
    } else if (local.hideable != 0) {
        text += fmt::format("; --no-loopback hides {} of them", local.hideable);
    }
    return text;
}

/// Returns a table of the first `shown` rows, a line that sums up the other rows, and the legend.
std::string table_text(const Report& report, std::size_t shown, const ColumnList& columns, const Style& style)
{
    const std::span<const Row> rows(report.rows);
    PrettyTable made = make_pretty_table(report, rows.first(shown), columns, style);
    const TableLines table = lay_out(std::move(made.columns), style.width, style.header, style.color);
    std::string text = fmt::format("{}\n", fmt::join(table.lines, "\n"));
    if (shown < rows.size() && report.is_list) {
        text += fmt::format("… {} more; --all-rows prints them\n", rows.size() - shown);
    } else if (shown < rows.size()) {
        Totals hidden;
        for (const Row& row : rows.subspan(shown)) {
            add(hidden.rx_bytes, row.rx_bytes);
            add(hidden.tx_bytes, row.tx_bytes);
            hidden.unknown_connections = sum(hidden.unknown_connections, row.unknown_connections);
        }
        text += fmt::format("… {} more  {}\n", rows.size() - shown, moved_text(hidden, style.units));
    }
    if (!made.legend.empty()) {
        add_wrapped(text, "", Paint::plain, made.legend, style);
    }
    if (!table.missing.empty()) {
        add_wrapped(text, "", Paint::plain, fmt::format("no room for: {}", fmt::join(table.missing, ", ")), style);
    }
    return text;
}

std::size_t lines_of(std::string_view text)
{
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

/// Adds a table with as many rows as fit into the terminal beside `around` other lines, but with at least three rows.
void add_table(std::string& out, std::size_t around, const Report& report, const ColumnList& columns,
               const Style& style)
{
    constexpr std::size_t least = 3;
    const std::size_t rows = report.rows.size();
    std::string text = table_text(report, rows, columns, style);
    const std::size_t lines = around + lines_of(text);
    if (style.height != 0 && lines > style.height && rows > least) {
        const std::size_t excess = lines - style.height + 1; // 1 more for the line that sums up the other rows
        text = table_text(report, std::max(least, rows - std::min(rows, excess)), columns, style);
    }
    out += text;
}

void render_pretty(std::string& out, const Report& report, const ColumnList& columns, const Style& style)
{
    std::string rest;
    if (report.local.connections != 0 && !report.rows.empty()) {
        add_wrapped(rest, "", Paint::plain, local_text(report.local), style);
    }
    if (!report.hint.empty() && report.has_rows()) {
        add_wrapped(rest, "", Paint::plain, report.hint, style);
    }
    add_notes(rest, report, style);
    add_first_line(out, report, style);
    if (report.rows.empty()) {
        out += wrap(report.hint, style.width, 0, 0) + '\n'; // the hint is escaped already
    } else {
        out += '\n';
        if (report.per) {
            add_chart(out, report, style);
        }
        const std::string below = rest.empty() ? "" : "\n" + rest;
        add_table(out, lines_of(out) + lines_of(below) + 1, report, columns, style); // 1 more for the shell prompt
        rest = below;
    }
    out += rest;
}

using Texts = std::vector<std::string>;

/// Returns the lines of the listing to print: the header, if asked for, and the rows.
std::vector<Texts> lines_of(const Listing& listing, bool header)
{
    std::vector<Texts> lines;
    if (header) {
        lines.push_back(listing.headers);
    }
    for (const auto& row : listing.rows) {
        Texts& line = lines.emplace_back();
        for (const Cell& cell : row) {
            const auto* text = std::get_if<std::string>(&cell);
            line.push_back(text != nullptr ? printable(*text) : "");
        }
    }
    return lines;
}

/// Returns the position on the screen at which column `index` begins, if each column is as wide as its widest cell.
std::size_t columns_before(const std::vector<Texts>& lines, std::size_t index)
{
    std::size_t begin = index * gap;
    for (std::size_t i = 0; i < index; ++i) {
        std::size_t width = 0;
        for (const Texts& line : lines) {
            width = std::max(width, display_width(line[i]));
        }
        begin += width;
    }
    return begin;
}

/// Prints a listing, and wraps its last column. If the last column has commands that do not fit, prints each command on
/// its own line below the row, and wraps the column before the commands.
void list_pretty(std::string& out, const Listing& listing, const Style& style)
{
    const std::vector<Texts> lines = lines_of(listing, style.header);
    const std::size_t columns = listing.headers.size();
    const bool splits = listing.ends_in_commands && columns_before(lines, columns) > style.width + gap;
    std::vector<std::size_t> begins;
    for (std::size_t i = 0; i < columns - (splits ? 1 : 0); ++i) {
        begins.push_back(columns_before(lines, i));
    }
    const std::size_t last = begins.size() - 1;
    const std::size_t indent = begins[last];
    for (const Texts& line : lines) {
        std::string text;
        for (std::size_t i = 0; i < last; ++i) {
            text += line[i];
            text.append(begins[i + 1] - begins[i] - display_width(line[i]), ' ');
        }
        text += wrap(line[last], style.width, indent, indent);
        text.erase(text.find_last_not_of(' ') + 1);
        out += text + '\n';
        const bool is_header = style.header && &line == &lines.front();
        if (splits && !is_header && !line.back().empty()) {
            const std::string label = fmt::format("{:{}}{}: ", "", indent, listing.headers.back());
            const bool is_of_shell = line.back().find_first_of("\"&>") != std::string::npos; // is for pasting, so whole
            const std::size_t begin = label.size();
            out += label + (is_of_shell ? line.back() : wrap(line.back(), style.width, begin, begin)) + '\n';
        }
    }
}

} // namespace

extern const Format pretty_format{.name = "pretty",
                                  .render = render_pretty,
                                  .list = list_pretty,
                                  .is_of_doctor = true,
                                  .has_notes = true,
                                  .is_for_people = true,
                                  .between_windows = "\n"};

} // namespace socktally
