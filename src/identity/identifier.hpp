// SPDX-License-Identifier: MIT
// Who the processes of a sample are: reads what is asked for, of those that matter, while they live; of those that are
// over, what their cgroup's id tells.
#pragma once

#include "identity/cgroup_tree.hpp"
#include "identity/container_names.hpp"
#include "identity/known_processes.hpp"
#include "identity/netns_names.hpp"
#include "identity/users.hpp"
#include "model/identity.hpp"
#include "model/sample.hpp"
#include "sys/fd.hpp"

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

/// What one window leaves to the next.
struct IdentityMemory {
    std::shared_ptr<EngineAnswers> answers = std::make_shared<EngineAnswers>();
    std::shared_ptr<Lookups> lookups = std::make_shared<Lookups>();
    Users users{*lookups};
    KnownProcesses processes{};
    /// What containers and their pods were called last, by their cgroups.
    std::map<std::string, std::shared_ptr<const Identity>> names{};
    /// When there are too many of these.
    void forget_names_but(const std::vector<CgroupPlace>& used);
};

/// For one window.
class Identifier {
public:
    /// Notes which cgroups there are, if that is needed: one that is gone after the window is known all the same. So
    /// make it before. Throws where /proc cannot be opened.
    explicit Identifier(const IdentityNeeds& needs, IdentityPlaces places = {},
                        std::shared_ptr<IdentityMemory> memory = std::make_shared<IdentityMemory>());

    /// One process, at once, unless it was read in this window. Of one that has ended what was known before stands.
    /// Returns false if something is not known because the process ended too early.
    bool read(Process& process);
    /// read(), for whoever meets processes that may be over soon; empty where nothing is to be read.
    std::function<void(Process&)> look();

    /// Finds out where the cgroup is, for sample requests; empty where that is not needed.
    std::function<void(std::uint64_t cgroup_id)> group_look();

    /// All that own a flow with traffic, or with `idle` any flow. Of a flow without a process what the cgroup of its
    /// socket tells, which makes its attribution Quality::socket. Flows must be attributed. What could not be found out
    /// becomes a note.
    void identify(Sample& sample, bool idle);

    /// All processes that live now, as a sample without flows, with what is needed of them.
    Sample running();

    const std::string& netns_name(Inode netns) { return netns_names_.name(netns); }
    Users& users() { return memory_->users; }

private:
    void meet_group(std::uint64_t id);
    std::optional<std::string> cgroup_path(std::uint64_t id);
    void read_through_cgroup(Process& process);
    void identify_sockets(Sample& sample, bool idle);
    void name_containers(Sample& sample);

    IdentityNeeds needs_;
    Fd proc_;
    CgroupTree cgroups_;
    bool walked_again_ = false;                         // after the window
    std::chrono::steady_clock::time_point next_walk_{}; // in the window, at the soonest
    std::unordered_set<std::uint64_t> removed_;         // cgroups that a walk in the window did not find any more
    NetnsNames netns_names_;
    ContainerPlaces containers_;
    std::shared_ptr<IdentityMemory> memory_;
};

} // namespace socktally
