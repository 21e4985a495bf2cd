// SPDX-License-Identifier: MIT
#include "commands/windows.hpp"

#include "commands/complete_filter.hpp"
#include "commands/grants.hpp"
#include "commands/progress.hpp"
#include "identity/machine.hpp"
#include "identity/outbound.hpp"
#include "sys/terminal.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>

namespace socktally {

namespace {

Choice open_backend(const Options& options, const Layout& layout, const Filter& filter,
                    std::span<const BackendEntry> table)
{
    BackendOptions needs = needs_of(options, layout);
    needs.interfaces = filter.interfaces;
    if (options.since.empty()) { // else what is printed may change from run to run, but not what is known
        needs.namespaces = filter.namespaces;
    }
    return choose_backend(options.backend, needs, table);
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

Windows::Windows(const Options& options, const Layout& layout, std::span<const BackendEntry> table, SinceRun* since)
    : options_(options), layout_(layout), since_(since), filter_(complete_filter(options)),
      choice_(open_backend(options, layout, filter_, table)), host_(host_name()), boot_id_(boot_id())
{
    if (options.verbose) {
        tell_choice(choice_);
    }
}

BackendResult Windows::measure(Identifier& identifier, Interrupt& interrupt)
{
    Progress progress(options_.duration);
    SampleRequest request;
    request.window = options_.duration;
    request.interrupt = &interrupt;
    request.last = ++number_ == options_.count.value_or(1);
    request.look = identifier.look();
    const bool shows_progress = options_.progress && !options_.quiet && options_.duration > std::chrono::seconds(1) &&
                                is_terminal(STDERR_FILENO) && !is_dumb_terminal();
    request.progress = [&](std::chrono::nanoseconds elapsed) {
        if (options_.verbose && number_ == 1 && elapsed.count() == 0) {
            say("sampling");
        }
        if (shows_progress) {
            progress.show(elapsed);
        }
    };
    return choice_.backend->sample(request);
}

Report Windows::next(Interrupt& interrupt)
{
    Identifier identifier(identity_needs_of(options_, layout_));
    if (since_ != nullptr) {
        since_->begin(filter_.namespaces);
    }
    BackendResult result = measure(identifier, interrupt);
    if (since_ != nullptr) {
        since_->subtract(result);
    }
    refresh(filter_);
    std::transform(choice_.declined.begin(), choice_.declined.end(), std::back_inserter(result.sample.notes),
                   declined_note);
    if (options_.by == GroupBy::interface) {
        mark_outbound(result.sample.interfaces, interfaces(), routed_interface());
    }
    Report report = make_report(std::move(result), options_, layout_, filter_, identifier);
    for (Note& note : report.notes) {
        note.remedy = fitting_remedy(std::move(note.remedy));
    }
    report.host = host_;
    report.boot_id = boot_id_;
    if (asks(layout_, Needs::reports)) {
        for (Row& row : report.rows) {
            row.host = report.host;
            row.time = report.started_at;
        }
    }
    return report;
}

} // namespace socktally
