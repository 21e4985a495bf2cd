// SPDX-License-Identifier: MIT
// The command line as CLI11 knows it: option names, groups, the commands, the help text, and errors in our own
// words. CLI11 finds options and their values as text; what each one means is in parse.cpp.
#pragma once

#include "cli/invocation.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

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
    CommandLine(const CommandLine&) = delete;
    CommandLine& operator=(const CommandLine&) = delete;
    ~CommandLine();

    void flag(const OptionGroup& group, const char* names, const char* help, std::function<void()> apply);
    /// `apply` is called for each time the option was given, never with an empty text.
    void value(const OptionGroup& group, const char* names, const char* type, const char* help,
               std::function<void(const std::string&)> apply);

    /// Applies the options that were given, and sets `command` and `text` for help, version and doctor.
    /// Throws UsageError.
    void parse(int argc, const char* const* argv, Invocation& invocation);
    /// Whether the option of this name was among the arguments that were parsed.
    bool is_given(const std::string& name) const;

private:
    struct Impl; // keeps CLI11, which takes ten seconds to compile, in one file
    std::unique_ptr<Impl> impl_;
};

} // namespace socktally
