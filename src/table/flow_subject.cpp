// SPDX-License-Identifier: MIT
#include "table/flow_subject.hpp"

#include "table/flow_owner.hpp"

namespace socktally {

namespace {

using Text = Fact<std::string_view>;

/// Engines print the first digits of the id if they print no name; so does the column `container` if the name is not
/// known.
bool is_nameless(const Identity* identity)
{
    const auto id = known(identity, &Identity::container_id);
    const auto name = known(identity, &Identity::container);
    return id && (!name || id->starts_with(*name));
}

} // namespace

FlowSubject::FlowSubject(const Flow& flow, const Sample& sample, const Machine& machine)
    : flow_(flow), sample_(sample), machine_(machine), owner_(owner_of(flow, sample)),
      held_identity_(identity_of(flow, sample)), identity_(held_identity_.get())
{
}

Fact<Pid> FlowSubject::pid() const
{
    return owner_ != nullptr ? Fact(owner_->pid) : Fact<Pid>::of(std::nullopt, !hides_process(flow_.attribution.cause));
}

Text FlowSubject::shown_name() const { return name_of(flow_, sample_); }

Text FlowSubject::process_name() const
{
    return owner_ != nullptr ? Text(owner_->name) : Text::of(std::nullopt, !hides_process(flow_.attribution.cause));
}

Fact<Uid> FlowSubject::uid() const
{
    return Fact<Uid>::of(uid_of(flow_, sample_), owner_ == nullptr && !hides_process(flow_.attribution.cause));
}

/// If the cgroup of a process was read, the process is in no other unit, container or pod than the cgroup says.
Text FlowSubject::of_group(std::optional<std::string> Identity::*field) const
{
    const bool is_known = known(identity_, &Identity::cgroup).has_value() ||
                          (owner_ == nullptr && !hides_process(flow_.attribution.cause));
    return Text::of(known(identity_, field), is_known);
}

Text FlowSubject::unit() const { return of_group(&Identity::unit); }

Text FlowSubject::container() const
{
    return is_nameless(identity_) ? Text::unknown() : of_group(&Identity::container);
}

Text FlowSubject::container_id() const { return of_group(&Identity::container_id); }

Text FlowSubject::pod() const
{
    const auto name = known(identity_, &Identity::pod);
    const bool is_uid = name && name == known(identity_, &Identity::pod_uid);
    return is_uid || (!name && is_nameless(identity_)) ? Text::unknown() : of_group(&Identity::pod);
}

Text FlowSubject::pod_uid() const { return of_group(&Identity::pod_uid); }

Fact<Protocol> FlowSubject::protocol() const
{
    return has_tuple() ? Fact(flow_.tuple.protocol) : Fact<Protocol>::unknown();
}

Fact<std::uint16_t> FlowSubject::port(const Endpoint& endpoint) const
{
    return endpoint.port != 0 ? Fact(endpoint.port)
                              : Fact<std::uint16_t>::of(std::nullopt, !has_ports(flow_.tuple.protocol));
}

Fact<Address> FlowSubject::remote() const
{
    const Address& address = flow_.tuple.remote.address;
    return address.is_unspecified() ? Fact<Address>::unknown() : Fact(address);
}

Fact<Inode> FlowSubject::netns() const
{
    const Inode netns = netns_of(flow_, sample_);
    return netns == Inode{} ? Fact<Inode>::unknown() : Fact(netns);
}

/// Interfaces and addresses of another namespace are not those of this one.
bool FlowSubject::is_elsewhere() const
{
    return flow_.attribution.cause == Cause::other_netns ||
           (machine_.netns != Inode{} && flow_.netns != Inode{} && flow_.netns != machine_.netns);
}

Fact<std::uint32_t> FlowSubject::interface() const
{
    if (is_elsewhere()) {
        return Fact<std::uint32_t>::none();
    }
    const std::uint32_t index = interface_of(flow_, machine_.interfaces);
    return index == 0 ? Fact<std::uint32_t>::unknown() : Fact(index);
}

Fact<bool> FlowSubject::stays_on_this_machine() const
{
    if (!has_tuple()) {
        return Fact<bool>::unknown();
    }
    if (const auto stays = socktally::stays_on_this_machine(flow_.tuple, machine_.interfaces)) {
        return *stays;
    }
    return flow_.interface == 0 || is_elsewhere() ? Fact<bool>::unknown()
                                                  : Fact(flow_.interface == loopback_of(machine_.interfaces));
}

} // namespace socktally
