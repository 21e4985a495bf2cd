// SPDX-License-Identifier: MIT
#include "traffic/netstat/lister.hpp"

#include <utility>

namespace socktally {

namespace {

std::vector<std::string> list_command(const std::string& netstat, Protocol protocol)
{
    return {netstat, "-anb", "-l", "-v", "-p", std::string(to_string(protocol))};
}

bool is_usable(const NetstatRows& parsed) { return parsed.has_header && parsed.counts_bytes; }

} // namespace

std::string NetstatLister::probe() const
{
    const ProgramResult result = run_program(list_command(system_.netstat, Protocol::tcp), system_.limits);
    const bool works = result.has_exited_with(0) && is_usable(parse_netstat(result.text, LongAddresses::whole));
    return works ? "" : failure_of(system_.netstat, result);
}

std::optional<std::string> NetstatLister::run(const std::vector<std::string>& words, Faults& faults) const
{
    ProgramResult result = run_program(words, system_.limits);
    if (result.has_exited_with(0)) {
        return std::move(result.text);
    }
    ++faults[result.end == ProgramResult::End::timed_out ? Fault::commands_timed_out : Fault::commands_failed];
    return std::nullopt;
}

std::optional<std::vector<NetstatRow>> NetstatLister::sockets(Protocol protocol, Faults& faults) const
{
    const auto text = run(list_command(system_.netstat, protocol), faults);
    if (!text) {
        return std::nullopt;
    }
    NetstatRows parsed = parse_netstat(*text, LongAddresses::whole);
    faults[Fault::garbled] += parsed.garbled;
    if (!is_usable(parsed)) {
        ++faults[Fault::commands_failed];
        return std::nullopt;
    }
    return std::move(parsed.rows);
}

std::optional<std::vector<InterfaceTraffic>> NetstatLister::interfaces(Faults& faults) const
{
    const auto text = run({system_.netstat, "-ibn"}, faults);
    if (!text) {
        return std::nullopt;
    }
    InterfaceRows parsed = parse_netstat_interfaces(*text);
    faults[Fault::garbled] += parsed.garbled;
    if (parsed.hides_rx_bytes) {
        faults[Fault::rx_hidden] = 1;
        return std::nullopt;
    }
    return std::move(parsed.interfaces);
}

} // namespace socktally
