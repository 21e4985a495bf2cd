// SPDX-License-Identifier: MIT
// Makes the cells of the table for people. Gives each column a rank: if the table is too wide, columns with low ranks
// are left out first.
#include "formats/pretty_table.hpp"

#include "formats/escape.hpp"
#include "formats/width.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <utility>

namespace socktally {

namespace {

using Cut = Look::Cut;

// --- One cell

std::string text_cell(std::string_view text) { return is_blank(text) ? fmt::format("'{}'", text) : printable(text); }

/// Shortens container ids in the name of a unit to 12 digits. Container engines print ids in this form.
std::string with_short_ids(std::string_view text)
{
    constexpr std::size_t length = 64;
    constexpr std::size_t short_length = 12;
    constexpr std::string_view digits = "0123456789abcdef";
    std::string result;
    while (!text.empty()) {
        const std::size_t run = std::min(text.find_first_not_of(digits), text.size());
        const std::size_t next = std::min(text.find_first_of(digits, run), text.size());
        result.append(text.substr(0, run == length ? short_length : run)).append(text.substr(run, next - run));
        text.remove_prefix(next);
    }
    return result;
}

/// Returns the endpoint as text: "10.0.0.1:8080", "[2001:db8::1]:443", "*:8080" without an address, "10.0.0.1" without
/// a port, or "*" without both. `name` replaces the address unless it is empty.
std::string endpoint_cell(const std::optional<Address>& address, const std::string& name, const std::string& port)
{
    std::string host = !name.empty() ? name : address ? to_string(*address) : "*";
    if (port.empty()) {
        return host;
    }
    const bool has_colons = name.empty() && address && address->family == Family::v6;
    return fmt::format(fmt::runtime(has_colons ? "[{}]:{}" : "{}:{}"), host, port);
}

/// Returns an arrow from the end that opened a TCP connection to the other end. For other protocols, the arrow points
/// away from the end that sent bytes, if only one end did. Otherwise it points both ways.
std::string_view arrow(const Row& row)
{
    const bool is_told = row.protocol == Protocol::tcp; // only TCP has an end that opened the connection
    const bool has_received = row.rx_bytes.value_or(0) != 0 && row.tx_bytes == 0U;
    const bool has_sent = row.tx_bytes.value_or(0) != 0 && row.rx_bytes == 0U;
    const bool is_from_remote = is_told ? row.port && row.port == row.local_port : has_received;
    const bool is_from_local = is_told ? row.port && row.port == row.remote_port : has_sent;
    return is_from_remote == is_from_local ? "↔" : is_from_remote ? "←" : "→";
}

/// Returns the row's bytes in the direction of the column, or in both directions if the column has none.
std::uint64_t counted_bytes(const Column& column, const Row& row)
{
    const bool is_rx = column.name.starts_with("rx");
    return is_rx ? row.rx_bytes.value_or(0) : column.name.starts_with("tx") ? row.tx_bytes.value_or(0) : bytes_of(row);
}

std::string figure_text(const Column& column, const Row& row, std::uint64_t number, Units units)
{
    if (column.unit == "bits per second") {
        return human_bits(number);
    }
    if (is_rate(column)) {
        const bool is_rounded_to_0 = number == 0 && counted_bytes(column, row) != 0;
        return is_rounded_to_0 ? human_rate(1, std::chrono::hours(1), units) : human_rate(number, units);
    }
    return column.unit == "bytes" ? human_bytes(number, units) : std::to_string(number);
}

// --- The table

// Ranks of columns. Columns with lower ranks are left out first. The bar, the unit and the busiest remote address have
// the lowest ranks, because they are extras that only this format prints.
constexpr unsigned unit_rank = 2;
constexpr unsigned remote_rank = 3;
constexpr unsigned share_rank = 6;
constexpr std::size_t process_width = 19; // fits a name of 15 bytes with the number of other holders, " +12"
constexpr std::size_t address_width = 15; // fits an IPv4 address
constexpr std::size_t remote_width = 21;  // fits an IPv4 address and a port
constexpr std::size_t key_width = 40;     // other columns are left out before a key is cut below this width

/// The Look of one column, if it differs from other columns of the same type. Look::expendable applies only if the
/// column is a default column.
struct NamedLook {
    std::string_view column;
    Look look;
};
constexpr std::array looks = {
    NamedLook{"process", {Cut::end, 15, 12, 0}},
    NamedLook{"host", {Cut::end, 12, 8, 2}},
    NamedLook{"user", {Cut::end, 8, 8, 4}},
    NamedLook{"outbound", {Cut::end, 8, 8, share_rank}},
    NamedLook{"rx_packets", {Cut::never, 0, 0, 4}},
    NamedLook{"tx_packets", {Cut::never, 0, 0, 4}},
    NamedLook{"connections", {Cut::never, 0, 0, 5}},
    NamedLook{"rx_bytes", {Cut::never, 0, 0, 7}},
    NamedLook{"tx_bytes", {Cut::never, 0, 0, 7}},
    NamedLook{"protocol", {Cut::end, 5, 5, Look::dear}},
    NamedLook{"pid", {Cut::never, 0, 0, Look::dear + 1}},
    NamedLook{"exe", {Cut::middle, 20, 12, 0}},
    NamedLook{"cgroup", {Cut::middle, 20, 12, 0}},
    NamedLook{"container_id", {Cut::middle, 12, 8, 0}},
    NamedLook{"published", {Cut::middle, 20, 12, 0}},
    NamedLook{"query", {Cut::middle, 20, 12, 0}},
    NamedLook{"answer", {Cut::end, 15, 8, 3}},
    NamedLook{"resolver", {Cut::middle, 15, 8, 0}},
    NamedLook{"local_address", {Cut::middle, 15, 8, 0}},
    NamedLook{"remote_address", {Cut::middle, 15, 8, 0}},
    NamedLook{"remote_name", {Cut::middle, 15, 8, 0}},
};

Look look_of(const Column& column)
{
    const auto* found =
        std::find_if(looks.begin(), looks.end(), [&](const NamedLook& each) { return each.column == column.name; });
    const bool is_text = column.type == CellType::string;
    return found != looks.end() ? found->look : Look{is_text ? Cut::end : Cut::never, 12, 8};
}

constexpr std::array<std::string_view, 4> endpoints = {"local_address", "local_port", "remote_address", "remote_port"};

/// Makes the columns of the table from some rows of the report. Remembers which marks (? and ≥) occur, for the legend.
class TableMaker {
public:
    TableMaker(const Report& report, std::span<const Row> rows, const Style& style)
        : report_(report), rows_(rows), style_(style), keys_(keys_of(report.by)),
          has_least_(report.totals.unknown_connections != 0 && (report.totals.rx_bytes || report.totals.tx_bytes))
    {
    }

    /// Returns the table's columns for `list`. If `list` has all default columns, adds rates and shares, and may leave
    /// out bytes and empty columns.
    std::vector<TableColumn> columns(const ColumnList& list)
    {
        const ColumnList usual = default_columns(report_.by);
        const auto is_listed = [&](const Column* column) { return has_column(list, column->name); };
        const bool is_usual = std::all_of(usual.begin(), usual.end(), is_listed);
        const bool has_rates_too =
            is_usual && !report_.per && has_rates(report_) && !has_column(list, "rx_bytes_per_sec");
        for (std::size_t i = 0; i < list.size(); ++i) {
            const Column& column = *list[i];
            const bool is_total = column.name == "rx_bytes" || column.name == "tx_bytes";
            if (names_endpoints(list, i)) {
                add_endpoints();
                i += endpoints.size() - 1;
                continue;
            }
            if (has_rates_too && column.name == "rx_bytes") {
                add(*find_column("rx_bytes_per_sec"), false);
                add(*find_column("tx_bytes_per_sec"), false);
            }
            if (!has_rates_too || !is_total || has_totals(report_)) {
                const bool is_default = is_usual && has_column(usual, column.name) && !report_.by.has(column.name);
                if (is_default && is_optional(column)) {
                    continue;
                }
                const bool is_one_host = is_usual && column.name == "host" && has_one_host();
                add(column, is_one_host || (is_default && (has_rates_too || !is_total)));
            }
            if (is_usual && names_sockets() && column.name == "local_port" && !has_column(list, "remote_address")) {
                add_extra("REMOTE", {Cut::middle, remote_width, address_width, Look::dear}, [&](const Row& row) {
                    return row.remote_address
                               ? endpoint_cell(row.remote_address, name_of(row.remote), port_text(row, row.remote_port))
                               : "";
                });
            }
        }
        if (is_usual) {
            add_share(has_column(list, "share"));
        }
        if (is_usual && names_sockets() && !has_column(list, "netns") && has_several_namespaces()) {
            add(*find_column("netns"), false);
        }
        if (style_.has_extras) {
            add_extras();
        }
        return std::move(columns_);
    }

    std::string legend() const // after columns()
    {
        if (has_least_) {
            return fmt::format("{}≥ at least: the bytes of some sockets are unknown",
                               has_unknown_ ? "? unknown, " : "");
        }
        return has_unknown_ ? "? unknown" : "";
    }

private:
    bool is_narrow() const { return style_.width < 72; }

    bool has_one_host() const
    {
        return std::all_of(rows_.begin(), rows_.end(), [&](const Row& row) { return row.host == rows_.front().host; });
    }

    /// Returns whether rows are listed sockets, not sums of several.
    bool names_sockets() const
    {
        return report_.is_list && (report_.by.is_by_socket() || report_.by.has("connection"));
    }

    bool has_several_namespaces() const
    {
        std::optional<Inode> first;
        return std::any_of(rows_.begin(), rows_.end(), [&](const Row& row) {
            first = first ? first : row.netns;
            return row.netns && row.netns != first;
        });
    }

    /// Returns whether a listed socket has the state in which `ports` lists sockets of its protocol by default.
    static bool has_usual_state(const Row& row)
    {
        const auto usual = row.protocol == Protocol::tcp ? ConnectionState::listening : ConnectionState::unconnected;
        return row.facts != nullptr && row.facts->state == usual;
    }

    /// Returns how a column looks in a list of sockets.
    Look look_in_list(const Column& column, Look look) const
    {
        constexpr unsigned first = 2;
        constexpr std::size_t listed_width = 28; // other columns are left out before an address is cut below this
        if (column.name == "state" && std::all_of(rows_.begin(), rows_.end(), has_usual_state)) {
            look.expendable = first; // the state follows from the protocol
        } else if (column.name == "process") {
            look.cut = Cut::middle; // the end of the text, the number of other holders, must stay visible
            look.good = process_width;
        } else if (column.name == "local_address") {
            look.good = listed_width;
        }
        return look;
    }

    /// Returns whether the column may be left out of a list: it is about containers, and has no value in any row.
    bool is_optional(const Column& column) const
    {
        const auto lacks_it = [&](const Row& row) {
            return std::holds_alternative<std::monostate>(cell(column, row, report_.by));
        };
        return report_.is_list && (column.name == "container" || column.name == "published") &&
               std::all_of(rows_.begin(), rows_.end(), lacks_it);
    }

    static bool names_endpoints(const ColumnList& list, std::size_t index)
    {
        const auto is_called = [](std::string_view name, const Column* column) { return column->name == name; };
        return index + endpoints.size() <= list.size() &&
               std::equal(endpoints.begin(), endpoints.end(), &list[index], is_called);
    }

    /// Returns the columns of the keys that rows are grouped by.
    static ColumnSet keys_of(const GroupBy& by)
    {
        ColumnSet set;
        for (const Key* key : by.keys()) {
            set |= column_set(key->columns);
        }
        return set;
    }

    void add(const Column& column, bool is_expendable)
    {
        Look look = look_of(column);
        look.is_key = keys_.test(index_of(column));
        // A process name has at most 15 bytes. The width in its Look is enough for it.
        if (look.is_key && column.name != "process") {
            look.good = key_width;
            look.least = column.name.ends_with("_address") ? address_width : look.least;
        }
        if (names_sockets()) {
            look = look_in_list(column, look);
        }
        if (report_.by.has("connection") && is_narrow() && look.expendable >= Look::dear) {
            look.expendable -= 2; // is left out before endpoints are cut
        }
        look.expendable = is_expendable ? look.expendable : 0;
        TableColumn& added = columns_.emplace_back();
        added.heading = report_.is_list && column.name == "connections" ? "SOCKETS" : column.header;
        added.look = look;
        added.is_right_aligned = column.type != CellType::string;
        const bool is_key = report_.by.has(column.name);
        const bool is_name = column.name == "process" || column.name == "user";
        // The row that sums up the rows past --top shows "other", even if the key is a number.
        for (const Row& row : rows_) {
            added.cells.push_back(is_key && row.is_other() ? "other" : cell_text(column, row));
            if (is_name) {
                added.paints.push_back(row.is_other() || row.attribution == Quality::unknown ? Paint::dim
                                                                                             : Paint::bold);
            }
        }
    }

    std::string cell_text(const Column& column, const Row& row)
    {
        const Cell value = cell(column, row, report_.by);
        if (column.name == "remote_address" && !name_of(row.remote).empty()) {
            return name_of(row.remote);
        }
        if (const auto* text = std::get_if<std::string>(&value)) {
            const bool counts_holders = column.name == "process" && names_sockets() && !row.shared_with.empty();
            return text_cell(column.name == "unit" ? with_short_ids(*text) : *text) +
                   (counts_holders ? fmt::format(" +{}", row.shared_with.size()) : "");
        }
        if (const auto* decimal = std::get_if<Decimal>(&value)) {
            return decimal->hundredths == 0 ? "" : to_string(*decimal) + "%";
        }
        const auto* number = std::get_if<std::uint64_t>(&value);
        const bool is_of_tcp = column.requirement == Requirement::tcp_info;
        const bool has_none = (is_of_tcp && row.facts == nullptr) || column.requirement == Requirement::lookups;
        if (!column.is_sum() || (has_none && number == nullptr)) {
            const bool is_port = number != nullptr && column.name.ends_with("port");
            return is_port             ? port_text(row, static_cast<std::uint16_t>(*number))
                   : number != nullptr ? std::to_string(*number)
                                       : "-";
        }
        const bool is_of_bytes = !is_of_tcp && (column.unit.starts_with("byte") || column.unit.starts_with("bit"));
        const std::uint64_t unknown = is_of_bytes ? row.unknown_connections : 0;
        const bool is_nothing = number != nullptr && *number == 0 && (!is_of_bytes || counted_bytes(column, row) == 0);
        if (number == nullptr || (is_nothing && unknown != 0)) {
            has_unknown_ = true;
            return "?";
        }
        has_least_ = has_least_ || unknown != 0;
        return is_nothing ? "" : marked(figure_text(column, row, *number, style_.units), unknown);
    }

    /// Returns the name, ready to print; empty if it is not known, or if addresses are to be printed.
    std::string name_of(const std::shared_ptr<const RemoteName>& remote) const
    {
        return style_.has_names && remote != nullptr && remote->name ? text_cell(*remote->name) : "";
    }

    /// Returns the port as a number, or as the name of its service; empty if there is none.
    std::string port_text(const Row& row, const std::optional<std::uint16_t>& port) const
    {
        const auto service = port ? report_.services.find({*port, row.protocol}) : report_.services.end();
        return service != report_.services.end() ? text_cell(service->second) : port ? std::to_string(*port) : "";
    }

    /// Adds one column for both endpoints: ":80 ← 10.0.0.1:41000". Its brief cells lack the port of the end that opened
    /// the connection, which tells little.
    void add_narrow_endpoints()
    {
        TableColumn both{.heading = "LOCAL - REMOTE", .look = {Cut::middle, key_width, address_width, 0, true}};
        for (const Row& row : rows_) {
            const std::string local = row.local_port ? fmt::format(":{}", port_text(row, row.local_port)) : "";
            const std::string_view direction = arrow(row);
            const auto cell = [&](std::string_view own, const std::optional<std::uint16_t>& port) {
                return row.is_other()
                           ? "other"
                           : fmt::format("{}{}{} {}", own, own.empty() ? "" : " ", direction,
                                         endpoint_cell(row.remote_address, name_of(row.remote), port_text(row, port)));
            };
            both.cells.push_back(cell(local, row.remote_port));
            both.brief.push_back(
                cell(direction == "→" ? "" : local, direction == "←" ? std::nullopt : row.remote_port));
        }
        columns_.push_back(std::move(both));
    }

    /// Adds one column for each endpoint, with address and port together. On a narrow terminal, adds one for both.
    void add_endpoints()
    {
        if (is_narrow()) {
            return add_narrow_endpoints();
        }
        TableColumn local;
        local.heading = "LOCAL";
        local.is_right_aligned = true;
        TableColumn remote;
        remote.heading = "  REMOTE"; // behind the arrow
        remote.look = {Cut::middle, key_width, 12, 0, true};
        remote.gap = 1;
        for (const Row& row : rows_) {
            const std::string port = port_text(row, row.local_port);
            const std::string whole = row.is_other() ? "other" : endpoint_cell(row.local_address, "", port);
            local.cells.push_back(whole);
            local.brief.push_back(row.local_port ? fmt::format(":{}", port) : cut_in_middle(whole, 12));
            remote.cells.push_back(row.is_other() ? ""
                                                  : fmt::format("{} {}", arrow(row),
                                                                endpoint_cell(row.remote_address, name_of(row.remote),
                                                                              port_text(row, row.remote_port))));
        }
        columns_.push_back(std::move(local));
        columns_.push_back(std::move(remote));
    }

    /// Adds each row's share of all known bytes, as a bar and in percent.
    void add_share(bool is_listed)
    {
        const std::uint64_t whole = bytes_of(report_.totals);
        if (whole == 0) {
            return;
        }
        constexpr std::size_t bar_width = 8;
        TableColumn share;
        share.heading = "SHARE";
        share.is_right_aligned = true;
        share.look.expendable = share_rank;
        TableColumn bars;
        bars.look.expendable = Look::decoration;
        bars.gap = 1;
        for (const Row& row : rows_) {
            const std::uint64_t bytes = bytes_of(row);
            const bool is_known = row.rx_bytes || row.tx_bytes;
            share.cells.push_back(bytes != 0 ? human_share(bytes, whole) : is_known ? "" : "?");
            bars.cells.push_back(bar(bytes, whole, bar_width));
            bars.paints.push_back(Paint::bar);
        }
        if (!is_listed) {
            columns_.push_back(std::move(share));
        }
        columns_.push_back(std::move(bars));
    }

    /// Adds the columns that are shown if the terminal is wide.
    void add_extras()
    {
        const auto is_by = [&](std::span<const std::string_view> keys) {
            return std::any_of(keys.begin(), keys.end(), [&](std::string_view key) { return report_.by.has(key); });
        };
        constexpr std::array<std::string_view, 2> with_remote = {"connection", "remote"};
        constexpr std::array<std::string_view, 4> with_unit = {"unit", "container", "pod", "cgroup"};
        if (!is_by(with_remote)) {
            add_extra("BUSIEST REMOTE", {Cut::middle, 15, 12, remote_rank}, [&](const Row& row) {
                const auto& address = row.busiest_remote ? row.busiest_remote : row.remote_address;
                const std::string name = name_of(row.busiest_remote ? row.busiest : row.remote);
                return !name.empty() ? name : address ? to_string(*address) : "";
            });
        }
        if (!is_by(with_unit)) {
            add_extra("RUNS IN", {Cut::end, 12, 12, unit_rank}, [](const Row& row) {
                const Identity none;
                const Identity& identity = row.identity ? *row.identity : none;
                const auto& name = identity.container ? identity.container : identity.unit;
                return name ? text_cell(with_short_ids(*name)) : "";
            });
        }
    }

    template <typename Text>
    void add_extra(std::string_view heading, const Look& look, const Text& text)
    {
        TableColumn column{.heading = std::string(heading), .look = look};
        std::transform(rows_.begin(), rows_.end(), std::back_inserter(column.cells), text);
        if (std::any_of(column.cells.begin(), column.cells.end(), [](const std::string& c) { return !c.empty(); })) {
            columns_.push_back(std::move(column));
        }
    }

    const Report& report_;
    std::span<const Row> rows_;
    const Style& style_;
    const ColumnSet keys_;
    std::vector<TableColumn> columns_;
    bool has_least_; // whether the mark ≥ occurs, in the table or in the line above it
    bool has_unknown_ = false;
};

} // namespace

bool has_rates(const Report& report)
{
    const auto& rows = report.rows;
    return report.duration.count() != 0 && (rows.empty() || std::any_of(rows.begin(), rows.end(), has_window));
}

bool has_totals(const Report& report)
{
    constexpr std::chrono::milliseconds second(1050); // the default window of 1 s, plus the time that its end may take
    return !has_rates(report) || report.is_of_command || report.duration > second;
}

std::string marked(std::string text, std::uint64_t unknown) { return unknown == 0 ? text : fmt::format("≥{}", text); }

std::string bar(std::uint64_t part, std::uint64_t whole, std::size_t width)
{
    if (part == 0) {
        return "";
    }
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

PrettyTable make_pretty_table(const Report& report, std::span<const Row> rows, const ColumnList& columns,
                              const Style& style)
{
    TableMaker maker(report, rows, style);
    std::vector<TableColumn> made = maker.columns(columns);
    return {std::move(made), maker.legend()};
}

} // namespace socktally
