// SPDX-License-Identifier: MIT
#include "traffic/netlink/sampling.hpp"

#include "linux/interrupt.hpp"
#include "traffic/interfaces.hpp"
#include "traffic/netlink/notes.hpp"
#include "traffic/wait.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

namespace socktally {

namespace {

using namespace std::chrono_literals;

constexpr auto namespaces_interval = 250ms;

/// A dump takes a while: a window is from the middle of one to the middle of the next.
WindowClock::Moment middle(const Dumper::Dumped& dumped)
{
    const auto now = WindowClock::now();
    const auto middle = dumped.begun + (dumped.ended - dumped.begun) / 2;
    return {middle, now.system - std::chrono::duration_cast<std::chrono::system_clock::duration>(now.steady - middle)};
}

} // namespace

Sampling::Sampling(const BackendOptions& options)

    : options_(options), holders_("/proc", HolderMap::Source::cheapest, options.trace),
      datagrams_(holders_, PacketWatch::Kept::udp,
                 options.tuples ? FlowSums::Detail::tuples : FlowSums::Detail::sockets),
      namespaces_(options, datagrams_),
      window_(datagrams_, holders_, closed_, options.tuples ? Window::Closed::kept : Window::Closed::summed)
{
    holders_.set_meanwhile([this] { datagrams_.drain_now_and_then(); });
}

BackendResult Sampling::totals(const SampleRequest& request)
{
    Sample sample;
    holders_.set_look(request.look);
    holders_.expect_no_rescan();
    holders_.scan();
    namespaces_.enter_first(holders_.processes());
    sample.started_at = std::chrono::system_clock::now();
    sample.interfaces = read_interfaces();
    std::size_t listed = 0;
    do {
        for (; listed < namespaces_.all().size(); ++listed) {
            namespaces_.all()[listed]->close();
        }
    } while (namespaces_.enter_unlisted(holders_) > 0);
    find_holders(Follows::nothing, request.window);
    BackendResult result = result_of(std::move(sample), request, Follows::nothing);
    result.listed = namespaces_.listed();
    return result;
}

BackendResult Sampling::next(const SampleRequest& request)
{
    Sample sample;
    holders_.set_look(request.look);
    holders_.set_group_look(request.group_look);
    watch(clock_.is_first() ? open_window(request.window) : resume(request.window), request);
    datagrams_.end();
    sample.interfaces = take_interface_deltas(interfaces_);
    const bool is_last = !options_.repeated || request.last || request.interrupt->signal() != 0;
    const auto follows = is_last ? Follows::nothing : Follows::another_window;
    const auto last = close_window(follows);
    dump_time_ = last.ended - last.begun;
    clock_.end(sample, how_ended(request), middle(last));
    find_holders(follows, request.window);
    return result_of(std::move(sample), request, follows);
}

void Sampling::watch(Clock::time_point end, const SampleRequest& request)
{
    window_.set_places(namespaces_.all());
    window_.trace_owners();
    window_.watch(end - dump_time_ / 2, request, [this] { take_in_new(namespaces_interval); });
    take_in_new(0ns);
}

/// Enters namespaces that were created since the window began.
void Sampling::take_in_new(std::chrono::nanoseconds interval)
{
    if (namespaces_.is_due(interval) && namespaces_.enter_newest(holders_.processes_now())) {
        datagrams_.begin();
        window_.set_places(namespaces_.all());
    }
}

/// Holders first, counters last: the window begins when the dump is done, and every socket of it that is destroyed from
/// then on was there to be looked up. A socket that is destroyed before is no part of the window.
Sampling::Clock::time_point Sampling::open_window(std::chrono::nanoseconds window)
{
    holders_.scan();
    namespaces_.enter_first(holders_.processes());
    const Dumper::Dumped first = open_namespaces();
    interfaces_ = read_interfaces();
    dump_time_ = first.ended - first.begun;
    return clock_.begin(window, middle(first));
}

/// Repeats if sockets lead to further namespaces.
Dumper::Dumped Sampling::open_namespaces()
{
    const NamespaceWatches& watches = namespaces_.all();
    Dumper::Dumped first;
    std::size_t begun = 0;
    do {
        for (std::size_t i = begun; i < watches.size(); ++i) {
            watches[i]->listen();
            const auto dumped = watches[i]->open();
            first = i == 0 ? dumped : first;
        }
        namespaces_.settle(SocketTable::Window::opening);
        datagrams_.begin();
        for (; begun < watches.size(); ++begun) {
            watches[begun]->begin();
        }
    } while (namespaces_.enter_unlisted(holders_) > 0);
    return first;
}

/// The last window's end is the beginning of this one.
Sampling::Clock::time_point Sampling::resume(std::chrono::nanoseconds window)
{
    for (const auto& watch : namespaces_.all()) {
        watch->next_window();
    }
    holders_.next_window();
    datagrams_.next_window();
    namespaces_.enter_new(holders_.processes());
    datagrams_.begin();
    if (namespaces_.enter_unlisted(holders_) > 0) {
        datagrams_.begin();
    }
    return clock_.begin(window);
}

Dumper::Dumped Sampling::close_window(Follows follows)
{
    if (follows == Follows::another_window) {
        holders_.note_sharers();
    }
    const NamespaceWatches& watches = namespaces_.all();
    const auto drain = [this] { datagrams_.drain_now_and_then(); };
    Dumper::Dumped last;
    for (const auto& watch : watches) {
        const auto dumped = watch->close(drain);
        last = watch == watches.front() ? dumped : last;
    }
    namespaces_.settle(SocketTable::Window::open);
    constexpr int patience = 3;
    for (int i = 0; i < patience; ++i) {
        const auto again =
            std::count_if(watches.begin(), watches.end(), [&](const auto& w) { return w->close_again(drain); });
        if (again == 0) {
            break;
        }
        namespaces_.settle(SocketTable::Window::open);
    }
    namespaces_.find_missing(follows == Follows::nothing ? 250ms : 20ms);
    datagrams_.await_packets();
    return last;
}

/// Holders at the end of the window, because a socket may have changed hands in it. Without traffic nobody is to be
/// named wrongly, and the first scan will do; but not for the next window, which begins with who is known to hold what.
/// While they are searched for, nobody looks at what is new in the next window: so where there is one, that is soon
/// over.
void Sampling::find_holders(Follows follows, std::chrono::nanoseconds window)
{
    std::vector<Inode> inodes;
    bool traffic = options_.totals || datagrams_.saw_packets();
    for (const auto& watch : namespaces_.all()) {
        const std::vector<Inode> live = watch->live_inodes();
        inodes.insert(inodes.end(), live.begin(), live.end());
        traffic = traffic || watch->saw_traffic();
    }
    const bool is_last = follows == Follows::nothing;
    if (!options_.totals) {
        holders_.rescan();
    }
    if (!traffic) {
        return;
    }
    constexpr std::chrono::nanoseconds longest_search = 500ms;
    constexpr std::chrono::nanoseconds shortest_search = 10ms;
    const auto time = is_last ? longest_search : std::clamp(window / 8, shortest_search, longest_search);
    const auto wanted = is_last ? holders_.unheld(std::move(inodes)) : window_.worth_searching(std::move(inodes));
    if (!wanted.empty()) {
        holders_.search(wanted, HolderMap::Reach::everywhere, Clock::now() + time);
    }
    window_.trace_owners();
    if (options_.repeated) { // else there was no window before
        for (const auto& watch : namespaces_.all()) {
            holders_.disown(holders_.unheld(watch->table().listed_inodes()));
        }
    }
    holders_.confirm(Clock::now());
}

BackendResult Sampling::result_of(Sample sample, const SampleRequest& request, Follows follows)
{
    BackendResult result;
    sample.backend = datagrams_.is_empty() ? "netlink" : "netlink+packet";
    NetlinkFaults faults;
    UncountedTraffic uncounted;
    namespaces_.each_wanted([&](NamespaceWatch& watch) {
        add(faults, watch.faults(options_.totals));
        uncounted |= watch.uncounted().traffic();
    });
    faults.totals = options_.totals;
    faults.interrupted = request.interrupt->signal() != 0;
    faults.unread = holders_.failed();
    const std::size_t unlisted = namespaces_.unlisted(holders_);
    collect(sample, follows); // last: it leaves nothing behind to tell faults by
    sample.notes = notes_of(faults);
    for (Note& note : notes_of(datagrams_.faults())) {
        note.about = Note::About::protocol;
        sample.notes.push_back(std::move(note));
    }
    finish_uncounted(sample, uncounted);
    add_refused_namespaces(sample, namespaces_.refused());
    add_unlisted_note(sample.notes, unlisted);
    result.sample = std::move(sample);
    result.viewer = {Uid{::geteuid()}, holders_.denied() > 0 || ::geteuid() != 0};
    return result;
}

void Sampling::collect(Sample& sample, Follows follows)
{
    const bool is_last = follows == Follows::nothing;
    const auto how = is_last ? NamespaceWatch::Flows::moved : NamespaceWatch::Flows::copied;
    namespaces_.each_wanted([&](NamespaceWatch& watch) { watch.hand_over(sample.flows, how); });
    for (Flow& flow : sample.flows) {
        if (holders_.is_doubtful(flow)) {
            flow.inode = {};
        }
    }
    closed_.move_to(sample.flows);
    datagrams_.finish(sample.flows);
    sample.holders = is_last ? holders_.take_holders() : holders_.holders();
    sample.processes = is_last ? holders_.take_processes() : holders_.holding_processes();
}

} // namespace socktally
