// SPDX-License-Identifier: MIT
// Finds the names of containers in the files of their engines. If the files of an engine lack a name, asks the engine
// over its socket. Trusts the files and sockets of a user only for the containers of this user, and those of root only
// for the containers of root.
#pragma once

#include "linux/trusted_file.hpp"
#include "processes/cgroup.hpp"
#include "processes/container_json.hpp"
#include "processes/lookups.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace socktally {

/// Directories and limits. Tests replace them.
struct ContainerPlaces {
    std::string root;                         // directory that replaces / in every path
    Uid owner{0};                             // the user who owns the engines of the machine
    std::chrono::milliseconds patience{1000}; // time limit for all files together, and again for all sockets together
};

/// The last answer of an engine. The next request must wait a hundred times as long as the last request took. So an
/// engine that is slow or silent does not use up the windows that follow.
struct EngineAnswer {
    ContainerList list;
    std::string failure; // why there is no list of containers; empty: there is no engine
    std::chrono::steady_clock::time_point rests_until;
};
/// The last answer of each engine, by the path of its socket.
using EngineAnswers = std::map<std::string, EngineAnswer>;

class ContainerNames {
public:
    /// The facts to find. names: an engine is asked if its files lack a name. names_and_ports: an engine is asked also
    /// if its files lack the published ports.
    enum class Wanted : std::uint8_t { names, names_and_ports };
    explicit ContainerNames(ContainerPlaces places, Wanted what = Wanted::names,
                            std::shared_ptr<EngineAnswers> answers = std::make_shared<EngineAnswers>(),
                            std::shared_ptr<Lookups> lookups = std::make_shared<Lookups>())
        : places_(std::move(places)), what_(what), answers_(std::move(answers)), lookups_(std::move(lookups))
    {
    }

    /// Searches for the facts of these containers (CgroupPlace::container_id).
    void find(const std::vector<CgroupPlace>& wanted);
    /// Returns the facts about a container; null if none were found.
    const ContainerFacts* of(const CgroupPlace& place) const;
    /// Returns a line for each source that failed. The line says why.
    const std::vector<std::string>& failures() const { return failures_; }
    /// Returns whether a file was skipped because we may not read it.
    bool denied() const { return denied_; }

private:
    /// The user who owns a container, and the id of the container.
    using Key = std::pair<Uid, std::string>;
    struct Source;

    Key key_of(const CgroupPlace& place) const;
    bool is_known(const CgroupPlace& place) const;
    void add(Uid owner, ContainerFacts facts);
    std::optional<std::string> read(const TrustedPlace& place, std::size_t limit);
    void read_files(Uid owner, const std::vector<CgroupPlace>& wanted);
    void read_docker_file(Uid owner, const std::string& id);
    void read_runtime_files(Uid owner, const std::string& id);
    void read_storage_lists(Uid owner);
    std::string network_of(const CgroupPlace& place) const;
    void read_networks(const std::vector<CgroupPlace>& wanted);
    void ask(Uid owner, const std::vector<CgroupPlace>& wanted);
    void take_answer(Uid owner, const Source& source);
    const std::string& docker_root();
    std::string home(Uid owner) const;

    ContainerPlaces places_;
    Wanted what_;
    std::shared_ptr<EngineAnswers> answers_;
    std::shared_ptr<Lookups> lookups_;
    std::chrono::steady_clock::time_point deadline_;
    std::map<Key, ContainerFacts> facts_;
    std::optional<std::string> docker_root_; // null until the directory is known
    std::vector<std::string> failures_;
    std::set<std::string> unread_; // directories with a file that could not be read in time
    bool denied_ = false;
};

} // namespace socktally
