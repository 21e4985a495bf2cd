// SPDX-License-Identifier: MIT
// Plays recorded windows through the code of the tool and compares what it would print, to the byte.
//   replay DIRECTORY             runs DIRECTORY/cases against DIRECTORY/expected
//   replay --update DIRECTORY    writes what comes out to DIRECTORY/expected; read the difference before you believe it
#include "cli/options.hpp"
#include "commands/make_report.hpp"
#include "commands/resolve_filter.hpp"
#include "commands/unmatched.hpp"
#include "linux/interfaces.hpp"
#include "linux/proc.hpp"
#include "macos_window.hpp"
#include "processes/names.hpp"
#include "recorded_window.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

namespace {

namespace fs = std::filesystem;
using namespace socktally;
using namespace socktally::test;

/// A line of the file of cases: NAME WINDOW [as=UID] [width=COLUMNS] [OPTION]...
struct Case {
    std::string name;
    std::string window;
    std::optional<Uid> viewer;
    std::size_t width = 100;
    std::vector<std::string> arguments{"socktally"};
};

Case parse_case(std::string_view line)
{
    Case parsed;
    parsed.name = next_word(line);
    parsed.window = next_word(line);
    for (auto word = next_word(line); !word.empty(); word = next_word(line)) {
        if (word.starts_with("as=")) {
            parsed.viewer = Uid{static_cast<std::uint32_t>(parse_number(word.substr(3)).value())};
        } else if (word.starts_with("width=")) {
            parsed.width = parse_number(word.substr(6)).value();
        } else {
            parsed.arguments.emplace_back(word);
        }
    }
    return parsed;
}

std::optional<std::string> read(const fs::path& file)
{
    std::ifstream stream(file, std::ios::binary);
    return stream ? std::optional(std::string(std::istreambuf_iterator<char>(stream), {})) : std::nullopt;
}

/// Each window is played once for all cases that want it: its /proc is hundreds of files.
class Windows {
public:
    /// `directory` has the recorded windows, and the scenes of macOS.
    explicit Windows(fs::path directory) : directory_(std::move(directory)) {}

    const Replayed& get(const std::string& name, Extent extent, std::optional<Uid> viewer)
    {
        const auto key = std::make_tuple(name, extent, viewer);
        const auto known = played_.find(key);
        return known != played_.end() ? known->second
                                      : played_.emplace(key, play_either(name, extent, viewer)).first->second;
    }

private:
    Replayed play_either(const std::string& name, Extent extent, std::optional<Uid> viewer) const
    {
        const fs::path scene = directory_ / name;
        return fs::is_directory(scene) ? play_macos(scene, extent, viewer)
                                       : play(directory_ / "windows" / name, extent, viewer);
    }

    fs::path directory_;
    std::map<std::tuple<std::string, Extent, std::optional<Uid>>, Replayed> played_;
};

/// As run_sample() does it, with the sample played instead of taken.
std::string output_of(const Case& run, Windows& windows)
{
    std::vector<const char*> argv;
    for (const std::string& argument : run.arguments) {
        argv.push_back(argument.c_str());
    }
    const Options options = parse_options(static_cast<int>(argv.size()), argv.data());
    const Extent extent = options.duration.count() == 0 ? Extent::totals : Extent::window;
    Replayed replayed = windows.get(run.window, extent, run.viewer);
    Filter filter = options.filter;
    filter.machine.interfaces = {Interface{1, "lo", true, true, {}}, replayed.interface};
    find_users(filter);
    find_interfaces(filter);
    if (options.by.is_by_interface()) {
        mark_outbound(replayed.result.sample.interfaces, filter.machine.interfaces, replayed.interface.index);
    }
    const OutputPlan plan = make_output_plan(options, false, run.width);
    Identifier identifier(identity_needs_of(options, plan),
                          {replayed.proc->root(), replayed.proc->namespaces(), {replayed.proc->root()}});
    Sample& sample = replayed.result.sample;
    find_owners(sample, replayed.result.viewer, options, plan, filter, identifier);
    add_unmatched_notes(sample, filter, identifier, false);
    Report report = make_report(std::move(sample), options, plan, filter, identifier);
    report.host = replayed.host;
    report.boot_id = replayed.boot_id;
    return render(report, plan);
}

/// The first line that differs is enough to see what it is about.
void show_difference(const std::string& name, const std::string& expected, const std::string& actual)
{
    std::string_view wanted = expected;
    std::string_view got = actual;
    for (int number = 1; !wanted.empty() || !got.empty(); ++number) {
        const std::string_view wanted_line = next_line(wanted);
        const std::string_view got_line = next_line(got);
        if (wanted_line != got_line) {
            fmt::print("{}: line {}\n  expected: {:?}\n  but got:  {:?}\n", name, number, wanted_line, got_line);
            return;
        }
    }
    fmt::print("{}: differs in its last newline\n", name);
}

/// Files in `expected` that no case makes would never fail.
int count_strays(const fs::path& expected, const std::vector<Case>& cases)
{
    int strays = 0;
    for (const auto& entry : fs::directory_iterator(expected)) {
        const std::string name = entry.path().filename();
        if (std::none_of(cases.begin(), cases.end(), [&](const Case& run) { return run.name == name; })) {
            fmt::print("{}: no case makes this file\n", name);
            ++strays;
        }
    }
    return strays;
}

std::vector<Case> read_cases(const fs::path& file)
{
    const std::string content = read(file).value();
    std::string_view text = content;
    std::vector<Case> cases;
    while (!text.empty()) {
        const std::string_view line = next_line(text);
        if (!line.empty() && line[0] != '#') {
            cases.push_back(parse_case(line));
        }
    }
    return cases;
}

int run_cases(const fs::path& directory, bool update)
{
    const std::vector<Case> cases = read_cases(directory / "cases");
    const fs::path expected = directory / "expected";
    Windows windows(directory);
    int failed = 0;
    for (const Case& run : cases) {
        const std::string actual = output_of(run, windows);
        const auto wanted = read(expected / run.name);
        if (update) {
            std::ofstream(expected / run.name, std::ios::binary) << actual;
        } else if (wanted != actual) {
            show_difference(run.name, wanted.value_or(""), actual);
            ++failed;
        }
    }
    failed += count_strays(expected, cases);
    fmt::print("{} cases, {} failed\n", cases.size(), failed);
    return failed == 0 ? 0 : 1;
}

} // namespace

int main(int argc, char** argv)
{
    const bool update = argc == 3 && std::string_view(argv[1]) == "--update";
    if (argc != 2 && !update) {
        fmt::print(stderr, "usage: replay [--update] DIRECTORY\n");
        return 2;
    }
    try {
        return run_cases(argv[argc - 1], update);
    } catch (const std::exception& error) {
        fmt::print(stderr, "replay: {}\n", error.what());
        return 1;
    }
}
