// SPDX-License-Identifier: MIT
#include "traffic/netlink/watched_namespaces.hpp"

#include <algorithm>
#include <iterator>
#include <system_error>
#include <thread>

namespace socktally {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t files_per_namespace = 5 + ProtocolCountersReader::files + UncountedSockets::files;

/// Datagrams get half of the capture buffer that the user allows. They need less room than all packets, and only their
/// headers are kept.
constexpr std::size_t datagram_share = 2;

} // namespace

WatchedNamespaces::WatchedNamespaces(const BackendOptions& options, Capture& datagrams)
    : capture_buffer_(options.totals ? 0 : options.capture_buffer / datagram_share), datagrams_(datagrams),
      others_(options.namespaces,
              {[this](Inode netns, OtherNamespaces::Arrival arrival) { add(netns, share(), arrival); },
               [this](Inode netns) { return leave(netns); }, files_per_namespace + Capture::files_per_namespace}),
      own_is_wanted_(is_wanted(own_namespace(), options.namespaces)),
      facts_(options.facts ? SocketTable::Facts::kept : SocketTable::Facts::left_out), trace_(options.trace)
{
}

void WatchedNamespaces::enter_first(const ProcessesSeen& seen)
{
    add(own_namespace(), own_is_wanted_ ? capture_buffer_ : 0, OtherNamespaces::Arrival::was_there);
    others_.update(seen, OtherNamespaces::When::window_begins);
}

bool WatchedNamespaces::update(const ProcessesSeen& seen, OtherNamespaces::When when)
{
    is_open_ = true;
    const std::size_t before = watches_.size();
    others_.update(seen, when);
    return watches_.size() != before;
}

void WatchedNamespaces::find_unlisted(const OwnerScanner& owners)
{
    std::vector<Inode> listed;
    for (const auto& watch : watches_) {
        watch->add_listed(listed);
    }
    datagrams_.add_listed(listed);
    others_.find_unlisted(owners, std::move(listed));
}

/// Returns the size of the capture buffer for each namespace except our own, in bytes.
std::size_t WatchedNamespaces::share() const
{
    return capture_buffer_ == 0 ? 0 : Capture::share_of(capture_buffer_, others_.size());
}

/// Forgets a namespace that no process uses and no mount names. Returns false, and keeps the namespace, if it has
/// closed sockets that still send.
bool WatchedNamespaces::leave(Inode netns)
{
    const auto watch =
        std::find_if(watches_.begin(), watches_.end(), [=](const auto& w) { return w->netns() == netns; });
    (*watch)->drain(SocketTable::Phase::open);
    if (!(*watch)->is_empty() || !datagrams_.leave(netns)) {
        return false;
    }
    watches_.erase(watch);
    return true;
}

/// Adds the network namespace of the calling thread. A netlink socket or a file of /proc/net belongs to the namespace
/// in which it was opened, and can be used from any other. So each namespace is entered only once.
void WatchedNamespaces::add(Inode netns, std::size_t capture_buffer, OtherNamespaces::Arrival arrival)
{
    const auto udp = capture(netns, capture_buffer, arrival);
    try {
        auto watch = std::make_unique<NamespaceWatch>(netns, udp, facts_, trace_);
        if (arrival == OtherNamespaces::Arrival::is_new) {
            watch->begin_new(others_.found_before());
        } else if (is_open_) {
            watch->begin_late();
        }
        const std::lock_guard lock(adding_);
        watches_.push_back(std::move(watch));
    } catch (const std::exception&) { // OtherNamespaces will try to enter the namespace again later
        datagrams_.drop_namespace(netns);
        throw;
    }
}

/// Opens a capture of the namespace's datagrams. If privileges or memory are lacking, UDP sockets are listed instead,
/// and their bytes are unknown.
NamespaceWatch::Udp WatchedNamespaces::capture(Inode netns, std::size_t buffer, OtherNamespaces::Arrival arrival)
{
    if (buffer == 0) {
        return NamespaceWatch::Udp::listed;
    }
    try {
        datagrams_.add_namespace(netns, buffer, arrival);
        return NamespaceWatch::Udp::left_out;
    } catch (const std::system_error&) {
        return NamespaceWatch::Udp::listed;
    }
}

void WatchedNamespaces::each_wanted(const std::function<void(NamespaceWatch&)>& work) const
{
    for (const auto& watch : watches_) {
        if (own_is_wanted_ || watch != watches_.front()) {
            work(*watch);
        }
    }
}

Snapshot WatchedNamespaces::snapshot() const
{
    Snapshot snapshot;
    for (const auto& watch : watches_) {
        watch->add_to(snapshot);
    }
    snapshot.left_out = others_.left_out();
    snapshot.saw_all = others_.refused() == 0 && others_.unlisted() == 0;
    return snapshot;
}

/// Waits for the destroy events of our own namespace only. The kernel sends the events of all namespaces from the same
/// queues, in order. So once the events of our own namespace have come, all earlier events of the others have come too.
void WatchedNamespaces::settle(SocketTable::Phase phase) const
{
    // Drains meanwhile, because the ring of the capture has room for only a few blocks.
    own().settle(phase, [this] { datagrams_.drain(); });
    for (std::size_t i = 1; i < watches_.size(); ++i) {
        watches_[i]->drain(phase);
    }
}

/// Looks for known sockets that neither the last dump nor a destroy event has shown. There are three causes: the event
/// is late, because the kernel waits until the last packet has left; the dump has missed the socket; or the socket was
/// disconnected or reset, and still exists without a connection.
void WatchedNamespaces::find_missing(std::chrono::milliseconds longest_wait) const
{
    const auto deadline = Clock::now() + longest_wait;
    for (auto pause = 1ms;; pause *= 2) {
        std::size_t missing = 0;
        for (const auto& watch : watches_) {
            missing += watch->find_missing();
        }
        if (missing == 0 || Clock::now() >= deadline) {
            return;
        }
        std::this_thread::sleep_for(pause);
        datagrams_.drain();
        settle(SocketTable::Phase::open);
    }
}

} // namespace socktally
