// SPDX-License-Identifier: MIT
// The table for people: aligned, rounded, with a bar for each row's share. Programs should read another format.
#include "formats/escape.hpp"
#include "formats/human.hpp"
#include "formats/pretty_table.hpp"
#include "formats/width.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

namespace socktally {

namespace {

enum class Paint : std::uint8_t { plain, bold, dim, bar, good, warning };

constexpr std::array<std::string_view, 6> sgr = {"", "\x1b[1m", "\x1b[2m", "\x1b[36m", "\x1b[32m", "\x1b[33m"};

class Painter {
public:
    Painter(std::string& out, bool color) : out_(out), color_(color) {}

    void put(std::string_view text, Paint paint = Paint::plain)
    {
        const bool is_painted = color_ && paint != Paint::plain && !text.empty();
        if (is_painted) {
            out_ += sgr.at(static_cast<std::size_t>(paint));
        }
        out_ += text;
        if (is_painted) {
            out_ += "\x1b[0m";
        }
    }
    void spaces(std::size_t count) { out_.append(count, ' '); }
    void end_line() { out_ += '\n'; }

private:
    std::string& out_;
    bool color_;
};

void put_padded(Painter& painter, const Field& field, std::string_view text, Paint paint, bool is_last)
{
    const std::string cut = cut_to_width(text, field.width);
    const std::size_t padding = field.width - display_width(cut);
    if (field.is_right_aligned) {
        painter.spaces(padding);
    }
    painter.put(cut, paint);
    if (!field.is_right_aligned && !is_last) {
        painter.spaces(padding);
    }
    if (!is_last) {
        painter.spaces(gap);
    }
}

/// A bar in eighths of a column, for a share over 0: it is never drawn as nothing.
std::string bar(std::uint64_t part, std::uint64_t whole, std::size_t width)
{
    constexpr std::array<std::string_view, 8> eighths = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const double share = static_cast<double>(part) / static_cast<double>(whole);
    const double eighth_count = std::round(std::min(share, 1.0) * 8 * static_cast<double>(width));
    const std::size_t filled = std::max<std::size_t>(static_cast<std::size_t>(eighth_count), 1);
    std::string text;
    for (std::size_t i = 0; i < filled / 8; ++i) {
        text += "█";
    }
    return text.append(eighths.at(filled % 8));
}

void put_share(Painter& painter, const Row& row, const Totals& totals, std::size_t bar_width)
{
    const std::string percent = has_known_bytes(row) ? human_share(bytes_of(row), bytes_of(totals)) : "-";
    painter.spaces(percent_width - std::min(percent_width, percent.size()));
    painter.put(percent);
    if (bytes_of(row) == 0 || bar_width == 0) {
        return;
    }
    painter.spaces(1);
    painter.put(bar(bytes_of(row), bytes_of(totals), bar_width), Paint::bar);
}

bool is_last(const Table& table, const Field& field) { return !table.has_share && &field == &table.fields.back(); }

/// The bytes of an hour or a day, over all its rows.
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

/// A bar for each piece. If one is missing, nothing was saved in it, which is not the same as no traffic.
void put_chart(Painter& painter, const Report& report, std::size_t width)
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
    const std::size_t bar_width = std::clamp(width - std::min(width, left), least, most);
    std::optional<TimePoint> expected;
    for (const auto& [time, piece] : pieces) {
        if (expected && *expected != time) {
            painter.put("…", Paint::dim);
            painter.end_line();
        }
        const std::string bytes = marked(human_bytes(piece.bytes), piece.unknown);
        painter.put(piece_name(time, *report.per));
        painter.spaces(gap + bytes_width - std::min(bytes_width, display_width(bytes)));
        painter.put(bytes);
        if (piece.bytes != 0) {
            painter.spaces(gap);
            painter.put(bar(piece.bytes, largest, bar_width), Paint::bar);
        }
        painter.end_line();
        expected = time + length(*report.per);
    }
    painter.end_line();
}

void put_header(Painter& painter, const Table& table)
{
    for (const Field& field : table.fields) {
        put_padded(painter, field, field.heading, Paint::dim, is_last(table, field));
    }
    if (table.has_share) {
        painter.put("SHARE", Paint::dim);
    }
    painter.end_line();
}

void put_row(Painter& painter, const Table& table, const Report& report, std::size_t index)
{
    const Row& row = report.rows[index];
    const Paint name_paint = row.is_other() || row.attribution == Quality::unknown ? Paint::dim : Paint::bold;
    for (const Field& field : table.fields) {
        put_padded(painter, field, field.cells[index], field.is_name ? name_paint : Paint::plain,
                   is_last(table, field));
    }
    if (table.has_share) {
        put_share(painter, row, report.totals, table.bar_width);
    }
    painter.end_line();
}

std::string bytes_text(const std::optional<std::uint64_t>& bytes, const Totals& totals)
{
    return bytes ? marked(human_bytes(*bytes), totals.unknown_connections) : "-";
}

/// The totals of the sample, in pieces between which a line may break.
std::vector<std::string> sums(const Report& report)
{
    const Totals& totals = report.totals;
    std::vector<std::string> pieces{fmt::format("total {} rx,", bytes_text(totals.rx_bytes, totals)),
                                    fmt::format("{} tx", bytes_text(totals.tx_bytes, totals))};
    if (report.duration.count() == 0) {
        pieces.emplace_back("since the open sockets were opened");
    } else {
        pieces.push_back(fmt::format("in {}", human_window(report.duration)));
        const bool is_measured = std::none_of(report.rows.begin(), report.rows.end(),
                                              [](const Row& row) { return row.window == std::chrono::seconds(0); });
        if (is_measured && (totals.rx_bytes || totals.tx_bytes)) {
            pieces.push_back(
                fmt::format("({})", marked(human_rate(bytes_of(totals), report.duration), totals.unknown_connections)));
        }
    }
    const auto& rx = totals.unattributed_rx_bytes;
    const auto& tx = totals.unattributed_tx_bytes;
    if (!report.by.is_by_interface() && (rx != 0U || tx != 0U)) {
        const auto both = rx || tx ? std::optional(sum(rx.value_or(0), tx.value_or(0))) : std::nullopt;
        pieces.push_back(fmt::format("· {} unattributed", bytes_text(both, totals)));
    }
    return pieces;
}

std::vector<std::string> no_sums(const Report& report)
{
    const std::string_view seen = report.complete ? "no traffic" : "no traffic seen";
    if (report.duration.count() == 0) {
        return {fmt::format("{} on any open socket", seen)};
    }
    return {fmt::format("{} in {}", seen, human_window(report.duration))};
}

/// Prints the totals, the backend, and whether anything is missing.
void put_closing_line(Painter& painter, const Report& report, std::size_t width)
{
    const std::string_view verdict = report.complete ? "complete" : "incomplete";
    std::vector<std::string> pieces = report.rows.empty() ? no_sums(report) : sums(report);
    pieces.push_back(fmt::format("· {}", printable(report.backend)));
    pieces.push_back(fmt::format("· {}", verdict));
    constexpr std::size_t indent = 2;
    const std::string text = wrap(pieces, width, 0, indent);
    painter.put(std::string_view(text).substr(0, text.size() - verdict.size()));
    painter.put(verdict, report.complete ? Paint::good : Paint::warning);
    painter.end_line();
}

/// A remedy is not broken into lines: most are commands, which have to survive being copied.
void put_note(Painter& painter, const Note& note, std::size_t width)
{
    constexpr std::string_view label = "note: ";
    painter.put(label, note.incomplete ? Paint::warning : Paint::dim);
    painter.put(wrap(printable(note.message), width, label.size(), label.size()));
    painter.end_line();
    if (note.remedy.empty()) {
        return;
    }
    painter.spaces(label.size());
    painter.put("remedy: ", Paint::dim);
    painter.put(printable(note.remedy));
    painter.end_line();
}

/// Prints notes about missing bytes first.
void put_notes(Painter& painter, const Report& report, std::size_t width)
{
    for (const bool incomplete : {true, false}) {
        for (const Note& note : report.notes) {
            if (note.incomplete == incomplete) {
                put_note(painter, note, width);
            }
        }
    }
}

void render_pretty(std::string& out, const Report& report, const ColumnList& columns, const Style& style)
{
    Painter painter(out, style.color);
    if (!report.rows.empty() && report.per) {
        put_chart(painter, report, style.width);
    }
    if (!report.rows.empty()) {
        const Table table = lay_out(report, columns, style);
        if (style.header) {
            put_header(painter, table);
        }
        for (std::size_t i = 0; i < report.rows.size(); ++i) {
            put_row(painter, table, report, i);
        }
        painter.end_line();
    }
    put_closing_line(painter, report, style.width);
    put_notes(painter, report, style.width);
}

using Texts = std::vector<std::string>;

/// The listing as it is printed: header and rows.
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

/// Where column `index` begins, if each is as wide as its longest text.
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

/// The last column is wrapped. Commands that do not fit go below the column before them, which is wrapped then.
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
            out.append(indent, ' ').append(listing.headers.back()).append(": ").append(line.back()) += '\n';
        }
    }
}

} // namespace

extern const Format pretty_format{.name = "pretty",
                                  .render = render_pretty,
                                  .list = list_pretty,
                                  .is_of_doctor = true,
                                  .has_notes = true,
                                  .between_windows = "\n"};

} // namespace socktally
