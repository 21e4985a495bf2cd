// SPDX-License-Identifier: MIT
// The table of options. The command line, the help text, completions (--list-options) and tests of the documentation
// read it. It also says which options each command takes.
#pragma once

#include "cli/invocation.hpp"

#include <array>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

struct FilterKind;
struct Options;

/// A heading of the help text, and the commands that take the options below the heading.
struct OptionGroup {
    const char* title;
    unsigned commands; // set of commands, with one bit for each

    bool has(Command command) const;
};

struct CommandWord {
    Command command;
    std::string_view word;
    std::string_view why_not = {}; // for messages: why the command does not take the options of a sample
};

/// The commands that are called by a word. Without one of these words, the command is a sample.
inline constexpr std::array command_words{
    CommandWord{Command::ports, "ports", "it lists sockets, without a window"},
    CommandWord{Command::run, "run", "it measures a command, and all that it starts, until it ends"},
    CommandWord{Command::dns, "dns", "it counts the look-ups of a window"},
    CommandWord{Command::report, "report", "it adds up samples that were saved"},
    CommandWord{Command::doctor, "doctor", "it only tries the backends"},
};
/// Returns the word of a command; null if the command has none.
const CommandWord* find_word(Command command);

struct Option {
    const OptionGroup& group;
    std::string_view names; // "-d,--duration"
    /// The name of the value: "TIME", or "PID,..." if the option takes a list. Null for a flag, whose `apply` gets an
    /// empty text.
    const char* value;
    /// The help text. "{}" stands for the valid words. Empty: the option is for programs, and --help does not show it.
    const char* help;
    /// Stores the value in `options`. Null for filters, --help and --version.
    void (*apply)(Options& options, std::string_view text) = nullptr;

    /// The text that completions offer for the value: words, or "@" and a kind of names (columns, files, interfaces,
    /// netns, pids, users).
    const char* offers = "";
    /// Returns all valid words, which completions offer in place of `offers`. Null if the valid values cannot be
    /// listed.
    std::vector<std::string> (*words)(Command command) = nullptr;

    const FilterKind* filter = nullptr; // set in place of `apply` and `words` if the option is a filter

    std::vector<std::string> valid_words(Command command) const;
    std::string_view long_name() const;           // "--duration"
    std::string full_help(Command command) const; // `help`, with the valid words in place of {}
    /// Applies the option, or adds the filter. `text` is never empty if the option takes a value. Throws UsageError.
    void take(Options& options, const std::string& text) const;
};

std::span<const Option> option_table();

/// Returns the text of -h: what most people need of a command.
std::string short_help(Command command);
/// Returns the text of --help, with all options of the command. For a sample, it has the options of all commands.
std::string long_help(Command command);

using TakeOption = std::function<void(const Option& option, const std::string& text)>;

/// Sets the command, its files and words, and the text of --help or --version. Then calls `take` for each option that
/// was given, in the order of the table. If an option was repeated, calls `take` for each time. Throws UsageError.
void read_command_line(int argc, const char* const* argv, Invocation& invocation, const TakeOption& take);

} // namespace socktally
