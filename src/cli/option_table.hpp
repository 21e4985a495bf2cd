// SPDX-License-Identifier: MIT
// The table of options. The command line, the help text, completions (--list-options), tests of the documentation, and
// what report and doctor take of them are all read from it.
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

/// A heading of the help text, and the commands that take the options below it.
struct OptionGroup {
    const char* title;
    unsigned commands; // a bit for each

    bool has(Command command) const;
};

struct CommandWord {
    Command command;
    std::string_view word;
    std::string_view why_not = {}; // why it does not take an option of a sample
};

/// The commands that are chosen by a word. Without one of these, a sample is taken.
inline constexpr std::array command_words{
    CommandWord{Command::ports, "ports", "it takes no sample"},
    CommandWord{Command::run, "run", "it measures its command and all that it starts, from start to end"},
    CommandWord{Command::report, "report", "it takes no sample"},
    CommandWord{Command::doctor, "doctor", "it takes no sample"},
};
/// Null for a sample and what belongs to it.
const CommandWord* find_word(Command command);

struct Option {
    const OptionGroup& group;
    std::string_view names; // "-d,--duration"
    const char* value;      // "TIME", "PID,..." if it is a list; null: it is a flag, and `apply` gets no text
    const char* help;       // "{}" stands for the words that are valid; empty: for programs, not in the help text
    void (*apply)(Options& options, std::string_view text) = nullptr; // null without `filter`: --help and --version

    /// Completions offer this: words, or "@" and a kind of names: columns, files, interfaces, netns, pids, users.
    const char* offers = "";
    /// In their place all words that are valid. Null: they cannot be listed.
    std::vector<std::string> (*words)(Command command) = nullptr;

    const FilterKind* filter = nullptr; // in place of `apply` and `words`

    std::vector<std::string> valid_words(Command command) const;
    std::string_view long_name() const; // "--duration"
    std::string full_help() const;      // with the words in it, on one line
    /// Applies the option, or adds the filter. `text` is never empty if the option takes a value. Throws UsageError.
    void take(Options& options, const std::string& text) const;
};

std::span<const Option> option_table();

using TakeOption = std::function<void(const Option& option, const std::string& text)>;

/// Calls `take` for each option that was given, as often as it was, in the order of the table. First it sets the
/// command, its files, and the text of help and version. Throws UsageError.
void read_command_line(int argc, const char* const* argv, Invocation& invocation, const TakeOption& take);

} // namespace socktally
