// SPDX-License-Identifier: MIT
// A flow as filters see it: each fact is known, absent or unknown.
#pragma once

#include "model/interfaces.hpp"
#include "model/sample.hpp"
#include "table/subject.hpp"

#include <vector>

namespace socktally {

/// This machine's own interfaces, and the network namespace that they are in.
struct Machine {
    std::vector<Interface> interfaces;
    Inode netns;
};

/// The flow must be attributed, and its owner identified. Keeps references to all arguments.
class FlowSubject final : public Subject {
public:
    FlowSubject(const Flow& flow, const Sample& sample, const Machine& machine);

    Fact<Pid> pid() const override;
    Fact<std::string_view> shown_name() const override;
    Fact<std::string_view> process_name() const override;
    Fact<Uid> uid() const override;
    Fact<std::string_view> user() const override { return Fact<std::string_view>::unknown(); }
    Fact<std::string_view> unit() const override;
    Fact<std::string_view> container() const override;
    Fact<std::string_view> container_id() const override;
    Fact<std::string_view> pod() const override;
    Fact<std::string_view> pod_uid() const override;
    Fact<Protocol> protocol() const override;
    Fact<std::uint16_t> local_port() const override { return port(flow_.tuple.local); }
    Fact<std::uint16_t> remote_port() const override { return port(flow_.tuple.remote); }
    Fact<Address> remote() const override;
    Fact<Inode> netns() const override;
    Fact<std::string_view> netns_name() const override { return Fact<std::string_view>::unknown(); }
    Fact<std::uint32_t> interface() const override;
    Fact<bool> stays_on_this_machine() const override;

private:
    Fact<std::string_view> of_group(std::optional<std::string> Identity::*field) const;
    Fact<std::uint16_t> port(const Endpoint& endpoint) const;
    bool has_tuple() const { return flow_.tuple != Tuple{}; } // else the backend summed several sockets, or had no room
    bool is_elsewhere() const;

    const Flow& flow_;
    const Sample& sample_;
    const Machine& machine_;
    const Process* owner_;
    std::shared_ptr<const Identity> held_identity_;
    const Identity* identity_;
};

} // namespace socktally
