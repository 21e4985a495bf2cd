// SPDX-License-Identifier: MIT
#include "processes/container_names.hpp"

#include "linux/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <set>

namespace socktally {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t config_limit = 4 << 20; // in bytes, for the file of one container
constexpr std::size_t list_limit = 16 << 20;  // in bytes, for a list of all containers

bool may_be(const CgroupPlace& place, Engine engine) { return !place.engine || place.engine == engine; }

/// Returns the container id that ends just before position `at` of the text; empty if there is none.
std::string id_before(const std::string& text, std::size_t at)
{
    constexpr std::size_t length = 64;
    const std::string id = at != text.npos && at >= length ? text.substr(at - length, length) : "";
    return is_container_id(id) ? id : "";
}

template <typename T>
void complete(std::optional<T>& field, std::optional<T> other)
{
    if (!field) {
        field = std::move(other);
    }
}

} // namespace

/// The socket of an engine, and the request for a list of its containers.
struct ContainerNames::Source {
    Engine engine;
    std::string_view path; // path of the socket below /run or, for a user, below /run/user/UID
    std::string_view target;
    ContainerList (*parse)(std::string_view text);
};

ContainerNames::Key ContainerNames::key_of(const CgroupPlace& place) const
{
    return {place.user.value_or(places_.owner), place.container_id.value_or("")};
}

const ContainerFacts* ContainerNames::of(const CgroupPlace& place) const
{
    const auto found = facts_.find(key_of(place));
    return found == facts_.end() ? nullptr : &found->second;
}

/// Returns whether all facts about a container are known, so that no other source need be read. The container that
/// holds the network of a pod in Kubernetes has no name. For this container, the name of the pod is enough.
bool ContainerNames::is_known(const CgroupPlace& place) const
{
    const ContainerFacts* facts = of(place);
    const bool lacks_pod = place.pod_uid && place.engine == Engine::podman && facts != nullptr && !facts->pod;
    const bool may_publish = may_be(place, Engine::docker) || may_be(place, Engine::podman);
    const bool lacks_ports = what_ == Wanted::names_and_ports && may_publish && facts != nullptr && !facts->ports;
    return facts != nullptr && (facts->name || facts->pod) && !lacks_pod && !lacks_ports;
}

/// Adds facts about a container from a source. Keeps facts from earlier sources, and fills only gaps.
void ContainerNames::add(Uid owner, ContainerFacts facts)
{
    const auto [place, is_new] = facts_.try_emplace(Key{owner, facts.id}, facts);
    if (!is_new) {
        complete(place->second.name, std::move(facts.name));
        complete(place->second.image, std::move(facts.image));
        complete(place->second.pod, std::move(facts.pod));
        complete(place->second.pod_namespace, std::move(facts.pod_namespace));
        complete(place->second.ports, std::move(facts.ports));
    }
}

/// Returns the home directory of a user. Returns an empty string if there is none, or if the user database does not
/// answer in time.
std::string ContainerNames::home(Uid owner) const
{
    const UserAnswer answer = lookups_->find_user(owner, places_.patience);
    return answer.user && answer.user->home.starts_with('/') ? places_.root + answer.user->home : "";
}

std::optional<std::string> ContainerNames::read(const TrustedPlace& place, std::size_t limit)
{
    auto text = lookups_->read_file(place, limit, deadline_);
    denied_ = denied_ || (!text && errno == EACCES);
    if (!text && errno == ETIMEDOUT) {
        unread_.insert(place.base);
    }
    return text;
}

const std::string& ContainerNames::docker_root()
{
    constexpr std::size_t limit = 1 << 20;
    if (!docker_root_) {
        const auto text = read({places_.root + "/etc", "docker/daemon.json", places_.owner.value}, limit);
        const auto moved = text ? parse_docker_root(*text) : std::nullopt;
        docker_root_ = places_.root + moved.value_or("/var/lib/docker");
    }
    return *docker_root_;
}

void ContainerNames::read_docker_file(Uid owner, const std::string& id)
{
    const bool is_rootless = owner != places_.owner;
    const std::string base = is_rootless ? home(owner) : docker_root();
    const std::string below = is_rootless ? ".local/share/docker/" : "";
    const auto text = read({base, fmt::format("{}containers/{}/config.v2.json", below, id), owner.value}, config_limit);
    auto facts = text ? parse_docker_config(*text) : std::nullopt;
    if (facts && facts->id == id) {
        add(owner, *std::move(facts));
    }
}

void ContainerNames::read_runtime_files(Uid owner, const std::string& id)
{
    constexpr std::array<std::pair<std::string_view, std::string_view>, 5> places = {
        {{"/run/containerd", "io.containerd.runtime.v2.task/k8s.io"},
         {"/run/k3s/containerd", "io.containerd.runtime.v2.task/k8s.io"},
         {"/run/containerd", "io.containerd.runtime.v2.task/default"},
         {"/run/containers/storage", "overlay-containers"},
         {"/var/lib/containers/storage", "overlay-containers"}}};
    for (const auto& [base, path] : places) {
        const std::string_view file = path.ends_with("-containers") ? "userdata/config.json" : "config.json";
        const auto text =
            read({fmt::format("{}{}", places_.root, base), fmt::format("{}/{}/{}", path, id, file), owner.value},
                 config_limit);
        if (auto facts = text ? parse_runtime_config(*text) : std::nullopt) {
            facts->id = id;
            add(owner, *std::move(facts));
        }
    }
}

void ContainerNames::read_storage_lists(Uid owner)
{
    const bool is_rootless = owner != places_.owner;
    const std::string base = is_rootless ? home(owner) : places_.root + "/var/lib/containers/storage";
    const std::string below = is_rootless ? ".local/share/containers/storage/" : "";
    for (const std::string_view driver : {"overlay", "vfs", "btrfs", "zfs"}) {
        // Podman 4.4 and later list the containers of `run --rm` as volatile.
        for (const std::string_view list : {"containers", "volatile-containers"}) {
            const auto text =
                read({base, fmt::format("{}{}-containers/{}.json", below, driver, list), owner.value}, list_limit);
            const auto parsed = text ? parse_storage_list(*text) : std::nullopt;
            for (const ContainerFacts& facts : parsed.value_or(std::vector<ContainerFacts>())) {
                add(owner, facts);
            }
        }
    }
}

/// Returns the id of the container whose network `place` uses. In a pod of Podman, this is the infra container, whose
/// name begins with the id of the pod. Otherwise it is the container itself.
std::string ContainerNames::network_of(const CgroupPlace& place) const
{
    constexpr std::size_t short_id = 12;
    const std::string infra = place.pod_uid ? place.pod_uid->substr(0, short_id) + "-infra" : "";
    const auto is_infra = [&](const auto& known) {
        return known.first.first == places_.owner && known.second.name == infra;
    };
    const auto found = std::find_if(facts_.begin(), facts_.end(), is_infra);
    return place.pod_uid && found != facts_.end() ? found->second.id : *place.container_id;
}

/// Reads the ports and pods of Podman's containers from the files of CNI, because the lists that Podman stores have
/// neither.
void ContainerNames::read_networks(const std::vector<CgroupPlace>& wanted)
{
    std::multimap<std::string, const CgroupPlace*> users; // places, by the id of the container whose network they use
    for (const CgroupPlace& place : wanted) {
        if (may_be(place, Engine::podman)) {
            users.emplace(network_of(place), &place);
        }
    }
    const std::string base = places_.root + "/var/lib/cni";
    const Directory listing = open_directory(AT_FDCWD, (base + "/results").c_str());
    while (const dirent* entry = listing ? ::readdir(listing.get()) : nullptr) {
        const std::string file = entry->d_name; // NETWORK-ID-INTERFACE
        const auto id = id_before(file, file.rfind('-'));
        const auto [begin, end] = users.equal_range(id);
        const auto text =
            begin == end ? std::nullopt : read({base, "results/" + file, places_.owner.value}, config_limit);
        const auto network = text ? parse_cni_result(*text) : std::nullopt;
        for (auto user = begin; user != end && network && network->id == id; ++user) {
            ContainerFacts facts;
            facts.id = *user->second->container_id;
            facts.pod = user->second->pod_uid ? network->pod : std::nullopt;
            facts.ports = network->ports;
            add(places_.owner, std::move(facts));
        }
    }
}

void ContainerNames::read_files(Uid owner, const std::vector<CgroupPlace>& wanted)
{
    const auto is_of_storage = [](const CgroupPlace& place) { return may_be(place, Engine::podman); };
    if (std::any_of(wanted.begin(), wanted.end(), is_of_storage)) {
        read_storage_lists(owner);
        if (owner == places_.owner) {
            read_networks(wanted);
        }
    }
    for (const CgroupPlace& place : wanted) {
        if (may_be(place, Engine::docker) && !is_known(place)) {
            read_docker_file(owner, *place.container_id);
        }
        const bool may_be_cri = may_be(place, Engine::containerd) || may_be(place, Engine::crio);
        if (may_be_cri && !is_known(place) && owner == places_.owner) {
            read_runtime_files(owner, *place.container_id);
        }
    }
}

void ContainerNames::take_answer(Uid owner, const Source& source)
{
    constexpr int rest = 100;
    const bool is_rootless = owner != places_.owner;
    const std::string base =
        is_rootless ? fmt::format("{}/run/user/{}", places_.root, owner.value) : places_.root + "/run";
    const std::string path = fmt::format("{}/{}", base, source.path);
    EngineAnswer& answer = (*answers_)[path];
    if (const auto begun = Clock::now(); begun >= answer.rests_until) {
        const HttpAnswer http =
            lookups_->ask_engine({base, std::string(source.path), owner.value}, source.target, {deadline_, list_limit});
        answer.list = http.body ? source.parse(*http.body) : std::nullopt;
        answer.failure = http.body ? "unexpected answer" : http.failure;
        const auto now = Clock::now();
        answer.rests_until = now + rest * (now - begun);
    }
    for (const ContainerFacts& facts : answer.list.value_or(std::vector<ContainerFacts>())) {
        add(owner, facts);
    }
    if (!answer.list && !answer.failure.empty()) {
        failures_.push_back(fmt::format("{}: {}", path, answer.failure));
    }
}

void ContainerNames::ask(Uid owner, const std::vector<CgroupPlace>& wanted)
{
    static constexpr std::array<Source, 2> sources = {
        {{Engine::docker, "docker.sock", "/containers/json", parse_docker_list},
         {Engine::podman, "podman/podman.sock", "/v4.0.0/libpod/containers/json?namespace=true&pod=true",
          parse_podman_list}}};
    for (const Source& source : sources) {
        const auto is_wanted = [&](const CgroupPlace& place) {
            return may_be(place, source.engine) && !is_known(place);
        };
        if (std::any_of(wanted.begin(), wanted.end(), is_wanted)) {
            take_answer(owner, source);
        }
    }
}

void ContainerNames::find(const std::vector<CgroupPlace>& wanted)
{
    // Root comes first in this map. So the engine of a user cannot use up the time that the engines of root need.
    std::map<Uid, std::vector<CgroupPlace>> by_owner;
    std::set<Key> seen;
    for (const CgroupPlace& place : wanted) {
        if (seen.insert(key_of(place)).second) {
            by_owner[key_of(place).first].push_back(place);
        }
    }
    deadline_ = Clock::now() + places_.patience;
    for (const auto& [owner, places] : by_owner) {
        read_files(owner, places);
    }
    for (const std::string& base : unread_) {
        failures_.push_back(fmt::format("{}: not read in time", base));
    }
    deadline_ = Clock::now() + places_.patience;
    for (const auto& [owner, places] : by_owner) {
        ask(owner, places);
    }
}

} // namespace socktally
