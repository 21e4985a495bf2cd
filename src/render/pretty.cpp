// SPDX-License-Identifier: MIT
// The table for people: aligned, rounded, with a bar for each row's share. Programs should read another format.
#include "render/human.hpp"
#include "render/render.hpp"
#include "render/table.hpp"
#include "render/width.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

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
        if (is_painted)
            out_ += sgr.at(static_cast<std::size_t>(paint));
        out_ += text;
        if (is_painted)
            out_ += "\x1b[0m";
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
    if (field.is_right_aligned)
        painter.spaces(padding);
    painter.put(cut, paint);
    if (!field.is_right_aligned && !is_last)
        painter.spaces(padding);
    if (!is_last)
        painter.spaces(gap);
}

/// A bar in eighths of a column. A share over 0 is never drawn as nothing.
std::string bar(std::uint64_t part, std::uint64_t whole, std::size_t width)
{
    constexpr std::array<std::string_view, 8> eighths = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const double share = static_cast<double>(part) / static_cast<double>(whole);
    auto filled = static_cast<std::size_t>(std::round(std::min(share, 1.0) * 8 * static_cast<double>(width)));
    if (part != 0)
        filled = std::max<std::size_t>(filled, 1);
    std::string text;
    for (std::size_t i = 0; i < filled / 8; ++i)
        text += "█";
    return text.append(eighths.at(filled % 8));
}

void put_share(Painter& painter, const Row& row, const Totals& totals, std::size_t bar_width)
{
    const std::string percent = has_known_bytes(row) ? human_share(bytes_of(row), bytes_of(totals)) : "-";
    painter.spaces(percent_width - std::min(percent_width, percent.size()));
    painter.put(percent);
    const std::string drawn = bar(bytes_of(row), bytes_of(totals), bar_width);
    if (!drawn.empty())
        painter.spaces(1);
    painter.put(drawn, Paint::bar);
}

void put_header(Painter& painter, const Table& table)
{
    for (const Field& field : table.fields)
        put_padded(painter, field, field.heading, Paint::dim, table.bar_width == 0 && &field == &table.fields.back());
    if (table.bar_width != 0)
        painter.put("SHARE", Paint::dim);
    painter.end_line();
}

void put_row(Painter& painter, const Table& table, const Report& report, std::size_t index)
{
    const Row& row = report.rows[index];
    const Paint name_paint = row.other || row.attribution == Quality::unknown ? Paint::dim : Paint::bold;
    for (const Field& field : table.fields)
        put_padded(painter, field, field.cells[index], field.is_name ? name_paint : Paint::plain,
                   table.bar_width == 0 && &field == &table.fields.back());
    if (table.bar_width != 0)
        put_share(painter, row, report.totals, table.bar_width);
    painter.end_line();
}

void put_completeness(Painter& painter, const Report& report)
{
    painter.put(report.complete ? "complete" : "incomplete", report.complete ? Paint::good : Paint::warning);
}

void put_closing_line(Painter& painter, const Report& report)
{
    const Totals& totals = report.totals;
    painter.put(fmt::format("total {} rx, {} tx", human_bytes(totals.rx_bytes), human_bytes(totals.tx_bytes)));
    if (report.duration.count() > 0)
        painter.put(
            fmt::format(" in {} ({})", human_window(report.duration), human_rate(bytes_of(totals), report.duration)));
    else
        painter.put(" since the open sockets were opened");
    const std::uint64_t unattributed = sum(totals.unattributed_rx_bytes, totals.unattributed_tx_bytes);
    if (unattributed != 0)
        painter.put(fmt::format(" · {} unattributed", human_bytes(unattributed)));
    painter.put(fmt::format(" · {} · ", printable(report.backend)));
    put_completeness(painter, report);
    painter.end_line();
}

void put_nothing(Painter& painter, const Report& report)
{
    if (report.duration.count() > 0)
        painter.put(fmt::format("no traffic in {}", human_window(report.duration)));
    else
        painter.put("no traffic on any open socket");
    painter.put(fmt::format(" · {} · ", printable(report.backend)));
    put_completeness(painter, report);
    painter.end_line();
}

void put_note(Painter& painter, const Note& note)
{
    painter.put("note:", note.incomplete ? Paint::warning : Paint::dim);
    painter.put(fmt::format(" {}", printable(note.message)));
    if (!note.remedy.empty())
        painter.put(fmt::format("; remedy: {}", printable(note.remedy)));
    painter.end_line();
}

} // namespace

void render_pretty(std::string& out, const Report& report, const ColumnList& columns, const PrettyStyle& style)
{
    Painter painter(out, style.color);
    if (report.rows.empty()) {
        put_nothing(painter, report);
    } else {
        const Table table = lay_out(report, columns, style);
        if (style.header)
            put_header(painter, table);
        for (std::size_t i = 0; i < report.rows.size(); ++i)
            put_row(painter, table, report, i);
        painter.end_line();
        put_closing_line(painter, report);
    }
    for (const Note& note : report.notes)
        put_note(painter, note);
}

} // namespace socktally
