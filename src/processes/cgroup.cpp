// SPDX-License-Identifier: MIT
// Parses the cgroup paths that systemd (cg_path_get_unit), container engines, the kubelet, LXC and systemd-nspawn make.
// A process that may create cgroups may give them any name. So a path proves nothing: it is only what the owner of the
// cgroup claims.
#include "processes/cgroup.hpp"

#include "linux/proc.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>
#include <vector>

namespace socktally {

namespace {

constexpr std::size_t id_length = 64;

constexpr std::string_view digits = "0123456789abcdef";

bool is_hex(std::string_view text) { return text.find_first_not_of(digits) == text.npos; }

bool is_number(std::string_view text) { return !text.empty() && text.find_first_not_of("0123456789") == text.npos; }

std::vector<std::string_view> components_of(std::string_view path)
{
    std::vector<std::string_view> components;
    while (!path.empty()) {
        const std::string_view component = path.substr(0, path.find('/'));
        path.remove_prefix(std::min(component.size() + 1, path.size()));
        if (!component.empty()) {
            components.push_back(component);
        }
    }
    return components;
}

/// Replaces each `\xNN` by the byte NN. systemd writes a byte in this way if the name of a unit may not contain the
/// byte.
std::string unescape(std::string_view text)
{
    std::string result;
    while (!text.empty()) {
        if (text.starts_with("\\x") && text.size() >= 4 && is_hex(text.substr(2, 2))) {
            result += static_cast<char>(digits.find(text[2]) << 4 | digits.find(text[3]));
            text.remove_prefix(4);
        } else {
            result += text.front();
            text.remove_prefix(1);
        }
    }
    return result;
}

/// Returns whether the name of a unit follows the rules of systemd: it ends in `type`, has text before `type`, is not
/// too long, and has only allowed characters.
bool is_unit(std::string_view name, std::string_view type)
{
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@";
    constexpr std::size_t longest = 255;
    return name.ends_with(type) && name.size() > type.size() && name.size() <= longest && name.front() != '@' &&
           name.find_first_not_of(allowed) == name.npos;
}

bool is_slice(std::string_view component) { return is_unit(component, ".slice"); }

bool holds_processes(std::string_view component)
{
    constexpr std::array<std::string_view, 5> types = {".service", ".scope", ".socket", ".mount", ".swap"};
    return std::any_of(types.begin(), types.end(), [component](auto type) { return is_unit(component, type); });
}

/// Removes the `_` that systemd puts before a name if the kernel has a file of this name in each cgroup, such as
/// cgroup.procs.
std::string_view without_guard(std::string_view component)
{
    component.remove_prefix(component.starts_with('_') ? 1 : 0);
    return component;
}

/// Returns the text between `before` and `after`. Returns null if `text` does not begin and end with them, or if the
/// text between them is empty.
std::optional<std::string_view> between(std::string_view text, std::string_view before, std::string_view after)
{
    if (text.size() <= before.size() + after.size() || !text.starts_with(before) || !text.ends_with(after)) {
        return std::nullopt;
    }
    return text.substr(before.size(), text.size() - before.size() - after.size());
}

/// Returns the UID in the name `user@UID.service`; null for other units.
std::optional<Uid> user_of(std::string_view unit)
{
    const auto number = parse_number(between(unit, "user@", ".service").value_or(""));
    return number && *number < UINT32_MAX ? std::optional(Uid{static_cast<std::uint32_t>(*number)}) : std::nullopt;
}

/// Finds the unit: the first component that is not a slice. If this unit is the systemd of a user (user@UID.service),
/// finds the first component below it that is not a slice.
void find_unit(const std::vector<std::string_view>& components, CgroupPlace& place)
{
    for (const std::string_view component : components) {
        const std::string_view name = without_guard(component);
        if (is_slice(name)) {
            continue;
        }
        if (!holds_processes(name)) {
            return;
        }
        place.unit = unescape(name);
        if (place.user) {
            return;
        }
        place.user = user_of(name);
        if (!place.user) {
            return;
        }
    }
}

struct EnginePrefix {
    std::string_view text;
    Engine engine;
};

constexpr std::array<EnginePrefix, 6> engine_prefixes = {{{"docker", Engine::docker},
                                                          {"libpod", Engine::podman},
                                                          {"libpod-payload", Engine::podman},
                                                          {"cri-containerd", Engine::containerd},
                                                          {"nerdctl", Engine::containerd},
                                                          {"crio", Engine::crio}}};

std::optional<Engine> engine_called(std::string_view name)
{
    const auto* found = std::find_if(engine_prefixes.begin(), engine_prefixes.end(),
                                     [name](const EnginePrefix& prefix) { return prefix.text == name; });
    return found == engine_prefixes.end() ? std::nullopt : std::optional(found->engine);
}

struct ContainerName {
    std::string_view id;
    std::optional<Engine> engine;
};

/// Parses `ID`, `ENGINE-ID`, `ENGINE-ID.scope` or `SLICE:ENGINE:ID`. An engine makes the last form if it is given a
/// cgroup in the form for systemd, but uses the cgroupfs driver. Returns null for a helper process of the engine
/// (`libpod-conmon-ID.scope`), and for a pod (`libpod_pod_ID`).
std::optional<ContainerName> container_of(std::string_view component, std::string_view parent)
{
    constexpr std::string_view scope = ".scope";
    component.remove_suffix(component.ends_with(scope) ? scope.size() : 0);
    if (component.size() < id_length) {
        return std::nullopt;
    }
    const std::string_view id = component.substr(component.size() - id_length);
    std::string_view before = component.substr(0, component.size() - id_length);
    if (!is_container_id(id)) {
        return std::nullopt;
    }
    if (before.empty()) {
        return ContainerName{id, engine_called(parent)};
    }
    const char separator = before.back();
    before.remove_suffix(1);
    if (separator == ':') {
        before.remove_prefix(before.rfind(':') + 1); // npos + 1 is 0
    } else if (separator != '-') {
        return std::nullopt;
    }
    const auto engine = engine_called(before);
    return engine ? std::optional(ContainerName{id, engine}) : std::nullopt;
}

struct MachineUnit {
    std::string name;
    Engine engine;
};

/// Returns the container whose cgroup begins at components[i], if its engine gives containers names but no ids (LXC,
/// systemd-nspawn). Returns null for the supervisor process of a container, and for a virtual machine.
std::optional<MachineUnit> machine_of(const std::vector<std::string_view>& components, std::size_t i)
{
    const std::string_view next = i + 1 < components.size() ? components[i + 1] : std::string_view();
    const std::string_view component = components[i];
    if (const auto name = between(component, "lxc.payload.", "")) {
        return MachineUnit{std::string(*name), Engine::lxc};
    }
    if ((component == "lxc" || component == "lxc.payload") && !next.empty()) {
        return MachineUnit{std::string(next), Engine::lxc};
    }
    if (next == "supervisor") {
        return std::nullopt;
    }
    if (const auto name = between(component, "systemd-nspawn@", ".service")) {
        return MachineUnit{unescape(*name), Engine::nspawn};
    }
    if (const auto name = between(component, "machine-", ".scope"); name && !name->starts_with("qemu\\x2d")) {
        return name->starts_with("lxc\\x2d") ? MachineUnit{unescape(*name), Engine::lxc}
                                             : MachineUnit{unescape(*name), Engine::nspawn};
    }
    return std::nullopt;
}

/// Returns whether the text is a UUID, with or without dashes.
bool is_pod_uid(std::string_view text)
{
    constexpr std::string_view uuid = "00000000-0000-0000-0000-000000000000";
    const auto fits = [](char c, char shape) { return shape == '-' ? c == '-' : digits.find(c) != digits.npos; };
    return (text.size() == 32 && is_hex(text)) || std::equal(text.begin(), text.end(), uuid.begin(), uuid.end(), fits);
}

/// Returns the uid of a pod. The component is `podUID` (Kubernetes with the cgroupfs driver),
/// `kubepods-burstable-podUID.slice` with `_` for `-` in the UID (Kubernetes with the systemd driver),
/// `machine-libpod_pod_ID.slice` or `libpod_pod_ID` (Podman). Returns null for all others.
std::optional<std::string> pod_of(std::string_view component)
{
    constexpr std::string_view podman = "libpod_pod_";
    component = component.substr(0, component.find(':')); // keeps the SLICE of SLICE:ENGINE:ID (see container_of)
    constexpr std::string_view slice = ".slice";
    const bool by_systemd = component.ends_with(slice);
    component.remove_suffix(by_systemd ? slice.size() : 0);
    if (const auto at = component.find(podman); at != component.npos) {
        const std::string_view id = component.substr(at + podman.size());
        return is_container_id(id) ? std::optional(std::string(id)) : std::nullopt;
    }
    const auto at = by_systemd ? component.rfind("-pod") : component.starts_with("pod") ? 0 : component.npos;
    if (at == component.npos) {
        return std::nullopt;
    }
    std::string uid(component.substr(at + (by_systemd ? 4 : 3)));
    if (by_systemd) {
        std::replace(uid.begin(), uid.end(), '_', '-');
    }
    return is_pod_uid(uid) ? std::optional(uid) : std::nullopt;
}

/// Returns whether the component is the cgroup `ID` of a pod that Podman made without systemd. The cgroups of the
/// containers of the pod (`libpod-ID`) are below it.
bool is_podman_pod(std::string_view component, std::string_view parent, std::string_view next)
{
    return is_container_id(component) && !engine_called(parent) &&
           (parent == "libpod_parent" || next == "conmon" || next.starts_with("libpod-"));
}

/// Finds the innermost container and its pod. Knows the paths of all engines.
void find_container(const std::vector<std::string_view>& components, CgroupPlace& place)
{
    for (std::size_t i = 0; i < components.size(); ++i) {
        const std::string_view parent = i > 0 ? components[i - 1] : "";
        if (is_podman_pod(components[i], parent, i + 1 < components.size() ? components[i + 1] : "")) {
            place.pod_uid = components[i];
            continue;
        }
        if (auto pod = pod_of(components[i])) {
            place.pod_uid = std::move(pod);
        }
        if (const auto found = container_of(components[i], parent)) {
            place.container_id = found->id;
            place.engine = found->engine;
            place.machine.reset();
        } else if (auto machine = machine_of(components, i)) {
            place.machine = std::move(machine->name);
            place.engine = machine->engine;
            place.container_id.reset();
        }
    }
}

struct HierarchyPath {
    int order; // hierarchy; 0: version 2; 1: that of systemd; 2: another one
    std::string_view path;
};

std::optional<HierarchyPath> parse_line(std::string_view line)
{
    const auto first = line.find(':');
    const auto second = line.find(':', first == line.npos ? first : first + 1);
    if (second == line.npos || !is_number(line.substr(0, first)) || line.substr(second + 1, 1) != "/") {
        return std::nullopt;
    }
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    std::string_view path = line.substr(second + 1);
    // the kernel appends this if the cgroup was removed before its last process had ended
    constexpr std::string_view removed = " (deleted)";
    path.remove_suffix(path.ends_with(removed) ? removed.size() : 0);
    return HierarchyPath{controllers.empty() ? 0 : controllers == "name=systemd" ? 1 : 2, path};
}

int worth(const CgroupPlace& place)
{
    if (place.container_id || place.machine || place.pod_uid) {
        return 2;
    }
    return place.path == "/" ? 0 : 1;
}

} // namespace

bool is_container_id(std::string_view text) { return text.size() == id_length && is_hex(text); }

CgroupPlace place_of(std::string_view path)
{
    CgroupPlace place;
    place.path = path;
    const auto components = components_of(path);
    find_unit(components, place);
    find_container(components, place);
    return place;
}

std::optional<CgroupPlace> parse_cgroup(std::string_view text)
{
    std::vector<HierarchyPath> paths;
    while (!text.empty()) {
        if (const auto path = parse_line(next_line(text))) {
            paths.push_back(*path);
        }
    }
    std::stable_sort(paths.begin(), paths.end(),
                     [](const HierarchyPath& a, const HierarchyPath& b) { return a.order < b.order; });
    std::optional<CgroupPlace> best;
    for (const HierarchyPath& candidate : paths) {
        CgroupPlace place = place_of(candidate.path);
        if (!best || worth(place) > worth(*best)) {
            best = std::move(place);
        }
    }
    return best;
}

} // namespace socktally
