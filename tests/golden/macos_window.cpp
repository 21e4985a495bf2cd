// SPDX-License-Identifier: MIT
#include "macos_window.hpp"

#include "linux/interrupt.hpp"
#include "traffic/netstat/netstat_backend.hpp"
#include "util/number.hpp"
#include "util/text.hpp"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>

namespace socktally::test {

namespace {

namespace fs = std::filesystem;

/// The system's answers, as the lines of the file `facts` give them.
struct Facts {
    std::map<std::string, std::string, std::less<>> texts;
    std::map<Pid, Process> processes;

    std::uint64_t number(const std::string& name) const { return parse_number(texts.at(name)).value(); }
};

void read_facts(const fs::path& file, Facts& facts)
{
    std::ifstream stream(file);
    for (std::string text; std::getline(stream, text);) {
        std::string_view line = text;
        const std::string_view name = next_word(line);
        if (name == "process") {
            const Pid pid{static_cast<std::int32_t>(parse_number(next_word(line)).value())};
            Process& process = facts.processes[pid];
            process.pid = pid;
            process.start_time = StartTime{parse_number(next_word(line)).value()};
            process.uid = Uid{static_cast<std::uint32_t>(parse_number(next_word(line)).value())};
            process.name = line.substr(1);
        } else if (!name.empty() && name != "#") {
            facts.texts.emplace(name, next_word(line));
        }
    }
}

} // namespace

Replayed play_macos(const fs::path& scene, Extent extent, std::optional<Uid> viewer)
{
    Facts facts;
    read_facts(scene / "../facts", facts);
    read_facts(scene / "facts", facts);
    const TempDirectory directory;
    for (const char* program : {"netstat", "lsof"}) {
        fs::create_symlink(fs::canonical(scene / "../fake"), directory.path() / program);
    }
    fs::create_directory_symlink(fs::canonical(scene), directory.path() / "scene");
    if (extent == Extent::totals) {
        std::ofstream(directory.path() / "window");
    }
    NetstatSystem system;
    system.netstat = directory.path() / "netstat";
    system.lsof = directory.path() / "lsof";
    system.darwin = static_cast<unsigned>(facts.number("darwin"));
    system.viewer = viewer.value_or(Uid{});
    system.look_up = [&](Pid pid) {
        const auto found = facts.processes.find(pid);
        return found != facts.processes.end() ? std::optional(found->second) : std::nullopt;
    };
    BackendOptions options;
    options.tuples = true;
    options.ports = true;
    options.facts = true;
    auto opened = open_netstat(options, system);
    if (const auto* refusal = std::get_if<Unavailable>(&opened)) {
        throw std::runtime_error(fmt::format("{}: {}", scene.string(), refusal->why));
    }
    Interrupt interrupt;
    SampleRequest request;
    request.window = std::chrono::milliseconds(extent == Extent::totals ? 0 : 1);
    request.interrupt = &interrupt;
    Replayed replayed;
    replayed.proc = std::make_shared<FixtureProc>();
    replayed.result = std::get<std::unique_ptr<Backend>>(opened)->sample(request);
    Sample& sample = replayed.result.sample;
    sample.started_at = std::chrono::system_clock::time_point(std::chrono::microseconds(facts.number("started_at")));
    sample.duration = std::chrono::nanoseconds(extent == Extent::totals ? 0 : facts.number("duration"));
    replayed.host = facts.texts.at("host");
    replayed.boot_id = facts.texts.at("boot_id");
    replayed.interface = Interface{6, "en0", false, true, {parse_address("10.0.0.5").value()}};
    return replayed;
}

} // namespace socktally::test
