// SPDX-License-Identifier: MIT
// JSON and JSON lines. The shape is a contract: schema/socktally-1.schema.json describes it, and adding is all that may
// be done to it under the same schema number.
#include "formats/escape.hpp"
#include "formats/render.hpp"

namespace socktally {

namespace {

/// Writes the members of one object; the caller writes the braces.
class Members {
public:
    explicit Members(std::string& out) : out_(out) {}

    /// The comma and the key; the caller appends the value to the returned string.
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

void add_cells(Members& members, const Row& row, const Report& report, const ColumnList& columns)
{
    for (const Column* column : columns) {
        append_cell(members.key(column->name), cell(*column, row, report.by));
    }
}

/// An array of objects, one a line: a diff or an eye can take one at a time.
template <typename List, typename AddMembers>
void append_objects(std::string& out, const List& list, AddMembers add_members)
{
    out += '[';
    bool is_first = true;
    for (const auto& item : list) {
        out += is_first ? "\n{" : ",\n{";
        is_first = false;
        Members members(out);
        add_members(members, item);
        out += '}';
    }
    out += is_first ? "]" : "\n]";
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

} // namespace

void render_json(std::string& out, const Report& report, const ColumnList& columns)
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
    // What rx_bytes and tx_bytes are, whichever backend answered.
    members.text("layer", report.by == GroupBy::interface ? "link" : "payload");
    members.boolean("complete", report.complete);
    members.text("by", to_string(report.by));
    append_objects(members.key("notes"), report.notes, add_note);
    append_totals(members.key("totals"), report.totals);
    append_objects(members.key(plural(report.by)), report.rows,
                   [&](Members& row_members, const Row& row) { add_cells(row_members, row, report, columns); });
    if (report.by != GroupBy::interface) { // else they are the rows
        append_objects(members.key("interfaces"), report.interfaces, add_interface);
    }
    out += "}\n";
}

void render_jsonl(std::string& out, const Report& report, const ColumnList& columns)
{
    const std::string ts = to_timestamp(report.started_at);
    const bool has_host = has_column(columns, "host");
    for (const Row& row : report.rows) {
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
        members.text("by", to_string(report.by));
        add_cells(members, row, report, columns);
        out += "}\n";
    }
}

} // namespace socktally
