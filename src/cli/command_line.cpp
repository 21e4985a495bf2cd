// SPDX-License-Identifier: MIT
// Around CLI11 2.1: what it would take too freely or say too oddly is handled here.
#include "cli/command_line.hpp"

#include "util/text.hpp"
#include "version.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <utility>

namespace socktally {

namespace {

/// CLI11's text names the option first: "--top: 1 required N missing", "quiet was given a disallowed flag override".
UsageError mismatch(std::string_view text)
{
    if (const auto colon = text.find(':'); colon != text.npos) {
        return UsageError(fmt::format("{} needs a value", text.substr(0, colon)));
    }
    return UsageError(fmt::format("--{} takes no value", text.substr(0, text.find(' '))));
}

/// "  -d, --duration TIME  window: 5, ...", with room for a short name where there is none.
std::string help_lines(const CLI::Option& option)
{
    const auto& short_names = option.get_snames();
    const std::string short_name = short_names.empty() ? "    " : fmt::format("-{}, ", short_names.front());
    const std::string value = option.get_expected_min() > 0 ? " " + option.get_type_name() : "";
    std::string left = fmt::format("  {}--{}{}", short_name, option.get_lnames().front(), value);
    std::string text;
    for (const auto& line : CLI::detail::split(option.get_description(), '\n')) {
        text += fmt::format("{:<28}{}\n", left, line);
        left.clear();
    }
    return text;
}

void refuse_foreign(Command command, const OptionGroup& group, const std::string& option)
{
    if (command == Command::doctor && !group.of_doctor) {
        throw UsageError(fmt::format("doctor takes no sample, so it does not take {}", option));
    }
    if (command == Command::report && !group.of_report) {
        throw UsageError(fmt::format("report takes no sample, so it does not take {}", option));
    }
    if (command != Command::doctor && command != Command::report && !group.of_sample) {
        throw UsageError(fmt::format("only report takes {}", option));
    }
}

} // namespace

struct CommandLine::Impl {
    struct Entry {
        CLI::Option* option;
        OptionGroup group;
        std::function<void(const std::string&)> apply;
    };

    Impl(std::string_view introduction, std::string_view examples);
    Impl(const Impl&) = delete; // what is below points into app
    Impl& operator=(const Impl&) = delete;
    void parse(int argc, const char* const* argv, Invocation& invocation);

    std::vector<std::string> reversed_arguments(int argc, const char* const* argv) const;
    UsageError unknown_option(std::string_view argument) const;
    /// Takes arguments that are not options as files of `report`; elsewhere they are errors.
    void take_extras(Invocation& invocation) const;
    void apply_entries(Command command) const;
    std::string help_text() const;

    CLI::App app;
    CLI::App* doctor = app.add_subcommand("doctor");
    CLI::App* report = app.add_subcommand("report");
    CLI::App* help_command = app.add_subcommand("help"); // what many type first; the same as --help
    CLI::Option* help = app.set_help_flag("-h,--help", "print this help");
    CLI::Option* version = app.set_version_flag("-V,--version", "socktally " SOCKTALLY_VERSION, "print the version");
    std::vector<Entry> entries;
    std::string_view introduction;
    std::string_view examples;
};

CommandLine::Impl::Impl(std::string_view introduction_text, std::string_view examples_text)
    : introduction(introduction_text), examples(examples_text)
{
    app.allow_extras(); // so that take_extras can name the nearest option
    doctor->fallthrough();
    report->fallthrough();
    help_command->allow_extras(); // so that they are quoted
}

CommandLine::CommandLine(std::string_view introduction, std::string_view examples)
    : impl_(std::make_unique<Impl>(introduction, examples))
{
}

CommandLine::~CommandLine() = default;

void CommandLine::parse(int argc, const char* const* argv, Invocation& invocation)
{
    impl_->parse(argc, argv, invocation);
}

bool CommandLine::is_given(const std::string& name) const { return impl_->app.get_option(name)->count() > 0; }

void CommandLine::flag(const OptionGroup& group, const char* names, const char* help, std::function<void()> apply)
{
    auto* option = impl_->app.add_flag(names)->description(help)->disable_flag_override()->take_all();
    impl_->entries.push_back({option, group, [apply = std::move(apply)](const std::string&) { apply(); }});
}

void CommandLine::value(const OptionGroup& group, const char* names, const char* type, const char* help,
                        std::function<void(const std::string&)> apply)
{
    auto* option = impl_->app.add_option(names)->description(help)->type_name(type)->expected(1)->take_all();
    impl_->entries.push_back({option, group, std::move(apply)});
}

void CommandLine::Impl::parse(int argc, const char* const* argv, Invocation& invocation)
{
    try {
        app.parse(reversed_arguments(argc, argv));
    } catch (const CLI::CallForHelp&) {
        invocation.command = Command::help;
        invocation.text = help_text();
        return;
    } catch (const CLI::CallForVersion& call) {
        invocation.command = Command::version;
        invocation.text = fmt::format("{}\n", call.what());
        return;
    } catch (const CLI::ArgumentMismatch& error) {
        throw mismatch(error.what());
    } catch (const CLI::ParseError& error) {
        throw UsageError(error.what());
    }
    if (help_command->parsed()) {
        if (!help_command->remaining().empty()) {
            throw UsageError(
                fmt::format("unexpected argument {}; help takes none", quote(help_command->remaining().front())));
        }
        invocation.command = Command::help;
        invocation.text = help_text();
        return;
    }
    if (doctor->parsed()) {
        invocation.command = Command::doctor;
    } else if (report->parsed()) {
        invocation.command = Command::report;
    }
    take_extras(invocation);
    apply_entries(invocation.command);
}

/// The arguments, last one first, as CLI11 wants them. `--option=` becomes two arguments, because CLI11 would take the
/// next one for the value that is not there.
std::vector<std::string> CommandLine::Impl::reversed_arguments(int argc, const char* const* argv) const
{
    std::vector<std::string> reversed;
    for (int i = argc - 1; i > 0; --i) {
        std::string argument = argv[i];
        if (argument.starts_with("--") && argument.ends_with('=')) {
            const std::string name = argument.substr(0, argument.size() - 1);
            const auto* option = app.get_option_no_throw(name);
            if (option != nullptr && option->get_expected_min() > 0) {
                reversed.emplace_back();
                argument = name;
            }
        }
        reversed.push_back(std::move(argument));
    }
    return reversed;
}

void CommandLine::Impl::take_extras(Invocation& invocation) const
{
    constexpr std::size_t most = 3; // enough to tell what is wrong
    std::string misplaced;
    std::size_t count = 0;
    const auto misplace = [&](std::string_view extra) {
        if (++count <= most) {
            misplaced += fmt::format("{}{}", count == 1 ? "" : ", ", quote(extra));
        }
    };
    bool options_ended = false;
    for (const std::string& extra : app.remaining()) {
        if (!options_ended && extra == "--") {
            options_ended = true;
        } else if (!options_ended && extra.size() > 1 && extra.starts_with('-')) {
            throw unknown_option(extra);
        } else if (invocation.command == Command::report) {
            invocation.files.push_back(extra);
        } else {
            misplace(extra);
        }
    }
    for (std::size_t i = 1; i < doctor->count() + report->count(); ++i) { // CLI11 lets a command be given again
        misplace(i < doctor->count() ? "doctor" : "report");
    }
    if (count != 0) {
        throw UsageError(fmt::format("unexpected argument {}{}; {}", misplaced, count > most ? ", …" : "",
                                     invocation.command == Command::doctor
                                         ? "doctor takes none, but a backend with --backend"
                                         : "the commands are doctor and report"));
    }
}

UsageError CommandLine::Impl::unknown_option(std::string_view argument) const
{
    const bool is_long = argument.starts_with("--");
    const std::string_view name = is_long ? argument.substr(0, argument.find('=')) : argument.substr(0, 2);
    std::vector<std::string> known;
    for (const CLI::Option* option : app.get_options()) {
        for (const auto& word : is_long ? option->get_lnames() : option->get_snames()) {
            known.push_back((is_long ? "--" : "-") + word);
        }
    }
    const std::vector<std::string_view> valid(known.begin(), known.end());
    const auto word = name == "--process" ? "--name" : nearest(name, valid); // after the column of the same meaning
    return UsageError(fmt::format("unknown option {}: {}", quote(name),
                                  word ? fmt::format("did you mean {:?}?", *word) : "see --help"));
}

void CommandLine::Impl::apply_entries(Command command) const
{
    for (const auto& [option, group, apply] : entries) {
        for (const std::string& text : option->results()) {
            refuse_foreign(command, group, option->get_name());
            // An empty shell variable must not pass for a filter or a list of columns.
            if (text.empty()) {
                throw UsageError(fmt::format("{} needs a value, not an empty one", option->get_name()));
            }
            apply(text);
        }
    }
}

/// Our own layout: CLI11's neither lines up nor keeps our order of groups.
std::string CommandLine::Impl::help_text() const
{
    std::string text(introduction);
    std::string_view title;
    for (const Entry& entry : entries) {
        if (entry.group.title != title) {
            title = entry.group.title;
            text += fmt::format("\n{}:\n", title);
        }
        text += help_lines(*entry.option);
    }
    text += "\nAbout:\n" + help_lines(*help) + help_lines(*version);
    return text.append(examples);
}

} // namespace socktally
