// SPDX-License-Identifier: MIT
// Names of containers, read from the files of their engines. If the files do not have a name, the engine is asked over
// its socket. Names of a user's containers come only from that user's files and sockets, names of root's from root's.
#pragma once

#include "linux/file.hpp"
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

/// Directories and limits, which tests replace.
struct ContainerPlaces {
    std::string root;                         // put before every path
    Uid owner{0};                             // the user who owns the engines of this machine
    std::chrono::milliseconds patience{1000}; // limit for all sockets together, and again for all files together
};

/// The last answer of an engine. The next request waits a hundred times as long as this one took, so that a slow or
/// silent engine does not take up windows that follow each other.
struct EngineAnswer {
    ContainerList list;
    std::string failure; // why there is no list; empty if there is no engine
    std::chrono::steady_clock::time_point rests_until;
};
using EngineAnswers = std::map<std::string, EngineAnswer>; // by the path of the socket

class ContainerNames {
public:
    /// The facts to find. The files of some engines have names, but not published ports.
    enum class Wanted : std::uint8_t { names, names_and_ports };
    explicit ContainerNames(ContainerPlaces places, Wanted what = Wanted::names,
                            std::shared_ptr<EngineAnswers> answers = std::make_shared<EngineAnswers>(),
                            std::shared_ptr<Lookups> lookups = std::make_shared<Lookups>())
        : places_(std::move(places)), what_(what), answers_(std::move(answers)), lookups_(std::move(lookups))
    {
    }

    /// Searches for the names of the containers with these ids (`container_id`).
    void find(const std::vector<CgroupPlace>& wanted);
    /// Returns the facts of a container; null if none were found.
    const ContainerFacts* of(const CgroupPlace& place) const;
    /// Returns one line for each source that failed: why.
    const std::vector<std::string>& failures() const { return failures_; }
    /// Returns whether a file was skipped because only root may read it.
    bool denied() const { return denied_; }

private:
    /// The owner of a container, and the container's id.
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
    std::optional<std::string> docker_root_; // null until it is known
    std::vector<std::string> failures_;
    std::set<std::string> unread_; // directories in which a file could not be read in time
    bool denied_ = false;
};

} // namespace socktally
