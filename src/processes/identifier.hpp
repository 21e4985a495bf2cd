// SPDX-License-Identifier: MIT
// Identifies the processes of a sample. Reads the files of living processes. For a process that has ended, uses the
// facts that an earlier window has read, and the facts that follow from the id of its cgroup.
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

/// Directories to read. Tests replace them.
struct IdentityPlaces {
    std::string proc = "/proc";
    std::string netns = "/run/netns";
    ContainerPlaces containers = {};
};

/// Data that an Identifier passes on to the Identifier of the next window.
struct IdentityMemory {
    std::shared_ptr<EngineAnswers> answers = std::make_shared<EngineAnswers>();
    std::shared_ptr<Lookups> lookups = std::make_shared<Lookups>();
    Users users{*lookups};
    KnownProcesses processes{};
    /// The last known facts about containers, such as the names of containers and pods, by cgroup path.
    std::map<std::string, ContainerFacts> names{};
    /// If there are too many facts in `names`, keeps only those of the cgroups in `used`.
    void forget_names_but(const std::vector<CgroupPlace>& used);
};

/// Identifies the processes of one window.
class Identifier {
public:
    /// Throws if the directory /proc cannot be opened.
    explicit Identifier(const IdentityNeeds& needs, IdentityPlaces places = {},
                        std::shared_ptr<IdentityMemory> memory = std::make_shared<IdentityMemory>());

    /// Call it before a window. If cgroups are needed, reads which cgroups exist now. Then a cgroup that is removed in
    /// the window is known too.
    void note_cgroups();

    /// Reads the files of a process, unless this window has read them already. If the process has ended, uses the facts
    /// that an earlier window has read. Returns false if a needed fact is unknown because the process has ended.
    bool read(Process& process);
    /// Returns a function that calls read(). Backends call it when they see a process, because the process may end
    /// soon. The function is empty if there is nothing to read.
    std::function<void(Process&)> identify_process();

    /// Returns a function for SampleRequest that looks up the path of a cgroup and remembers it. The function is empty
    /// if no paths are needed.
    std::function<void(std::uint64_t cgroup_id)> identify_group();

    /// Identifies the owners of all flows with traffic. If `idle` is true, identifies the owners of all flows. A flow
    /// without a known process gets the facts that follow from the cgroup of its socket, and Quality::socket. If
    /// processes have unknown facts, adds a note with their number. The note counts only processes with a flow for
    /// which `is_printed` returns true. Call it after attribute().
    void identify(
        Sample& sample, bool idle,
        const std::function<bool(const Flow&)>& is_printed = [](const Flow&) { return true; });

    /// Identifies all living processes. Returns them in a sample without flows.
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
    std::optional<CgroupTree> cgroups_;                 // the tree is made when it is first used
    bool walked_again_ = false;                         // true: the tree was walked again after the window
    std::chrono::steady_clock::time_point next_walk_{}; // earliest time of the next walk within the window
    std::unordered_set<std::uint64_t> removed_;         // ids of cgroups that a walk within the window did not find
    NetnsNames netns_names_;
    ContainerPlaces containers_;
    std::shared_ptr<IdentityMemory> memory_;
};

} // namespace socktally
