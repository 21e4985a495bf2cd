// SPDX-License-Identifier: MIT
// The command line as CLI11 knows it: option names, groups, the commands, the help text, and errors in our own
// words. CLI11 finds options and their values as text; what each one means is in parse.cpp.
#pragma once

#include "cli/options.hpp"

#include <CLI/CLI.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

/// A heading of the help text, and the commands that take the options below it.
struct OptionGroup {
    const char* title;
    bool of_sample;
    bool of_report;
    bool of_doctor;
};

class CommandLine {
public:
    /// The help text is `introduction`, the options in the order they were declared, `examples`.
    CommandLine(std::string_view introduction, std::string_view examples);
    CommandLine(const CommandLine&) = delete; // doctor_ and entries_ point into app_
    CommandLine& operator=(const CommandLine&) = delete;

    void flag(const OptionGroup& group, const char* names, const char* help, std::function<void()> apply);
    /// `apply` is called for each time the option was given, never with an empty text.
    void value(const OptionGroup& group, const char* names, const char* type, const char* help,
               std::function<void(const std::string&)> apply);

    /// Applies the options that were given, and sets `command` and `text` for help, version and doctor.
    /// Throws UsageError.
    void parse(int argc, const char* const* argv, Options& options);
    /// Whether the option of this name was among the arguments that were parsed.
    bool is_given(const std::string& name) const { return app_.get_option(name)->count() > 0; }

private:
    struct Entry {
        CLI::Option* option;
        OptionGroup group;
        std::function<void(const std::string&)> apply;
    };

    std::vector<std::string> reversed_arguments(int argc, const char* const* argv) const;
    UsageError unknown_option(std::string_view argument) const;
    /// What is no option is a file of `report`, and a mistake elsewhere.
    void take_extras(Options& options) const;
    void apply_entries(Command command) const;
    std::string help_text() const;

    CLI::App app_;
    CLI::App* doctor_ = app_.add_subcommand("doctor");
    CLI::App* report_ = app_.add_subcommand("report");
    CLI::App* help_command_ = app_.add_subcommand("help"); // what many type first; the same as --help
    CLI::Option* help_ = app_.set_help_flag("-h,--help", "print this help");
    CLI::Option* version_; // set by the constructor, which knows the version
    std::vector<Entry> entries_;
    std::string_view introduction_;
    std::string_view examples_;
};

} // namespace socktally
