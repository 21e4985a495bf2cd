// SPDX-License-Identifier: MIT
// JSON and JSON lines. schema/socktally-1.schema.json describes their members. Under the same schema number, members
// may be added, but not changed or removed.
#include "formats/escape.hpp"
#include "formats/format.hpp"

namespace socktally {

namespace {

/// Writes the members of one object; the caller writes the braces.
class Members {
public:
    explicit Members(std::string& out) : out_(out) {}

    /// Writes the key of a member, after a comma unless the member is the first. The caller appends the value to the
    /// returned string.
    std::string& key(std::string_view name)
    {
        out_.append(is_first_ ? "\"" : ",\"").append(name).append("\":");
        is_first_ = false;
        return out_;
    }
    void number(std::string_view name, std::uint64_t value) { key(name) += std::to_string(value); }
    void number_or_null(std::string_view name, const std::optional<std::uint64_t>& value)
    {
        key(name) += value ? std::to_string(*value) : "null";
    }
    void text(std::string_view name, std::string_view value) { append_json_string(key(name), value); }
    void text_or_null(std::string_view name, std::string_view value)
    {
        if (value.empty()) {
            key(name) += "null";
        } else {
            text(name, value);
        }
    }
    void boolean(std::string_view name, bool value) { key(name) += value ? "true" : "false"; }

private:
    std::string& out_;
    bool is_first_ = true;
};

std::uint64_t nanoseconds_of(const Report& report) { return static_cast<std::uint64_t>(report.duration.count()); }

void append_cell(std::string& out, const Cell& cell)
{
    if (const auto* number = std::get_if<std::uint64_t>(&cell)) {
        out += std::to_string(*number);
    } else if (const auto* decimal = std::get_if<Decimal>(&cell)) {
        out += to_string(*decimal);
    } else if (const auto* text = std::get_if<std::string>(&cell)) {
        append_json_string(out, *text);
    } else {
        out += "null";
    }
}

void add_cells(Members& members, const CellTable& table, std::size_t row)
{
    for (std::size_t column = 0; column < table.names.size(); ++column) {
        append_cell(members.key(table.names[column]), table.cell(row, column));
    }
}

/// Writes an array of objects. Each object is on its own line, for diff(1) and for people.
template <typename AddMembers>
void append_objects(std::string& out, std::size_t count, AddMembers add_members)
{
    out += '[';
    for (std::size_t i = 0; i < count; ++i) {
        out += i == 0 ? "\n{" : ",\n{";
        Members members(out);
        add_members(members, i);
        out += '}';
    }
    out += count == 0 ? "]" : "\n]";
}

void append_cells(std::string& out, const CellTable& table)
{
    append_objects(out, table.rows, [&](Members& members, std::size_t row) { add_cells(members, table, row); });
}

void add_note(Members& members, const Note& note)
{
    members.text("code", to_string(note.code));
    members.text("message", note.message);
    members.text_or_null("remedy", note.remedy);
    members.boolean("incomplete", note.incomplete);
    if (note.missing) {
        members.number_or_null("sockets", note.missing->sockets);
        members.number_or_null("rx_bytes", note.missing->rx_bytes);
        members.number_or_null("tx_bytes", note.missing->tx_bytes);
    }
}

void add_interface(Members& members, const InterfaceTraffic& interface)
{
    members.text("name", interface.name);
    members.number("rx_bytes", interface.rx_bytes);
    members.number("tx_bytes", interface.tx_bytes);
}

void append_totals(std::string& out, const Totals& totals)
{
    out += '{';
    Members members(out);
    members.number_or_null("rx_bytes", totals.rx_bytes);
    members.number_or_null("tx_bytes", totals.tx_bytes);
    members.number_or_null("unattributed_rx_bytes", totals.unattributed_rx_bytes);
    members.number_or_null("unattributed_tx_bytes", totals.unattributed_tx_bytes);
    members.number("unknown_connections", totals.unknown_connections);
    out += '}';
}

void render_json(std::string& out, const Report& report, const ColumnList& columns, const Style&)
{
    out += '{';
    Members members(out);
    members.text("schema", "socktally/1");
    members.text_or_null("host", report.host);
    members.text_or_null("boot_id", report.boot_id);
    members.text("started_at", to_timestamp(report.started_at));
    if (report.since) {
        members.text("since", to_timestamp(*report.since));
    }
    members.number("duration_ns", nanoseconds_of(report));
    members.text("backend", report.backend);
    // This is the layer of rx_bytes and tx_bytes. It does not depend on the backend.
    members.text("layer", report.by.is_by_interface() ? "link" : "payload");
    members.boolean("complete", report.complete);
    members.text("by", report.by.name());
    append_objects(members.key("notes"), report.notes.size(),
                   [&](Members& note_members, std::size_t i) { add_note(note_members, report.notes[i]); });
    append_totals(members.key("totals"), report.totals);
    append_cells(members.key(report.by.array()), cells_of(report, columns));
    if (!report.by.is_by_interface()) { // with --by interface, the rows show the interfaces
        append_objects(members.key("interfaces"), report.interfaces.size(),
                       [&](Members& interface, std::size_t i) { add_interface(interface, report.interfaces[i]); });
    }
    out += "}\n";
}

void render_jsonl(std::string& out, const Report& report, const ColumnList& columns, const Style&)
{
    const std::string ts = to_timestamp(report.started_at);
    const bool has_host = has_column(columns, "host");
    const CellTable table = cells_of(report, columns);
    for (std::size_t row = 0; row < table.rows; ++row) {
        out += '{';
        Members members(out);
        members.text("ts", ts);
        if (!has_host) {
            members.text_or_null("host", report.host);
        }
        members.text_or_null("boot_id", report.boot_id);
        members.number("duration_ns", nanoseconds_of(report));
        members.text("backend", report.backend);
        members.boolean("complete", report.complete);
        members.text("by", report.by.name());
        add_cells(members, table, row);
        out += "}\n";
    }
}

void list_json(std::string& out, const Listing& listing, const Style&)
{
    out += '{';
    append_cells(Members(out).key(listing.name), cells_of(listing));
    out += "}\n";
}

void list_jsonl(std::string& out, const Listing& listing, const Style&)
{
    const CellTable table = cells_of(listing);
    for (std::size_t row = 0; row < table.rows; ++row) {
        out += '{';
        Members members(out);
        add_cells(members, table, row);
        out += "}\n";
    }
}

} // namespace

extern const Format json_format{.name = "json",
                                .render = render_json,
                                .list = list_json,
                                .usual_columns = all_columns,
                                .is_of_doctor = true,
                                .has_notes = true,
                                .has_host = true,
                                .takes_made_rows = true};
extern const Format jsonl_format{.name = "jsonl",
                                 .render = render_jsonl,
                                 .list = list_jsonl,
                                 .usual_columns = all_columns,
                                 .has_host = true,
                                 .takes_made_rows = true};

} // namespace socktally
