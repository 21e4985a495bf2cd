// SPDX-License-Identifier: MIT
#include "traffic/netstat/lsof.hpp"

#include "traffic/netstat/socket_rows.hpp"
#include "util/number.hpp"
#include "util/text.hpp"

#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

namespace socktally {

namespace {

/// Parses one escape at the start of `text`, and removes it from `text`: \xHH, \\ or one of \b \f \n \r \t. Returns the
/// backslash itself if it begins no escape.
char take_escape(std::string_view& text)
{
    constexpr std::string_view letters = "\\bfnrt";
    constexpr std::string_view bytes = "\\\b\f\n\r\t";
    constexpr std::size_t hexadecimal = 4; // the length of \xHH
    if (text.size() >= hexadecimal && text[1] == 'x') {
        unsigned value = 0;
        const auto [stop, error] = std::from_chars(text.data() + 2, text.data() + hexadecimal, value, 16);
        if (error == std::errc() && stop == text.data() + hexadecimal) {
            text.remove_prefix(hexadecimal);
            return static_cast<char>(value);
        }
    }
    const auto letter = text.size() > 1 ? letters.find(text[1]) : letters.npos;
    text.remove_prefix(letter != letters.npos ? 2 : 1);
    return letter != letters.npos ? bytes[letter] : '\\';
}

std::string decode_name(std::string_view text)
{
    std::string name;
    while (!text.empty()) {
        if (text.front() == '\\') {
            name.push_back(take_escape(text));
        } else {
            name.push_back(text.front());
            text.remove_prefix(1);
        }
    }
    return name;
}

/// Parses ADDRESS:PORT, such as `*:5353`, `10.0.0.5:443` or `[fe80:4::1]:443`.
std::optional<Endpoint> parse_lsof_endpoint(std::string_view text)
{
    const auto colon = text.rfind(':');
    if (colon == text.npos) {
        return std::nullopt;
    }
    const std::string_view port = text.substr(colon + 1);
    std::string_view address = text.substr(0, colon);
    const auto number = port == "*" ? std::optional<std::uint64_t>(0) : parse_number(port);
    if (!number || *number > UINT16_MAX) {
        return std::nullopt;
    }
    Endpoint endpoint{{}, static_cast<std::uint16_t>(*number)};
    if (address == "*") {
        return endpoint;
    }
    if (address.starts_with('[') && address.ends_with(']')) {
        address = address.substr(1, address.size() - 2);
    }
    const auto parsed = parse_address(address.substr(0, address.find('%')));
    if (!parsed) {
        return std::nullopt;
    }
    endpoint.address = without_scope(*parsed);
    return endpoint;
}

/// Parses LOCAL or LOCAL->REMOTE.
std::optional<Tuple> parse_ends(std::string_view text, Protocol protocol)
{
    const auto arrow = text.find("->");
    const auto local = parse_lsof_endpoint(text.substr(0, arrow));
    const auto remote = arrow == text.npos ? std::optional(Endpoint{}) : parse_lsof_endpoint(text.substr(arrow + 2));
    return local && remote ? std::optional(Tuple{protocol, *local, *remote}) : std::nullopt;
}

} // namespace

LsofProcesses parse_lsof(std::string_view text)
{
    LsofProcesses parsed;
    std::string_view protocol; // of the file that the lines are about
    bool has_process = false;  // false also after a process with an invalid pid
    while (!text.empty()) {
        const bool is_whole = text.find('\n') != text.npos; // the last line may be cut off
        const std::string_view line = next_line(text);
        if (line.empty() || !is_whole) {
            parsed.garbled += is_whole ? 0 : 1;
            continue;
        }
        const std::string_view value = line.substr(1);
        switch (line.front()) {
        case 'p': {
            const auto pid = parse_number(value);
            has_process = pid && *pid <= INT32_MAX;
            parsed.garbled += has_process ? 0 : 1;
            if (has_process) {
                parsed.processes.push_back({Pid{static_cast<std::int32_t>(*pid)}, {}, {}});
            }
            break;
        }
        case 'c':
            if (has_process) {
                parsed.processes.back().name = decode_name(value);
            }
            break;
        case 'f': protocol = {}; break;
        case 'P': protocol = value; break;
        case 'n':
            if (has_process && (protocol == "TCP" || protocol == "UDP")) {
                const auto ends = parse_ends(value, protocol == "TCP" ? Protocol::tcp : Protocol::udp);
                parsed.garbled += ends ? 0 : 1;
                if (ends) {
                    parsed.processes.back().sockets.push_back(*ends);
                }
            }
            break;
        default: break; // t, T and fields that a later version may add
        }
    }
    return parsed;
}

} // namespace socktally
