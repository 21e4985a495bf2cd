// SPDX-License-Identifier: MIT
// Finds out who the processes of a sample are. It reads the files of processes while they live; for a process that has
// ended, it uses what an earlier window has read, and what the id of its cgroup tells.
#pragma once

#include "linux/fd.hpp"
#include "model/identity.hpp"
#include "model/sample.hpp"
#include "processes/cgroup_tree.hpp"
#include "processes/container_names.hpp"
#include "processes/names.hpp"
#include "processes/process_files.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace socktally {

/// Where everything is; other places for tests.
struct IdentityPlaces {
    std::string proc = "/proc";
    std::string netns = "/run/netns";
    ContainerPlaces containers = {};
};

/// Data kept from one window to the next.
struct IdentityMemory {
    std::shared_ptr<EngineAnswers> answers = std::make_shared<EngineAnswers>();
    std::shared_ptr<Lookups> lookups = std::make_shared<Lookups>();
    Users users{*lookups};
    KnownProcesses processes{};
    /// The last known names of containers and their pods, by cgroup.
    std::map<std::string, ContainerFacts> names{};
    /// Forgets the names of all other cgroups if there are too many.
    void forget_names_but(const std::vector<CgroupPlace>& used);
};

/// Identifies the processes of one window.
class Identifier {
public:
    /// Throws if /proc cannot be opened.
    explicit Identifier(const IdentityNeeds& needs, IdentityPlaces places = {},
                        std::shared_ptr<IdentityMemory> memory = std::make_shared<IdentityMemory>());

    /// Call it before a window: notes which cgroups there are, if that is needed, so that those that go away in the
    /// window are known.
    void note_cgroups();

    /// Reads a process at once, unless it was read in this window. If it has ended, keeps what was known before.
    /// Returns false if something is not known because the process ended too early.
    bool read(Process& process);
    /// Returns read() for backends that meet processes that may end soon; empty if nothing is to be read.
    std::function<void(Process&)> identify_process();

    /// Returns a function that finds the path of a cgroup, for SampleRequest; empty if paths are not needed.
    std::function<void(std::uint64_t cgroup_id)> identify_group();

    /// Identifies all owners of flows with traffic, or with `idle` of all flows. For a flow without a process it uses
    /// the cgroup of the socket, and the attribution becomes Quality::socket. Flows must be attributed. Anything that
    /// could not be found out becomes a note, unless the process has no flow that `is_printed`.
    void identify(
        Sample& sample, bool idle,
        const std::function<bool(const Flow&)>& is_printed = [](const Flow&) { return true; });

    /// All processes that live now, as a sample without flows, with what is needed of them.
    Sample running();

    const std::string& netns_name(Inode netns) { return netns_names_.name(netns); }
    Users& users() { return memory_->users; }

private:
    CgroupTree& cgroups();
    void meet_group(std::uint64_t id);
    std::optional<std::string> cgroup_path(std::uint64_t id);
    void read_through_cgroup(Process& process);
    void identify_sockets(Sample& sample, bool idle);
    void name_containers(Sample& sample);

    IdentityNeeds needs_;
    Fd proc_;
    std::optional<CgroupTree> cgroups_;                 // made when it is first asked
    bool walked_again_ = false;                         // after the window
    std::chrono::steady_clock::time_point next_walk_{}; // earliest time, within the window
    std::unordered_set<std::uint64_t> removed_;         // cgroups that a walk in the window no longer found
    NetnsNames netns_names_;
    ContainerPlaces containers_;
    std::shared_ptr<IdentityMemory> memory_;
};

} // namespace socktally
