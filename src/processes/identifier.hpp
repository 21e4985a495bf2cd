// SPDX-License-Identifier: MIT
// Identifies the processes of a sample. Reads the files of living processes. If a process has ended, uses what an
// earlier window has read, and what the id of its cgroup tells.
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

/// Directories, which tests replace.
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

    /// Reads a process now, unless it was read in this window already. If it has ended, keeps what was known before.
    /// Returns false if something is unknown because the process has ended.
    bool read(Process& process);
    /// Returns read() for backends to call when they see a process that may end soon; empty if nothing is to be read.
    std::function<void(Process&)> identify_process();

    /// Returns a function that looks up the path of a cgroup, for SampleRequest; empty if paths are not needed.
    std::function<void(std::uint64_t cgroup_id)> identify_group();

    /// Identifies the owners of all flows with traffic, or with `idle` of all flows. A flow without a process gets what
    /// the cgroup of its socket tells, and the quality Quality::socket. Call it after attribute(). Adds a note about
    /// what is unknown, but only for processes that have a flow that `is_printed`.
    void identify(
        Sample& sample, bool idle,
        const std::function<bool(const Flow&)>& is_printed = [](const Flow&) { return true; });

    /// Identifies all living processes, and returns them as a sample without flows.
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
    std::chrono::steady_clock::time_point next_walk_{}; // no walk within the window before this time
    std::unordered_set<std::uint64_t> removed_;         // cgroups that a walk within the window did not find any more
    NetnsNames netns_names_;
    ContainerPlaces containers_;
    std::shared_ptr<IdentityMemory> memory_;
};

} // namespace socktally
