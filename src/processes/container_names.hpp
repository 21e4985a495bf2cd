// SPDX-License-Identifier: MIT
// Names of containers: from the engines' files, and if these do not tell, from the engines themselves over their
// sockets. The names of a user's containers come from files and sockets of this user only, those of root's from root's.
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

/// Other places for tests.
struct ContainerPlaces {
    std::string root;                         // before every path
    Uid owner{0};                             // owner of the engines of this machine
    std::chrono::milliseconds patience{1000}; // for all sockets together, and the same for all files
};

/// The last answer of an engine. The engine is not asked again for a hundred times as long as it took, so that
/// a slow or silent engine does not eat up windows that follow each other.
struct EngineAnswer {
    ContainerList list;
    std::string failure; // why there is no list; empty: there is no engine
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

    /// Looks for the names of the containers with these `container_id`s.
    void find(const std::vector<CgroupPlace>& wanted);
    /// Returns what was found; null if nothing was.
    const ContainerFacts* of(const CgroupPlace& place) const;
    /// Returns why sources gave no names, one line each.
    const std::vector<std::string>& failures() const { return failures_; }
    /// True if some file may only be read by root.
    bool denied() const { return denied_; }

private:
    /// The owner of the container, and its id.
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
    std::optional<std::string> docker_root_; // once it is known
    std::vector<std::string> failures_;
    std::set<std::string> unread_; // directories below which a file could not be read in time
    bool denied_ = false;
};

} // namespace socktally
