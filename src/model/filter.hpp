// SPDX-License-Identifier: MIT
// Which flows are wanted. Pure; a flow must be attributed, and its owner identified, first.
#pragma once

#include "model/interfaces.hpp"
#include "model/sample.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

/// Values of one list are alternatives (any matches); lists that are not empty must all match.
struct Filter {
    std::vector<Pid> pids;
    std::vector<std::string> names;      // whole process names; also "[exited]" and its like
    std::vector<std::string> substrings; // of the process name
    std::vector<Uid> uids;               // the owner's; for a flow without owner, the socket's
    std::vector<std::uint16_t> ports;    // local or remote
    std::vector<Prefix> remotes;
    std::vector<Protocol> protocols;
    std::vector<std::string> units;        // also without ".service"
    std::vector<std::string> containers;   // by name, or by 12 or more digits of the id
    std::vector<std::string> pods;         // by name, or by uid
    std::vector<Inode> namespaces;         // network namespaces, of the socket
    bool loopback = true;                  // false leaves out flows between two ends of this machine
    std::vector<std::uint32_t> interfaces; // indices of those that a flow may pass (see interface_of)
    std::vector<Interface> machine;        // this machine's own, for loopback == false and for interfaces
    Inode machine_netns;                   // the namespace that they are in

    bool matches(const Flow& flow, const Sample& sample) const;
    /// True where the flow is left out only because it cannot be told which interface it passes.
    bool misses_interface(const Flow& flow, const Sample& sample) const;

private:
    bool matches_all_but_interface(const Flow& flow, const Sample& sample) const;
    bool matches_owner(const Flow& flow, const Sample& sample) const;
    bool matches_socket(const Flow& flow, const Sample& sample) const;
    bool is_elsewhere(const Flow& flow) const;
};

bool is_unit_called(std::optional<std::string_view> unit, std::string_view name);
bool is_container_called(std::optional<std::string_view> container, std::optional<std::string_view> id,
                         std::string_view name);
bool is_pod_called(std::optional<std::string_view> pod, std::optional<std::string_view> uid, std::string_view name);

/// Tells of sockets that Filter::misses_interface.
Note unknown_interface_note(std::size_t sockets);

} // namespace socktally
