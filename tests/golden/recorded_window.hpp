// SPDX-License-Identifier: MIT
// A window that was recorded once (record.cpp) and is played again: the raw messages of the kernel and a /proc tree go
// through the same code as in the tool, with host, boot and times fixed. A text file, a line an event, in the order of
// time:
//
//   host NAME  boot_id ID  started_at MICROSECONDS  duration NANOSECONDS  local ADDRESS        facts
//   proc LINE                             a change of /proc (fixture_proc.hpp)
//   scan, search, rescan                  what the tool does with its holder map at that moment
//   first HEX  look HEX  last HEX         one netlink message of the first dump, of a look in between, of the last dump
//   udp HEX  destroyed HEX                of a dump of UDP sockets, of the multicast of destroyed TCP sockets
//   snmp-first LINE  snmp-last LINE  interfaces-first LINE  interfaces-last LINE               lines of
//   /proc/net/{snmp,dev}
#pragma once

#include "fixture_proc.hpp"
#include "model/address.hpp"
#include "traffic/backend.hpp"

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace socktally::test {

struct Replayed {
    std::shared_ptr<FixtureProc> proc; // as it was at the end
    BackendResult result;
    std::string host;
    std::string boot_id;
    Interface interface {
        2, "eth0", false, true, {}
    }; // the machine's one, with all of its addresses
};

enum class Extent : std::uint8_t { window, totals };

/// `viewer`: the user that looked; null: root, who sees every process. Throws std::runtime_error for a file that makes
/// no sense.
Replayed play(const std::filesystem::path& file, Extent extent, std::optional<Uid> viewer);

} // namespace socktally::test
