// SPDX-License-Identifier: MIT
// The default command: sample, then print.
#include "commands/choose_backend.hpp"
#include "commands/commands.hpp"
#include "commands/grants.hpp"
#include "commands/make_report.hpp"
#include "commands/print_notes.hpp"
#include "identity/machine.hpp"
#include "identity/netns_names.hpp"
#include "identity/outbound.hpp"
#include "identity/users.hpp"
#include "model/quote.hpp"
#include "sys/interrupt.hpp"
#include "sys/netns.hpp"
#include "sys/terminal.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <iterator>

namespace socktally {

namespace {

constexpr std::string_view output_name = "standard output";

Filter complete_filter(const Options& options)
{
    Filter filter = options.filter;
    for (const std::string& name : options.users) {
        const auto uid = find_user(name);
        if (!uid) {
            throw UsageError(fmt::format("no such user: {}", quote(name)));
        }
        filter.uids.push_back(*uid);
    }
    for (const std::string& name : options.namespaces) {
        const auto netns = find_netns(name);
        if (!netns) {
            throw UsageError(fmt::format("no such network namespace: {}", quote(name)));
        }
        filter.namespaces.push_back(*netns);
    }
    if (!filter.loopback || !options.interfaces.empty()) {
        filter.machine = interfaces();
        filter.machine_netns = Inode{own_netns_inode()};
    }
    filter.interfaces = interface_indices(options.interfaces, filter.machine);
    return filter;
}

/// One line on the terminal that says how far the window is; wiped by its destructor.
class Progress {
public:
    explicit Progress(std::chrono::nanoseconds window) : window_(window) {}
    ~Progress()
    {
        if (shown_) {
            print("\r\033[K");
        }
    }
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    void show(std::chrono::nanoseconds elapsed)
    {
        using Seconds = std::chrono::duration<double>;
        shown_ = true;
        print(fmt::format("\r\033[Ksampling, {:.0f} of {:.0f} s", Seconds(elapsed).count(), Seconds(window_).count()));
    }

private:
    static void print(std::string_view text)
    {
        [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size()); // only a courtesy
    }

    std::chrono::nanoseconds window_;
    bool shown_ = false;
};

BackendResult take_sample(Backend& backend, const Options& options, Identifier& identifier, Interrupt& interrupt)
{
    Progress progress(options.duration);
    SampleRequest request;
    request.window = options.duration;
    request.interrupt = &interrupt;
    request.look = identifier.look();
    const bool shows_progress = options.progress && !options.quiet && options.duration > std::chrono::seconds(1) &&
                                is_terminal(STDERR_FILENO) && !is_dumb_terminal();
    request.progress = [&](std::chrono::nanoseconds elapsed) {
        if (options.verbose && elapsed.count() == 0) {
            say("sampling");
        }
        if (shows_progress) {
            progress.show(elapsed);
        }
    };
    return backend.sample(request);
}

void tell_choice(const Choice& choice)
{
    for (const auto& [name, reason] : choice.declined) {
        say(reason.remedy.empty() ? fmt::format("not {}: {}", name, reason.why)
                                  : fmt::format("not {}: {} ({})", name, reason.why, reason.remedy));
    }
    const std::string variant = choice.backend->variant();
    say(fmt::format("using {}{}{}", choice.name, variant.empty() ? "" : ": ", variant));
}

} // namespace

Exit run_sample(const Options& options, std::span<const BackendEntry> table)
{
    require_writable(STDOUT_FILENO, output_name);
    const Layout layout = make_layout(options, is_terminal(STDOUT_FILENO), terminal_width(STDOUT_FILENO));
    const Filter filter = complete_filter(options);
    BackendOptions needs = needs_of(options, layout);
    needs.interfaces = filter.interfaces;
    needs.namespaces = filter.namespaces;
    const Choice choice = choose_backend(options.backend, needs, table);
    if (options.verbose) {
        tell_choice(choice);
    }

    Identifier identifier(identity_needs_of(options, layout));
    Interrupt interrupt;
    BackendResult result = take_sample(*choice.backend, options, identifier, interrupt);
    interrupt.release();
    std::transform(choice.declined.begin(), choice.declined.end(), std::back_inserter(result.sample.notes),
                   declined_note);
    if (options.by == GroupBy::interface) {
        mark_outbound(result.sample.interfaces, interfaces(), routed_interface());
    }
    Report report = make_report(std::move(result), options, layout, filter, identifier);
    for (Note& note : report.notes) {
        note.remedy = fitting_remedy(std::move(note.remedy));
    }
    report.host = host_name();
    report.boot_id = boot_id();
    if (asks(layout, Needs::reports)) {
        for (Row& row : report.rows) {
            row.host = report.host;
            row.time = report.started_at;
        }
    }
    print_notes(report, layout, options);
    write_all(STDOUT_FILENO, render(report, options, layout), output_name);
    if (interrupt.signal() != 0) {
        std::raise(interrupt.signal());
    }
    return options.strict && !report.complete ? Exit::incomplete : Exit::ok;
}

} // namespace socktally
