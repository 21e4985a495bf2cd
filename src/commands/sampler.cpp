// SPDX-License-Identifier: MIT
#include "commands/sampler.hpp"

#include "commands/resolve_filter.hpp"
#include "commands/unmatched.hpp"
#include "linux/clocks.hpp"
#include "linux/interfaces.hpp"
#include "linux/netns.hpp"
#include "linux/processes.hpp"
#include "linux/terminal.hpp"
#include "processes/names.hpp"
#include "util/number.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <system_error>

namespace socktally {

namespace {

void tell_choice(const Choice& choice)
{
    for (const auto& [name, reason] : choice.declined) {
        say(reason.remedy.empty() ? fmt::format("not {}: {}", name, reason.why)
                                  : fmt::format("not {}: {} ({})", name, reason.why, reason.remedy));
    }
    const std::string variant = choice.backend->variant();
    say(fmt::format("using {}{}{}", choice.name, variant.empty() ? "" : ": ", variant));
}

/// For -vv: prints each flow with traffic but without an owner, and its cause. Also prints the notes of the sample.
void trace_gaps(const Sample& sample)
{
    for (const Flow& flow : sample.flows) {
        if (!flow.attribution.process && flow.may_have_traffic()) {
            const auto bytes = [](const std::optional<std::uint64_t>& value) {
                return value ? std::to_string(*value) : "unknown";
            };
            say(fmt::format("no owner {}: {} {} rx, {} tx, {} sockets", flow.cookie.value,
                            cause_name(flow.attribution.cause), bytes(flow.rx_bytes), bytes(flow.tx_bytes),
                            flow.sockets));
        }
    }
    for (const Note& note : sample.notes) {
        say(fmt::format("note {}: {}", to_string(note.code), note.message));
    }
}

/// A line on the terminal that shows the progress of the window. Its destructor removes the line.
class Progress {
public:
    explicit Progress(std::chrono::nanoseconds window) : window_(window) {}
    ~Progress()
    {
        if (is_shown_) {
            print("\r\033[K");
        }
    }
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    void show(std::chrono::nanoseconds elapsed)
    {
        using Seconds = std::chrono::duration<double>;
        is_shown_ = true;
        print(fmt::format("\r\033[Ksampling, {:.0f} of {:.0f} s", Seconds(elapsed).count(), Seconds(window_).count()));
    }

private:
    static void print(std::string_view text)
    {
        [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size()); // may fail
    }

    std::chrono::nanoseconds window_;
    bool is_shown_ = false;
};

/// Returns this machine's interfaces, by which local traffic is recognised; empty if they are not known.
Machine this_machine()
{
    try {
        return {interfaces(), Inode{own_netns_inode()}};
    } catch (const std::system_error&) {
        return {};
    }
}

} // namespace

Sampler::Sampler(const Options& options, const OutputPlan& plan, std::span<const BackendEntry> table, SinceRun* since)
    : options_(options), plan_(plan), table_(table), since_(since), filter_(resolve_filter(options)),
      tree_(options.command == Command::run ? ProcessTree::Orphans::come_here : ProcessTree::Orphans::go_away),
      host_(host_name()), boot_id_(boot_id())
{
    if (needs_names(options, plan)) {
        names_.emplace(options.resolve_timeout, options.resolve_private);
    }
    add_roots();
    open();
}

void Sampler::add_roots()
{
    if (filter_.asks("tree")) {
        require_own_processes();
    }
    for (FilterTerm& term : filter_.terms()) {
        if (term.kind->requirement == Requirement::trees) {
            FilterValue::Numbers& numbers = term.value.numbers.value();
            const auto bit = tree_.add_root(Pid{static_cast<std::int32_t>(numbers.first)});
            if (!bit || *bit >= ProcessTree::most_roots) {
                throw UsageError(bit ? fmt::format("--tree takes at most {}",
                                                   plural(ProcessTree::most_roots, "process", "processes"))
                                     : fmt::format("no such process: {}", term.value.text));
            }
            numbers = {*bit, *bit};
        }
    }
}

/// Finds out to which trees of --tree each process of the sample belongs. Must run soon, while the processes live.
void Sampler::place(Sample& sample)
{
    if (tree_.is_empty()) {
        return;
    }
    for (Process& process : sample.processes) {
        process.trees = process.trees ? process.trees : tree_.trees_of(process);
    }
    sample.tree = tree_.sightings();
}

void Sampler::open()
{
    BackendOptions needs = needs_of(options_, plan_);
    for (const std::uint64_t number : numbers_of(filter_, "interface")) {
        needs.interfaces.push_back(static_cast<std::uint32_t>(number));
    }
    // With --since, all namespaces are measured, because a later run may ask for others.
    if (options_.since.empty()) {
        needs.namespaces = namespaces_of(filter_);
    }
    choice_ = {}; // closes the old backend before the new one opens
    choice_ = choose_backend(options_.backend, needs, table_);
    if (options_.verbose) {
        tell_choice(choice_);
    }
}

/// Looks up the filter's names of interfaces and network namespaces again. If a name now belongs to another interface
/// or namespace, reopens the backend, so that it measures the new one.
std::vector<Note> Sampler::renew()
{
    const Renamed renamed = renew_names(filter_);
    if (!renamed.others.empty()) {
        open();
    }
    // With `ports`, a changed name loses no bytes, because each list of sockets is complete.
    return options_.command == Command::ports ? std::vector<Note>{} : notes_of(renamed);
}

BackendResult Sampler::measure(Identifier& identifier, Interrupt& interrupt)
{
    Progress progress(options_.duration);
    SampleRequest request;
    request.window = options_.duration;
    request.interrupt = &interrupt;
    request.last = ++number_ == options_.count.value_or(1);
    request.identify_process = identifier.identify_process();
    if (!tree_.is_empty()) {
        request.tree = &tree_;
        request.identify_process = [&, identify = request.identify_process](Process& process) {
            process.trees = process.trees ? process.trees : tree_.trees_of(process);
            if (identify) {
                identify(process);
            }
        };
    }
    request.identify_group = identifier.identify_group();
    const bool shows_progress = options_.progress && !options_.quiet && options_.duration > std::chrono::seconds(1) &&
                                is_terminal(STDERR_FILENO) && !is_dumb_terminal();
    request.progress = [&](std::chrono::nanoseconds elapsed) {
        if (number_ == 1 && elapsed.count() == 0) {
            interrupt.first_window_begins();
            if (options_.verbose) {
                say("sampling");
            }
        }
        if (shows_progress) {
            progress.show(elapsed);
        }
    };
    if (request.tree != nullptr) {
        tree_.look();
    }
    BackendResult result = choice_.backend->sample(request);
    interrupt.window_is_over();
    return result;
}

Report Sampler::next(Interrupt& interrupt, Hints hints)
{
    Identifier identifier(identity_needs_of(options_, plan_), {}, memory_);
    if (options_.duration.count() != 0) {
        identifier.note_cgroups();
    }
    if (since_ != nullptr) {
        since_->begin(namespaces_of(filter_));
    }
    const std::vector<Note> notes = number_ == 0 ? std::vector<Note>{} : renew();
    BackendResult result = measure(identifier, interrupt);
    if (since_ != nullptr) {
        since_->subtract(result);
    }
    if (describes_flows(options_, plan_) && filter_.machine.interfaces.empty()) {
        filter_.machine = this_machine();
    } else {
        refresh(filter_);
    }
    place(result.sample);
    result.sample.notes.insert(result.sample.notes.end(), notes.begin(), notes.end());
    std::transform(choice_.declined.begin(), choice_.declined.end(), std::back_inserter(result.sample.notes),
                   declined_note);
    if (options_.by.is_by_interface()) {
        mark_outbound(result.sample.interfaces, interfaces(), routed_interface());
    }
    Sample& sample = result.sample;
    find_owners(sample, result.viewer, options_, plan_, filter_, identifier, names_ ? names_->asker() : Pid{});
    if (names_) {
        names_->add_names(sample, remotes_of(sample, options_, filter_),
                          number_ == options_.count.value_or(1) || interrupt.signal() != 0);
    }
    if (options_.trace) {
        say(fmt::format("window {}: {} us", number_,
                        std::chrono::duration_cast<std::chrono::microseconds>(sample.duration).count()));
        trace_gaps(sample);
    }
    if (hints == Hints::given || (hints == Hints::in_first_window && number_ == 1)) {
        add_unmatched_notes(sample, filter_, identifier, options_.command == Command::ports);
    }
    // The shift of the time namespace is removed only now, because the steps above compare start times with /proc.
    for (Process& process : sample.processes) {
        process.start_time.ticks = ticks_since_boot(process.start_time.ticks, boot_clock_shift());
    }
    Report report = make_report(std::move(sample), options_, plan_, filter_, identifier);
    memory_->lookups->release();
    for (Note& note : report.notes) {
        const bool is_chosen = note.code == NoteCode::other_netns && options_.filter.asks("netns");
        note.remedy = is_chosen ? "run with sudo" : fitting_remedy(note.remedy);
    }
    report.host = host_;
    report.boot_id = boot_id_;
    if (asks(plan_, Requirement::reports)) {
        for (Row& row : report.rows) {
            row.host = report.host;
            row.time = report.started_at;
        }
    }
    return report;
}

} // namespace socktally
