// SPDX-License-Identifier: MIT
// JSON to Report. Strict about what the schema promises, blind to fields that the checks do not use.
#include "tool.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <stdexcept>

namespace truth {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

std::string text_of(const object& from, std::string_view key)
{
    std::string_view value;
    return from[key].get(value) == simdjson::SUCCESS ? std::string(value) : std::string();
}

/// Null where the field is null or absent; throws where it is anything but a whole number.
std::optional<std::uint64_t> number_of(const object& from, std::string_view key)
{
    element field;
    if (from[key].get(field) != simdjson::SUCCESS || field.is_null())
        return std::nullopt;
    return std::uint64_t(field);
}

/// Of "2026-11-20T21:32:00.123456Z".
std::chrono::system_clock::time_point time_of(const std::string& text)
{
    std::tm date{};
    const char* const fraction = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &date);
    if (!fraction) {
        throw std::runtime_error("no time: \"" + text + "\"");
    }
    const std::chrono::duration<double> part(std::strtod(fraction, nullptr));
    return std::chrono::system_clock::from_time_t(::timegm(&date)) +
           std::chrono::duration_cast<std::chrono::microseconds>(part);
}

Row read_row(const object& from)
{
    Row row;
    if (const auto pid = number_of(from, "pid"))
        row.pid = static_cast<std::int64_t>(*pid);
    row.start_time = number_of(from, "start_time");
    row.process = text_of(from, "process");
    row.user = text_of(from, "user");
    row.uid = number_of(from, "uid");
    row.protocol = text_of(from, "protocol");
    row.local_address = text_of(from, "local_address");
    row.remote_address = text_of(from, "remote_address");
    row.local_port = number_of(from, "local_port").value_or(0);
    row.remote_port = number_of(from, "remote_port").value_or(0);
    row.port = number_of(from, "port").value_or(0);
    row.rx_bytes = number_of(from, "rx_bytes");
    row.tx_bytes = number_of(from, "tx_bytes");
    row.rx_packets = number_of(from, "rx_packets");
    row.tx_packets = number_of(from, "tx_packets");
    row.rx_ip_bytes = number_of(from, "rx_ip_bytes");
    row.tx_ip_bytes = number_of(from, "tx_ip_bytes");
    row.state = text_of(from, "state");
    row.rtt_us = number_of(from, "rtt_us");
    row.retransmitted_bytes = number_of(from, "retransmitted_bytes");
    row.cgroup = text_of(from, "cgroup");
    row.unit = text_of(from, "unit");
    row.container_id = text_of(from, "container_id");
    row.pod = text_of(from, "pod");
    row.netns = text_of(from, "netns");
    row.exe = text_of(from, "exe");
    row.command = text_of(from, "command");
    row.shared_with = text_of(from, "shared_with");
    row.interface = text_of(from, "interface");
    row.outbound = text_of(from, "outbound");
    row.connections = number_of(from, "connections").value_or(0); // null by interface
    row.attribution = text_of(from, "attribution");
    return row;
}

simdjson::dom::array rows_of(const object& from)
{
    for (const char* name : {"processes", "connections", "names", "users", "remotes", "ports", "protocols", "units",
                             "containers", "pods", "interfaces"}) {
        simdjson::dom::array rows;
        if (from[name].get(rows) == simdjson::SUCCESS)
            return rows;
    }
    throw std::runtime_error("the JSON has no array of rows");
}

/// What else goes on on this machine, in other network namespaces, is shown too. The workers of a case have names that
/// begin with "t-", as those of the cases that run beside it have.
void leave_out_others(Report& report)
{
    const auto is_ours = [](const Row& row) {
        const Identity identity{static_cast<pid_t>(row.pid.value_or(0)), row.start_time.value_or(0)};
        return !row.pid || (row.process.starts_with("t-") && !is_of_another_case(identity));
    };
    const auto others = std::stable_partition(report.rows.begin(), report.rows.end(), is_ours);
    report.others.assign(others, report.rows.end());
    report.rows.erase(others, report.rows.end());
    report.rx_bytes = report.tx_bytes = 0;
    for (const Row& row : report.rows) {
        report.rx_bytes += row.rx_bytes.value_or(0);
        report.tx_bytes += row.tx_bytes.value_or(0);
    }
}

} // namespace

bool Report::has_note(const std::string& code) const
{
    return std::find(notes.begin(), notes.end(), code) != notes.end();
}

Report parse_report(const std::string& text)
{
    if (text.size() < 3 || text.substr(text.size() - 2) != "}\n")
        throw std::runtime_error("not one JSON object with one trailing newline: \"" + text + "\"");
    simdjson::dom::parser parser;
    const object root = parser.parse(simdjson::padded_string(text));
    if (text_of(root, "schema") != "socktally/1")
        throw std::runtime_error("not of the schema socktally/1: " + text);

    Report report;
    report.text = text;
    report.backend = text_of(root, "backend");
    report.layer = text_of(root, "layer");
    report.ended_at =
        time_of(text_of(root, "started_at")) + std::chrono::nanoseconds(number_of(root, "duration_ns").value_or(0));
    // What processes outside of the tool's pid namespace move is no part of a case, and no name of theirs can be
    // judged.
    bool others_are_missing = false;
    bool others_only = true;
    for (const object note : simdjson::dom::array(root["notes"])) {
        report.notes.push_back(text_of(note, "code"));
        if (report.notes.back() == "filter-unjudged") {
            report.unjudged_rx_bytes = number_of(note, "rx_bytes").value_or(0);
            report.unjudged_tx_bytes = number_of(note, "tx_bytes").value_or(0);
        }
        others_are_missing = others_are_missing || report.notes.back() == "other-pidns";
        others_only = others_only && (!bool(note["incomplete"]) || report.notes.back() == "filter-unjudged");
    }
    report.complete = bool(root["complete"]) || (others_are_missing && others_only);
    const object totals = root["totals"];
    report.rx_bytes = number_of(totals, "rx_bytes").value_or(0);                           // null: nothing is known
    report.tx_bytes = number_of(totals, "tx_bytes").value_or(0);                           // null: nothing is known
    report.unattributed_rx_bytes = number_of(totals, "unattributed_rx_bytes").value_or(0); // null: nothing is known
    report.unattributed_tx_bytes = number_of(totals, "unattributed_tx_bytes").value_or(0); // null: nothing is known
    for (const object row : rows_of(root))
        report.rows.push_back(read_row(row));
    leave_out_others(report);
    return report;
}

std::vector<Report> parse_reports(const std::string& text)
{
    constexpr std::string_view next_begins = "\n{\"schema\":";
    std::vector<Report> reports;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find(next_begins, begin), text.size() - 1) + 1;
        reports.push_back(parse_report(text.substr(begin, end - begin)));
        begin = end;
    }
    return reports;
}

} // namespace truth
