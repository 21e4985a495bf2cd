// SPDX-License-Identifier: MIT
// A question to the helper is: whether to keep all sockets, the patience in milliseconds, and the addresses. An answer
// is
// `+`, and an address and its name for each look-up that ended, or `-` if sockets cannot be kept. A NUL separates
// fields.
#include "processes/remote_names.hpp"

#include "linux/file.hpp"
#include "linux/proc.hpp"
#include "linux/system.hpp"
#include "util/number.hpp"
#include "util/text.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstring>
#include <iterator>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

namespace socktally {

namespace {

constexpr std::size_t most_known = 4'096;
constexpr std::chrono::minutes kept_for(5);
constexpr char nul = '\0';
constexpr std::string_view cannot_keep = "-";

// --- In the helper process

/// Returns the name of the address; empty if it has none, null if the resolver did not say.
std::optional<std::string> look_up(const Address& address)
{
    sockaddr_storage storage{};
    socklen_t size = 0;
    if (address.family == Family::v4) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        std::memcpy(&v4.sin_addr, address.bytes.data(), sizeof v4.sin_addr);
        std::memcpy(&storage, &v4, size = sizeof v4);
    } else {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        std::memcpy(&v6.sin6_addr, address.bytes.data(), sizeof v6.sin6_addr);
        std::memcpy(&storage, &v6, size = sizeof v6);
    }
    std::array<char, NI_MAXHOST> name{};
    const int error = ::getnameinfo(reinterpret_cast<const sockaddr*>(&storage), size, name.data(), name.size(),
                                    nullptr, 0, NI_NAMEREQD);
    if (error == 0) {
        return name.data();
    }
    return error == EAI_NONAME ? std::optional<std::string>("") : std::nullopt;
}

/// Is shared by the threads of the helper. A thread that hangs still uses it after the answer was given.
struct Work {
    std::vector<Address> addresses;
    bool keeps_sockets = false;
    Helper::Clock::time_point deadline;

    std::mutex mutex;
    std::condition_variable changed;
    std::size_t next = 0;    // index of the next address to look up
    std::size_t running = 0; // number of threads
    bool is_refused = false; // a thread could not keep its sockets
    std::string answer{"+"};
};

void work_on(Work& work)
{
    const bool is_able = !work.keeps_sockets || keep_sockets();
    std::unique_lock lock(work.mutex);
    work.is_refused = work.is_refused || !is_able;
    while (is_able && work.next < work.addresses.size() && Helper::Clock::now() < work.deadline) {
        const Address address = work.addresses[work.next++];
        lock.unlock();
        const auto name = look_up(address);
        lock.lock();
        if (name && name->find(nul) == std::string::npos) {
            work.answer.append(1, nul).append(to_string(address)).append(1, nul).append(*name);
        }
    }
    --work.running;
    work.changed.notify_all();
}

/// Uses as many files as allowed, because a thread that keeps its sockets closes no other file either.
void raise_limit_of_files()
{
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

std::string answer_with_names(std::string_view question)
{
    constexpr std::size_t most_threads = 64;
    const std::vector<std::string_view> fields = split(question, nul);
    const auto work = std::make_shared<Work>();
    work->keeps_sockets = fields.at(0) == "1";
    work->deadline = Helper::Clock::now() + std::chrono::milliseconds(parse_number(fields.at(1)).value_or(0));
    for (std::size_t i = 2; i < fields.size(); ++i) {
        if (const auto address = parse_address(fields[i])) {
            work->addresses.push_back(*address);
        }
    }
    raise_limit_of_files();
    be_readable_by_parent(); // it looks for the holders of sockets
    std::unique_lock lock(work->mutex);
    try {
        while (work->running < std::min(most_threads, work->addresses.size())) {
            std::thread([work] { work_on(*work); }).detach();
            ++work->running;
        }
    } catch (const std::system_error&) { // fewer threads must do
    }
    work->changed.wait_until(lock, work->deadline, [&] { return work->running == 0; });
    return work->is_refused ? std::string(cannot_keep) : work->answer;
}

// --- In our process

std::string text_of_file(const char* path)
{
    constexpr std::size_t limit = 1 << 20;
    std::string buffer;
    return std::string(read_file(AT_FDCWD, path, buffer, limit).value_or(""));
}

/// Returns the addresses in lines such as "nameserver 192.168.1.1"; null for one that is not understood.
std::vector<std::optional<Address>> resolvers_in(std::string_view text)
{
    std::vector<std::optional<Address>> resolvers;
    while (!text.empty()) {
        std::string_view line = next_line(text);
        if (next_word(line) == "nameserver") {
            const std::string_view word = next_word(line);
            resolvers.push_back(parse_address(word.substr(0, word.find('%'))));
        }
    }
    return resolvers;
}

bool is_internal(const Address& address) { return address.is_private() || address.is_loopback(); }

std::chrono::milliseconds whole_milliseconds(std::chrono::nanoseconds time)
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(time);
}

} // namespace

std::map<Address, std::string> parse_hosts(std::string_view text)
{
    std::map<Address, std::string> names;
    while (!text.empty()) {
        std::string_view line = next_line(text);
        line = line.substr(0, line.find('#'));
        const auto address = parse_address(next_word(line));
        const std::string_view name = next_word(line);
        if (address && !name.empty()) {
            names.try_emplace(*address, name);
        }
    }
    return names;
}

bool are_resolvers_private(std::string_view text, std::string_view upstream)
{
    const std::array<Address, 2> stubs{parse_address("127.0.0.53").value(), parse_address("127.0.0.54").value()};
    const std::vector<std::optional<Address>> resolvers = resolvers_in(text);
    const bool is_stub = !resolvers.empty() && std::all_of(resolvers.begin(), resolvers.end(), [&](const auto& each) {
        return each && std::find(stubs.begin(), stubs.end(), *each) != stubs.end();
    });
    // Even if resolv.conf names other resolvers, nsswitch.conf may ask systemd-resolved first.
    const bool may_ask_upstream = upstream.empty() || are_resolvers_private(upstream, "");
    if (is_stub && !upstream.empty()) {
        return may_ask_upstream;
    }
    return may_ask_upstream && !resolvers.empty() &&
           std::all_of(resolvers.begin(), resolvers.end(), [](const auto& each) { return each && each->is_private(); });
}

RemoteNames::RemoteNames(std::chrono::nanoseconds patience, bool private_too)
    : patience_(patience), private_too_(private_too), helper_(answer_with_names)
{
}

void RemoteNames::add_names(Sample& sample, const std::vector<Address>& addresses, bool is_last)
{
    helper_.end();
    forget_old();
    const auto hosts = parse_hosts(text_of_file("/etc/hosts"));
    const bool asks_private = private_too_ || are_resolvers_private(text_of_file("/etc/resolv.conf"),
                                                                    text_of_file("/run/systemd/resolve/resolv.conf"));
    std::vector<Address> wanted;
    std::uint64_t withheld = 0;
    for (const Address& address : addresses) {
        if (const auto host = hosts.find(address); host != hosts.end()) {
            sample.names[address] = std::make_shared<const RemoteName>(RemoteName{host->second, NameSource::hosts});
        } else if (is_internal(address) && !asks_private) {
            withheld += address.is_loopback() ? 0 : 1;
        } else if (!known_.contains(address)) {
            wanted.push_back(address);
        }
    }
    wanted.resize(std::min(wanted.size(), most_known));
    ask(wanted, is_last, sample.notes);
    for (const Address& address : addresses) {
        if (const auto known = known_.find(address); known != known_.end() && known->second.name != nullptr) {
            sample.names.try_emplace(address, known->second.name);
        }
    }
    if (withheld > 0) {
        sample.notes.emplace_back(NoteCode::remote_names,
                                  fmt::format("{} not looked up, because the resolver may be public",
                                              plural(withheld, "private address was", "private addresses were")),
                                  "use --resolve-private");
    }
}

void RemoteNames::ask(const std::vector<Address>& addresses, bool is_last, std::vector<Note>& notes)
{
    constexpr int rest = 100;
    constexpr std::chrono::milliseconds grace(100); // for the answer, after the helper has stopped waiting
    const auto begun = Clock::now();
    if (addresses.empty() || patience_.count() == 0) {
        return;
    }
    std::string question = fmt::format("{}{}{}", is_last ? 0 : 1, nul, whole_milliseconds(patience_).count());
    for (const Address& address : addresses) {
        question.append(1, nul).append(to_string(address));
    }
    const auto given = begun < rests_until_ ? std::nullopt : helper_.ask(question, begun + patience_ + grace);
    is_last ? helper_.end() : helper_.freeze();
    if (given == cannot_keep) {
        notes.emplace_back(NoteCode::remote_names,
                           "names are looked up only after the last window, because this kernel refuses "
                           "the seccomp filter that would keep these look-ups out of the figures");
        return;
    }
    const std::vector<std::string_view> fields = split(given ? std::string_view(*given) : "", nul);
    for (std::size_t i = 1; i + 1 < fields.size(); i += 2) {
        if (const auto address = parse_address(fields[i])) {
            remember(*address, fields[i + 1]);
        }
    }
    forget_old();
    const std::size_t answered = (fields.size() - 1) / 2;
    if (answered == 0 && begun >= rests_until_) {
        rests_until_ = Clock::now() + rest * patience_;
    }
    if (answered < addresses.size()) {
        notes.emplace_back(NoteCode::remote_names,
                           fmt::format("the resolver did not answer in time for {}",
                                       plural(addresses.size() - answered, "address", "addresses")),
                           "wait longer: --resolve-timeout 5s");
    }
}

/// Remembers a name; none if it is empty.
void RemoteNames::remember(const Address& address, std::string_view name)
{
    std::shared_ptr<const RemoteName> found;
    if (!name.empty()) {
        found = std::make_shared<const RemoteName>(RemoteName{std::string(name), NameSource::reverse});
    }
    known_.insert_or_assign(address, Known{std::move(found), Clock::now() + kept_for});
}

void RemoteNames::forget_old()
{
    auto oldest_kept = Clock::now();
    if (known_.size() > most_known) {
        std::vector<Clock::time_point> times;
        std::transform(known_.begin(), known_.end(), std::back_inserter(times),
                       [](const auto& entry) { return entry.second.forgotten_at; });
        const auto last = times.end() - static_cast<std::ptrdiff_t>(most_known);
        std::nth_element(times.begin(), last, times.end());
        oldest_kept = std::max(oldest_kept, *last);
    }
    std::erase_if(known_, [=](const auto& entry) { return entry.second.forgotten_at < oldest_kept; });
}

} // namespace socktally
