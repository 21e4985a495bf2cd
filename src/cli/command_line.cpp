// SPDX-License-Identifier: MIT
// Around CLI11 2.1, which finds the options and their values as text: the commands, the help text, and errors in our
// own words. No other file includes CLI11: it takes ten seconds to compile.
#include "cli/option_table.hpp"

#include "formats/width.hpp"
#include "util/text.hpp"
#include "version.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <utility>

namespace socktally {

namespace {

constexpr std::string_view introduction =
    R"(Usage: socktally [OPTION]...
       socktally report [OPTION]... [FILE]...
       socktally doctor [-b NAME] [OUTPUT OPTION]...

Shows which process moved how many bytes over the network. Takes one sample and
prints one row per process. report adds up samples saved as json or jsonl.
doctor shows which backends work here and what they need.
)";

constexpr std::string_view examples = R"(
Examples:
  socktally -d 5s --top 10
  socktally --by connection --remote 10.0.0.0/8 --sort tx_bytes
  socktally -f json | jq '.processes[] | select(.tx_bytes > 1000000)'

See socktally(1), socktally-report(1), socktally-output(5),
socktally-backends(7) and socktally-since(7).
)";

/// CLI11's text names the option first: "--top: 1 required N missing", "quiet was given a disallowed flag override".
UsageError mismatch(std::string_view text)
{
    if (const auto colon = text.find(':'); colon != text.npos) {
        return UsageError(fmt::format("{} needs a value", text.substr(0, colon)));
    }
    return UsageError(fmt::format("--{} takes no value", text.substr(0, text.find(' '))));
}

/// "  -d, --duration TIME  window: 5, ...", with room for a short name if there is none.
std::string help_line(const Option& option)
{
    constexpr std::size_t indent = 28;
    constexpr std::size_t width = 80;
    const std::string_view names = option.names;
    const std::string_view name = option.long_name();
    const std::string short_name = names == name ? "    " : fmt::format("{}, ", names.substr(0, 2));
    const std::string value = option.value != nullptr ? fmt::format(" {}", option.value) : "";
    const std::string left = fmt::format("  {}{}{}", short_name, name, value);
    return fmt::format("{:<{}}{}\n", left, indent, wrap(option.full_help(), width, indent, indent));
}

/// Our own layout: CLI11's neither lines up nor keeps our order of groups.
std::string help_text()
{
    std::string text(introduction);
    std::string_view title;
    for (const Option& option : option_table()) {
        if (*option.help == '\0') {
            continue;
        }
        if (option.group.title != title) {
            title = option.group.title;
            text += fmt::format("\n{}:\n", title);
        }
        text += help_line(option);
    }
    return text.append(examples);
}

void refuse_foreign(Command command, const Option& option)
{
    if (!option.group.has(command)) {
        throw UsageError(command == Command::doctor || command == Command::report
                             ? fmt::format("{} does not take {}: it takes no sample",
                                           command == Command::doctor ? "doctor" : "report", option.long_name())
                             : fmt::format("only report takes {}", option.long_name()));
    }
}

class CommandLine {
public:
    CommandLine()
    {
        app_.set_help_flag("-h,--help");
        app_.set_version_flag("-V,--version", "socktally " SOCKTALLY_VERSION);
        app_.allow_extras(); // so that take_extras can name the nearest option
        doctor_->fallthrough();
        report_->fallthrough();
        help_->allow_extras(); // so that they are quoted
        for (const Option& option : option_table()) {
            if (option.apply == nullptr && option.add == nullptr) {
                continue; // CLI11's own, the last ones of the table
            }
            given_.push_back(option.value != nullptr
                                 ? app_.add_option(option.names)->expected(1)->take_all()
                                 : app_.add_flag(option.names)->disable_flag_override()->take_all());
        }
    }

    void read(int argc, const char* const* argv, Invocation& invocation, const TakeOption& take)
    {
        try {
            app_.parse(reversed_arguments(argc, argv));
        } catch (const CLI::CallForHelp&) {
            return give_help(invocation);
        } catch (const CLI::CallForVersion& call) {
            invocation.command = Command::version;
            invocation.text = fmt::format("{}\n", call.what());
            return;
        } catch (const CLI::ArgumentMismatch& error) {
            throw mismatch(error.what());
        } catch (const CLI::ParseError& error) {
            throw UsageError(error.what());
        }
        if (help_->parsed()) {
            return give_help(invocation);
        }
        if (doctor_->parsed()) {
            invocation.command = Command::doctor;
        } else if (report_->parsed()) {
            invocation.command = Command::report;
        }
        take_extras(invocation);
        take_options(invocation.command, take);
    }

private:
    void give_help(Invocation& invocation) const
    {
        if (!help_->remaining().empty()) {
            throw UsageError(
                fmt::format("unexpected argument {}; help takes no arguments", quote(help_->remaining().front())));
        }
        invocation.command = Command::help;
        invocation.text = help_text();
    }

    /// The arguments, last one first, as CLI11 wants them. `--option=` becomes two arguments, because CLI11 would take
    /// the next one for the value that is not there.
    std::vector<std::string> reversed_arguments(int argc, const char* const* argv) const
    {
        std::vector<std::string> reversed;
        for (int i = argc - 1; i > 0; --i) {
            std::string argument = argv[i];
            if (argument.starts_with("--") && argument.ends_with('=')) {
                const std::string name = argument.substr(0, argument.size() - 1);
                const auto* option = app_.get_option_no_throw(name);
                if (option != nullptr && option->get_expected_min() > 0) {
                    reversed.emplace_back();
                    argument = name;
                }
            }
            reversed.push_back(std::move(argument));
        }
        return reversed;
    }

    /// Takes arguments that are not options as files of `report`; elsewhere they are errors.
    void take_extras(Invocation& invocation) const
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
        for (const std::string& extra : app_.remaining()) {
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
        for (std::size_t i = 1; i < doctor_->count() + report_->count(); ++i) { // CLI11 lets a command be given again
            misplace(i < doctor_->count() ? "doctor" : "report");
        }
        if (count != 0) {
            throw UsageError(fmt::format("unexpected argument {}{}; {}", misplaced, count > most ? ", …" : "",
                                         invocation.command == Command::doctor
                                             ? "doctor takes no arguments; choose a backend with --backend"
                                             : "the commands are doctor and report"));
        }
    }

    UsageError unknown_option(std::string_view argument) const
    {
        const bool is_long = argument.starts_with("--");
        const std::string_view name = is_long ? argument.substr(0, argument.find('=')) : argument.substr(0, 2);
        std::vector<std::string> known;
        for (const CLI::Option* option : app_.get_options()) {
            for (const auto& word : is_long ? option->get_lnames() : option->get_snames()) {
                known.push_back((is_long ? "--" : "-") + word);
            }
        }
        const std::vector<std::string_view> valid(known.begin(), known.end());
        const auto word = name == "--process" ? "--name" : nearest(name, valid); // after the column of the same meaning
        return UsageError(fmt::format("unknown option {}: {}", quote(name),
                                      word ? fmt::format("did you mean {:?}?", *word) : "see --help"));
    }

    void take_options(Command command, const TakeOption& take) const
    {
        for (std::size_t i = 0; i < given_.size(); ++i) {
            const Option& option = option_table()[i];
            for (const std::string& text : given_[i]->results()) {
                refuse_foreign(command, option);
                // An empty shell variable must not pass for a filter or a list of columns.
                if (text.empty()) {
                    throw UsageError(fmt::format("{} needs a value, not an empty one", option.long_name()));
                }
                take(option, text);
            }
        }
    }

    CLI::App app_;
    CLI::App* doctor_ = app_.add_subcommand("doctor");
    CLI::App* report_ = app_.add_subcommand("report");
    CLI::App* help_ = app_.add_subcommand("help"); // what many type first; the same as --help
    std::vector<CLI::Option*> given_;              // in the order of the table
};

} // namespace

void read_command_line(int argc, const char* const* argv, Invocation& invocation, const TakeOption& take)
{
    CommandLine().read(argc, argv, invocation, take);
}

} // namespace socktally
