// SPDX-License-Identifier: MIT
#include "processes/identifier.hpp"

#include "linux/processes.hpp"
#include "processes/process_files.hpp"
#include "util/number.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace socktally {

namespace {

/// Returns for each process of the sample, by its index, whether it owns a flow with traffic. If `idle` is true, a flow
/// without traffic counts too.
std::vector<bool> owners_in(const Sample& sample, bool idle)
{
    std::vector<bool> owners(sample.processes.size());
    for (const Flow& flow : sample.flows) {
        if (flow.attribution.process && (idle || flow.may_have_traffic())) {
            owners[*flow.attribution.process] = true;
        }
    }
    return owners;
}

bool has_cgroup(const Process& process) { return process.identity != nullptr && process.identity->cgroup; }

/// Counts the processes that are marked in `processes` and own a flow for which `is_printed` returns true.
std::size_t printed_owners(const Sample& sample, std::vector<bool> processes,
                           const std::function<bool(const Flow&)>& is_printed)
{
    std::size_t count = 0;
    for (const Flow& flow : sample.flows) {
        const auto process = flow.attribution.process;
        if (process && processes[*process] && is_printed(flow)) {
            processes[*process] = false;
            ++count;
        }
    }
    return count;
}

Note unread_note(std::size_t processes)
{
    return {NoteCode::identity_unread, fmt::format("{} ended before name, user and unit could be read",
                                                   plural(processes, "process", "processes"))};
}

Note nameless_note(std::size_t containers, const ContainerNames& names)
{
    const auto& failures = names.failures();
    constexpr std::size_t most = 3; // enough to see what is wrong; there may be an engine for each user
    std::string why;
    for (std::size_t i = 0; i < std::min(most, failures.size()); ++i) {
        why += "; " + failures[i];
    }
    why += failures.size() > most ? "; …" : "";
    return {NoteCode::container_names,
            containers > 0 ? plural(containers, "container has", "containers have") + " no known name" + why
                           : "some containers could not be identified in full" + why,
            names.denied() ? "run with sudo" : ""};
}

Identity named(Identity identity, const ContainerFacts& facts)
{
    const auto take = [](std::optional<std::string>& field, const std::optional<std::string>& name) {
        field = name ? name : field;
    };
    take(identity.container, facts.name);
    take(identity.image, facts.image);
    take(identity.pod, facts.pod);
    take(identity.pod_namespace, facts.pod_namespace);
    identity.published = facts.ports.value_or(std::vector<PublishedPort>());
    return identity;
}

} // namespace

void IdentityMemory::forget_names_but(const std::vector<CgroupPlace>& used)
{
    constexpr std::size_t most = 4096;
    if (names.size() <= most) {
        return;
    }
    std::set<std::string_view> paths;
    for (const CgroupPlace& place : used) {
        paths.insert(place.path);
    }
    std::erase_if(names, [&paths](const auto& entry) { return !paths.contains(entry.first); });
}

Identifier::Identifier(const IdentityNeeds& needs, IdentityPlaces places, std::shared_ptr<IdentityMemory> memory)
    : needs_(needs), proc_(open_processes(places.proc)), netns_names_(std::move(places.netns)),
      containers_(std::move(places.containers)), memory_(std::move(memory))
{
    memory_->processes.begin_window();
    memory_->users.begin_window();
}

CgroupTree& Identifier::cgroups()
{
    if (!cgroups_) {
        const auto mount = read_cgroup2_mount(proc_.get(), "self/mountinfo");
        cgroups_.emplace(mount && mount->is_whole ? std::optional(mount->path) : std::nullopt);
    }
    return *cgroups_;
}

void Identifier::note_cgroups()
{
    if (needs_.cgroup) {
        cgroups().walk();
    }
}

bool Identifier::read(Process& process)
{
    return !needs_.any() || memory_->processes.fill(proc_.get(), needs_, process);
}

std::function<void(Process&)> Identifier::identify_process()
{
    return needs_.any() ? [this](Process& process) { read(process); } : std::function<void(Process&)>();
}

std::function<void(std::uint64_t)> Identifier::identify_group()
{
    return needs_.cgroup ? [this](std::uint64_t id) { meet_group(id); } : std::function<void(std::uint64_t)>();
}

/// Walks the tree of cgroups again if it has no cgroup with this id. A walk of thousands of cgroups takes tens of
/// milliseconds, so the next walk must wait ten times as long as the last walk took.
void Identifier::meet_group(std::uint64_t id)
{
    using Clock = std::chrono::steady_clock;
    constexpr int rest = 10;
    if (id == 0 || cgroups().knows(id) || removed_.contains(id)) {
        return;
    }
    if (const auto begun = Clock::now(); begun >= next_walk_) {
        cgroups().walk();
        if (!cgroups().knows(id)) {
            removed_.insert(id);
        }
        next_walk_ = begun + rest * (Clock::now() - begun);
    }
}

std::optional<std::string> Identifier::cgroup_path(std::uint64_t id)
{
    auto path = cgroups().path(id);
    if (!path && !std::exchange(walked_again_, true)) {
        cgroups().walk();
        path = cgroups().path(id);
    }
    return path;
}

void Identifier::read_through_cgroup(Process& process)
{
    if (const auto path = cgroup_path(*process.cgroup_id)) {
        Identity identity = identity_in(place_of(*path));
        identity.parent = process.identity != nullptr ? process.identity->parent : std::nullopt;
        process.identity = std::make_shared<const Identity>(std::move(identity));
    }
}

void Identifier::identify_sockets(Sample& sample, bool idle)
{
    for (Flow& flow : sample.flows) {
        if (flow.attribution.process || flow.cgroup_id == 0 || !(idle || flow.may_have_traffic())) {
            continue;
        }
        const auto [group, is_new] = sample.groups.try_emplace(flow.cgroup_id);
        if (const auto path = is_new ? cgroup_path(flow.cgroup_id) : std::nullopt) {
            if (auto identity = identity_of_socket_in(place_of(*path))) {
                group->second = std::make_shared<const Identity>(std::move(*identity));
            }
        }
        if (group->second != nullptr) {
            flow.attribution.quality = Quality::socket;
        }
    }
}

/// Finds the names of containers. Parses the cgroup paths again, because the user of a container is in its cgroup path,
/// but not in an Identity.
void Identifier::name_containers(Sample& sample)
{
    std::vector<std::pair<std::shared_ptr<const Identity>*, CgroupPlace>> contained;
    std::vector<CgroupPlace> wanted;
    const auto add = [&](std::shared_ptr<const Identity>& identity, const std::string& path) {
        contained.emplace_back(&identity, place_of(path));
        wanted.push_back(contained.back().second);
    };
    for (Process& process : sample.processes) {
        if (process.identity != nullptr && process.identity->container_id) {
            add(process.identity, *process.identity->cgroup);
        }
    }
    for (auto& [id, identity] : sample.groups) {
        if (identity != nullptr && identity->container_id) {
            add(identity, *cgroups().path(id));
        }
    }
    using Wanted = ContainerNames::Wanted;
    ContainerNames names(containers_, needs_.ports ? Wanted::names_and_ports : Wanted::names, memory_->answers,
                         memory_->lookups);
    names.find(wanted);
    std::set<std::string> nameless;
    for (const auto& [identity, place] : contained) {
        const ContainerFacts* facts = names.of(place);
        if (facts != nullptr) {
            memory_->names.insert_or_assign(place.path, *facts);
        } else if (const auto before = memory_->names.find(place.path); before != memory_->names.end()) {
            facts = &before->second;
        }
        if (facts != nullptr) {
            *identity = std::make_shared<const Identity>(named(**identity, *facts));
        } else {
            nameless.insert(*place.container_id);
        }
    }
    memory_->forget_names_but(wanted);
    if (!nameless.empty() || !names.failures().empty()) {
        sample.notes.push_back(nameless_note(nameless.size(), names));
    }
}

Sample Identifier::running()
{
    Sample sample;
    for (const std::int32_t pid : list_processes(proc_.get())) {
        if (auto process = read_process(proc_.get(), Pid{pid})) {
            read(*process);
            sample.processes.push_back(std::move(*process));
        }
    }
    if (needs_.containers) {
        name_containers(sample);
    }
    return sample;
}

void Identifier::identify(Sample& sample, bool idle, const std::function<bool(const Flow&)>& is_printed)
{
    if (!needs_.any()) {
        return;
    }
    const std::vector<bool> owners = owners_in(sample, idle);
    std::vector<bool> unread(owners.size());
    for (std::size_t i = 0; i < owners.size(); ++i) {
        Process& process = sample.processes[i];
        if (!owners[i]) {
            continue;
        }
        bool is_whole = read(process);
        if (!is_whole && needs_.cgroup && process.cgroup_id && !has_cgroup(process)) {
            read_through_cgroup(process);
            is_whole = has_cgroup(process) && !needs_.command && !needs_.exe && !needs_.parent;
        }
        unread[i] = !is_whole;
    }
    if (const std::size_t count = printed_owners(sample, std::move(unread), is_printed); count > 0) {
        sample.notes.push_back(unread_note(count));
    }
    if (needs_.cgroup) {
        identify_sockets(sample, idle);
    }
    if (needs_.containers) {
        name_containers(sample);
    }
}

} // namespace socktally
