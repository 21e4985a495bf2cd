// SPDX-License-Identifier: MIT
// Wraps CLI11 2.1, which splits the command line into options and their values as text. The commands, the help text and
// the messages are our own. No other file includes CLI11, because compiling it takes ten seconds.
#include "cli/option_table.hpp"

#include "formats/format.hpp"
#include "model/address.hpp"
#include "model/flow.hpp"
#include "util/number.hpp"
#include "util/text.hpp"
#include "version.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <utility>

namespace socktally {

namespace {

/// A word that users of other programs may type, and what they mean here.
struct Habit {
    std::string_view typed;
    std::string_view meant;
};

constexpr std::array habits{
    Habit{"-a", "--all"},
    Habit{"-c", "--count"},
    Habit{"-i", "--interface"},
    Habit{"-j", "-f json"},
    Habit{"-l", "socktally ports"},
    Habit{"-p", "--pid or --port"},
    Habit{"-r", "--remote"},
    Habit{"-s", "--sort"},
    Habit{"-t", "--protocol tcp"},
    Habit{"-u", "--protocol udp"},
    Habit{"--address", "--remote"},
    Habit{"--append", "-f csv >> FILE"},
    Habit{"--columns", "-o"},
    Habit{"--comm", "--name"},
    Habit{"--docker", "--container"},
    Habit{"--device", "--interface"},
    Habit{"--dst", "--remote"},
    Habit{"--fields", "-o"},
    Habit{"--group-by", "--by"},
    Habit{"--iface", "--interface"},
    Habit{"--ip", "--remote"},
    Habit{"--limit", "--top"},
    Habit{"--listen", "socktally ports"},
    Habit{"--listening", "socktally ports"},
    Habit{"--mb", "--si"},
    Habit{"--mbit", "--bits"},
    Habit{"--mbps", "--bits"},
    Habit{"--process", "--name"},
    Habit{"--service", "--unit"},
    Habit{"--src", "--local"},
    Habit{"--tcp", "--protocol tcp"},
    Habit{"--udp", "--protocol udp"},
    Habit{"--uid", "--user"},
    Habit{"--watch", "--interval"},
    Habit{"columns", "socktally --list-columns"},
    Habit{"exec", "socktally run"},
    Habit{"time", "socktally run"},
    Habit{"top", "socktally --interval 1s -f pretty"},
    Habit{"version", "socktally --version"},
    Habit{"watch", "socktally --interval 1s -f pretty"},
};

/// Returns the command that lists what ss and netstat list with options such as "-tulpn"; null for other options.
std::optional<std::string> listing_of(std::string_view typed)
{
    constexpr std::size_t shortest = std::string_view("-an").size();
    if (typed.size() < shortest || typed.find_first_not_of("-tulpnaxwe") != typed.npos) {
        return std::nullopt;
    }
    const auto has = [typed](char letter) { return typed.find(letter) != typed.npos; };
    const bool is_of_one = (has('t') ? 1 : 0) + (has('u') ? 1 : 0) + (has('w') ? 1 : 0) == 1;
    const std::string_view protocol = has('t') ? "tcp" : has('u') ? "udp" : "raw";
    return fmt::format("socktally ports{}{}", has('a') ? " --all" : "",
                       is_of_one ? fmt::format(" --protocol {}", protocol) : "");
}

/// Returns what to do in place of an option of another program: "use -f json" for "--json", or "use socktally ports"
/// for "-tulpn" of ss.
std::optional<std::string> meant_by(std::string_view typed, Command command)
{
    const auto* const habit =
        std::find_if(habits.begin(), habits.end(), [&](const Habit& each) { return each.typed == typed; });
    std::optional<std::string> meant = listing_of(typed);
    if (habit != habits.end()) {
        meant = habit->meant;
    } else if (typed.starts_with("--") && find_format(typed.substr(2)) != nullptr) {
        meant = fmt::format("-f {}", typed.substr(2));
    }
    constexpr std::string_view listing = "socktally ports";
    if (meant && command == Command::ports && meant->starts_with(listing)) {
        meant->erase(0, std::min(meant->size(), listing.size() + 1));
    }
    return !meant ? meant : meant->empty() ? "leave it out, because ports shows this already" : "use " + *meant;
}

/// Returns the option or command that an operand was probably meant for: "--port 8080" for ":8080".
std::string meant_by_operand(std::string_view word, Command command)
{
    const std::string_view port = word.substr(word.starts_with(':') ? 1 : 0);
    if (const auto number = parse_number(port)) {
        const bool may_be_pid = port == word;
        const bool may_be_time = may_be_pid && *number <= 60 && command == Command::sample; // sar and vmstat take one
        return fmt::format(fmt::runtime(!parse_port(port) ? "--pid {0}"
                                        : may_be_time     ? "-d {0} (in seconds), --port {0} or --pid {0}"
                                        : may_be_pid      ? "--port {0} or --pid {0}"
                                                          : "--port {0}"),
                           *number);
    }
    if (parse_prefix(word)) {
        return fmt::format("--remote {}", word);
    }
    if (parse_protocol(lower(word))) {
        return fmt::format("--protocol {}", lower(word));
    }
    const std::string name(word);
    if (command == Command::sample && ::if_nametoindex(name.c_str()) != 0) {
        return fmt::format("--interface {}", name);
    }
    if (command == Command::sample && word.find_first_of("./") != word.npos) {
        return fmt::format("socktally report {} for saved samples, or socktally run {} for a command", name, name);
    }
    return fmt::format("--name {} for a process{}", name,
                       command == Command::sample ? fmt::format(", or socktally run {} for a command", name) : "");
}

/// Turns a message of CLI11 into ours. CLI11 says: "--top: 1 required N missing", or "quiet was given a disallowed flag
/// override".
UsageError mismatch(std::string_view text)
{
    if (const auto colon = text.find(':'); colon != text.npos) {
        return UsageError(fmt::format("{} needs a value", text.substr(0, colon)));
    }
    return UsageError(fmt::format("--{} takes no value", text.substr(0, text.find(' '))));
}

void refuse_foreign(Command command, const Option& option)
{
    if (option.group.has(command)) {
        return;
    }
    if (command == Command::report && option.long_name() == "--since") {
        throw UsageError("report does not take --since: use --from, such as --from 2026-11-01");
    }
    if (option.group.has(Command::sample)) {
        const CommandWord& word = *find_word(command);
        throw UsageError(fmt::format("{} does not take {}: {}", word.word, option.long_name(), word.why_not));
    }
    const auto* const owner = std::find_if(command_words.begin(), command_words.end(),
                                           [&](const CommandWord& word) { return option.group.has(word.command); });
    throw UsageError(fmt::format("{} is only for {}", option.long_name(), owner->word));
}

/// An argument of the command line. `option` is the option that it begins with, or for several short options ("-vvf")
/// the last one; null for an operand or an unknown option. `has_value` is true if the argument also has the option's
/// value.
struct Argument {
    const Option* option = nullptr;
    bool has_value = false;
};
Argument argument_of(std::string_view text)
{
    const auto options = option_table();
    const auto find = [&](std::string_view name) {
        const auto found = std::find_if(options.begin(), options.end(), [name](const Option& option) {
            return option.long_name() == name || (option.names.starts_with(name) && option.names[name.size()] == ',');
        });
        return found == options.end() ? nullptr : &*found;
    };
    if (text.starts_with("--")) {
        return {find(text.substr(0, text.find('='))), text.find('=') != text.npos};
    }
    Argument argument;
    for (std::size_t i = 1; i < text.size(); ++i) { // "-vvf"
        const char name[]{'-', text[i]};
        argument = {find({name, 2}), i + 1 < text.size()};
        if (argument.option == nullptr || argument.option->value != nullptr) {
            break;
        }
    }
    return argument;
}

/// Returns the index of the command that `run` shall start: of its first word, or of a "--" before it. Returns `argc`
/// if no such command was given, and null if the command line does not call `run`. The options of `run` end at the
/// first operand, or at "--".
std::optional<int> begin_of_words(int argc, const char* const* argv)
{
    bool is_run = false;
    for (int i = 1; i < argc; ++i) {
        const std::string_view text = argv[i];
        if (text == "--" || text.size() < 2 || text[0] != '-') {
            if (is_run || text != "run") {
                return is_run ? std::optional(i) : std::nullopt;
            }
            is_run = true;
            continue;
        }
        const Argument argument = argument_of(text);
        i += argument.option != nullptr && argument.option->value != nullptr && !argument.has_value ? 1 : 0;
    }
    return is_run ? std::optional(argc) : std::nullopt;
}

class CommandLine {
public:
    CommandLine()
    {
        for (const CommandWord& word : command_words) {
            commands_.push_back(app_.add_subcommand(std::string(word.word))->fallthrough());
        }
        std::vector<CLI::App*> all = commands_;
        all.insert(all.end(), {&app_, help_});
        for (CLI::App* command : all) {
            command->set_help_flag("-h");
            command->set_help_all_flag("--help");
        }
        app_.set_version_flag("-V,--version", "socktally " SOCKTALLY_VERSION);
        app_.allow_extras();   // so that take_extras() can suggest the nearest option
        help_->allow_extras(); // so that give_help() can name a superfluous argument
        for (const Option& option : option_table()) {
            if (option.apply == nullptr && option.filter == nullptr) {
                continue; // --help and --version: CLI11 handles them itself
            }
            const std::string names(option.names);
            given_.push_back(option.value != nullptr ? app_.add_option(names)->expected(1)->take_all()
                                                     : app_.add_flag(names)->disable_flag_override()->take_all());
        }
    }

    void read(int argc, const char* const* argv, Invocation& invocation, const TakeOption& take)
    {
        if (const auto begin = begin_of_words(argc, argv)) {
            invocation.command = Command::run;
            const bool is_marked = *begin < argc && std::string_view(argv[*begin]) == "--";
            invocation.words.assign(argv + *begin + (is_marked ? 1 : 0), argv + argc);
            argc = *begin;
        }
        try {
            app_.parse(reversed_arguments(argc, argv));
        } catch (const CLI::CallForHelp&) {
            invocation.text = short_help(chosen());
            invocation.command = Command::help;
            return;
        } catch (const CLI::CallForAllHelp&) {
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
        invocation.command = chosen();
        take_extras(invocation);
        take_options(invocation.command, take);
    }

private:
    /// Returns the last command that was typed.
    Command chosen() const
    {
        Command command = Command::sample;
        for (std::size_t i = 0; i < commands_.size(); ++i) {
            command = commands_[i]->parsed() ? command_words[i].command : command;
        }
        return command;
    }

    void give_help(Invocation& invocation) const
    {
        if (!help_->remaining().empty()) {
            throw UsageError(
                fmt::format("unexpected argument {}; help takes the name of a command: socktally help ports",
                            quote(help_->remaining().front())));
        }
        invocation.command = Command::help;
        invocation.text = long_help(chosen());
    }

    /// Returns the arguments in reverse order, because CLI11 takes them so. Turns `--option=` into two arguments, the
    /// second one empty. Otherwise CLI11 would use the next argument as the value.
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

    /// Stores the arguments that are not options as the files of `report`. For other commands, throws UsageError if
    /// there are any.
    void take_extras(Invocation& invocation)
    {
        const std::vector<std::string> extras = app_.remaining();
        std::vector<std::string_view> misplaced;
        bool options_ended = false;
        for (std::size_t i = 0; i < extras.size(); ++i) {
            const std::string& extra = extras[i];
            if (!options_ended && extra == "--") {
                options_ended = true;
            } else if (const Option* flag = options_ended ? nullptr : find_digit(extra)) {
                digits_.push_back(flag);
            } else if (!options_ended && extra.size() > 1 && extra.starts_with('-') && misplaced.empty()) {
                throw unknown_option(extra, i + 1 < extras.size() ? extras[i + 1] : "", invocation.command);
            } else if (invocation.command == Command::report) {
                invocation.files.push_back(extra);
            } else {
                misplaced.emplace_back(extra);
            }
        }
        refuse_second_command();
        if (!misplaced.empty()) {
            throw invocation.command == Command::doctor
                ? UsageError(fmt::format("unexpected argument {}: doctor takes only options, such as -b netlink",
                                         quote(misplaced.front())))
                : unexpected_operand(misplaced.front(), invocation.command);
        }
    }

    void refuse_second_command() const
    {
        std::vector<std::string> typed;
        for (const CLI::App* command : commands_) {
            typed.insert(typed.end(), command->count(), command->get_name()); // CLI11 allows a command to be repeated
        }
        if (typed.size() > 1 && typed[0] == typed[1]) {
            throw UsageError(fmt::format("{} is given twice; if one is a file, write ./{}", typed[0], typed[0]));
        }
        if (typed.size() > 1) {
            throw UsageError(fmt::format("{} and {} are both commands, and only one can be given; if {} is a file, "
                                         "write ./{}",
                                         typed[0], typed[1], typed[0], typed[0]));
        }
    }

    /// Returns the flag "-4", which CLI11 takes for a file after a command; null for any other argument.
    static const Option* find_digit(std::string_view argument)
    {
        const auto options = option_table();
        const auto found = std::find_if(options.begin(), options.end(), [&](const Option& option) {
            return argument.size() == 2 && argument[1] >= '0' && argument[1] <= '9' &&
                   option.names.starts_with(argument);
        });
        return found == options.end() ? nullptr : &*found;
    }

    static UsageError unexpected_operand(std::string_view word, Command command)
    {
        std::vector<std::string_view> commands{"help"};
        std::transform(command_words.begin(), command_words.end(), std::back_inserter(commands),
                       [](const CommandWord& each) { return each.word; });
        const std::string quoted = quote(word);
        const bool is_plain = quoted.size() == word.size() + 2 && word.find(' ') == word.npos; // may be typed as it is
        if (const auto meant = meant_by(word, command)) {
            return UsageError(fmt::format("unknown command {}: {}", quoted, *meant));
        }
        if (const auto near = nearest(word, commands); near && command == Command::sample) {
            return UsageError(fmt::format("unknown command {}: did you mean {:?}?", quoted, *near));
        }
        if (word.empty() || !is_plain || word.starts_with('-')) {
            return UsageError(
                fmt::format("unknown command {}: the commands are ports, run, dns, report and doctor", quoted));
        }
        return UsageError(fmt::format(
            fmt::runtime(command == Command::sample ? "unknown command {}: use {}" : "unexpected argument {}: use {}"),
            quoted, meant_by_operand(word, command)));
    }

    UsageError unknown_option(std::string_view argument, std::string_view next, Command command) const
    {
        const bool is_long = argument.starts_with("--");
        const std::string_view name = is_long ? argument.substr(0, argument.find('=')) : argument.substr(0, 2);
        const bool is_number = !next.empty() && next.find_first_not_of("0123456789.smh") == next.npos;
        if (const auto meant = is_long || argument == name ? std::nullopt : meant_by(argument, command)) {
            return UsageError(fmt::format("unknown option {}: {}", quote(argument), *meant));
        }
        if (const auto meant =
                name == "-i" && is_number ? std::optional<std::string>("use --interval") : meant_by(name, command)) {
            return UsageError(fmt::format("unknown option {}: {}", quote(name), *meant));
        }
        std::vector<std::string> known;
        for (const CLI::Option* option : app_.get_options()) {
            for (const auto& word : is_long ? option->get_lnames() : option->get_snames()) {
                known.push_back((is_long ? "--" : "-") + word);
            }
        }
        const std::vector<std::string_view> valid(known.begin(), known.end());
        const auto near = nearest(name, valid);
        return UsageError(fmt::format("unknown option {}: {}", quote(name),
                                      near ? fmt::format("did you mean {:?}?", *near) : "see --help"));
    }

    void take_options(Command command, const TakeOption& take) const
    {
        for (std::size_t i = 0; i < given_.size(); ++i) {
            const Option& option = option_table()[i];
            std::vector<std::string> texts = given_[i]->results();
            texts.resize(texts.size() + static_cast<std::size_t>(std::count(digits_.begin(), digits_.end(), &option)),
                         "true");
            for (const std::string& text : texts) {
                refuse_foreign(command, option);
                // An empty shell variable must not be taken for a filter or a list of columns.
                if (text.empty()) {
                    throw UsageError(fmt::format("{} needs a value, not an empty one", option.long_name()));
                }
                take(option, text);
            }
        }
    }

    CLI::App app_;
    std::vector<CLI::App*> commands_;              // in the order of command_words
    CLI::App* help_ = app_.add_subcommand("help"); // works like --help, because many users try it first
    std::vector<CLI::Option*> given_;              // in the order of option_table()
    std::vector<const Option*> digits_;            // see find_digit()
};

} // namespace

void read_command_line(int argc, const char* const* argv, Invocation& invocation, const TakeOption& take)
{
    CommandLine().read(argc, argv, invocation, take);
}

} // namespace socktally
