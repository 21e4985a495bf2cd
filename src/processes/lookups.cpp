// SPDX-License-Identifier: MIT
// The protocol between this process and its helper. A question is a letter, then fields. An answer is `+` or `-`, then
// fields. A NUL separates two fields.
#include "processes/lookups.hpp"

#include "linux/proc.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>
#include <utility>

namespace socktally {

namespace {

constexpr char by_uid = 'u';
constexpr char by_name = 'n';
constexpr char by_host = 'h';
constexpr char by_service = 'p';
constexpr char by_port = 'q';
constexpr char by_path = 'f';
constexpr char at_socket = 's';
constexpr char has_answer = '+';
constexpr char no_answer = '-';
constexpr char separator = '\0';

template <typename... Fields>
std::string message(char kind, const Fields&... fields)
{
    std::string text(1, kind);
    std::size_t left = sizeof...(fields);
    const auto add = [&](const auto& field) {
        text += fmt::format("{}", field);
        if (--left > 0) {
            text += '\0';
        }
    };
    (add(fields), ...);
    return text;
}

/// Returns the next field, and removes it from the front of `text`.
std::string_view next_field(std::string_view& text)
{
    const std::string_view field = text.substr(0, text.find('\0'));
    text.remove_prefix(std::min(field.size() + 1, text.size()));
    return field;
}

std::uint64_t next_number(std::string_view& text) { return parse_number(next_field(text)).value_or(0); }

TrustedPlace next_place(std::string_view& text)
{
    TrustedPlace place;
    place.base = next_field(text);
    place.path = next_field(text);
    place.owner = static_cast<uid_t>(next_number(text));
    return place;
}

std::string answer_of(const passwd* user)
{
    return user != nullptr ? message(has_answer, user->pw_uid, user->pw_name, user->pw_dir) : std::string(1, no_answer);
}

std::string answer_about_service(const std::string& name)
{
    const servent* const found = ::getservbyname(name.c_str(), nullptr); // NOLINT: one thread
    return found != nullptr ? message(has_answer, ntohs(static_cast<std::uint16_t>(found->s_port)))
                            : std::string(1, no_answer);
}

/// Answers with the port, the protocol and the name of each service that has a name.
std::string answer_about_ports(std::string_view question)
{
    std::string text(1, has_answer);
    while (!question.empty()) {
        const auto port = static_cast<std::uint16_t>(next_number(question));
        const std::string protocol(next_field(question));
        const servent* const found =
            ::getservbyport(htons(port), protocol.empty() ? nullptr : protocol.c_str()); // NOLINT: one thread
        if (found != nullptr) {
            text += fmt::format("{}{}{}{}{}{}", port, separator, protocol, separator, found->s_name, separator);
        }
    }
    return text;
}

template <typename SocketAddress, typename Bytes>
Address address_in(const addrinfo& found, Bytes SocketAddress::*field)
{
    SocketAddress address{};
    std::memcpy(&address, found.ai_addr, std::min<std::size_t>(sizeof address, found.ai_addrlen));
    return Address::from_bytes(std::as_bytes(std::span(&(address.*field), 1)));
}

std::string answer_about_host(const std::string& name)
{
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM; // without this, each address is listed once for each socket type
    addrinfo* list = nullptr;
    const int error = ::getaddrinfo(name.c_str(), nullptr, &hints, &list);
    if (error != 0) {
        const bool is_none = error == EAI_NONAME || error == EAI_NODATA;
        return message(no_answer, is_none ? "" : ::gai_strerror(error));
    }
    std::string text(1, has_answer);
    for (const addrinfo* found = list; found != nullptr; found = found->ai_next) {
        const bool is_v4 = found->ai_family == AF_INET;
        text.append(to_string(is_v4 ? address_in(*found, &sockaddr_in::sin_addr)
                                    : address_in(*found, &sockaddr_in6::sin6_addr)));
        text += '\0';
    }
    ::freeaddrinfo(list);
    return text;
}

std::string answer_of(const HttpAnswer& answer)
{
    return answer.body ? message(has_answer, *answer.body) : message(no_answer, answer.failure);
}

std::string ask_at_socket(std::string_view question)
{
    const TrustedPlace place = next_place(question);
    const std::chrono::milliseconds patience(next_number(question));
    const std::size_t most = next_number(question);
    const Fd socket = find_trusted_socket(place);
    if (!socket) {
        return message(no_answer, errno != ENOENT ? std::strerror(errno) : ""); // NOLINT(concurrency-mt-unsafe)
    }
    return answer_of(http_get(socket.get(), question, place.owner, {Helper::Clock::now() + patience, most}));
}

std::string read_at_path(std::string_view question)
{
    const TrustedPlace place = next_place(question);
    const auto text = read_trusted_file(place, next_number(question));
    return text ? message(has_answer, *text) : message(no_answer, errno);
}

/// Answers a question. Runs in the helper process, which has only one thread.
std::string answer(std::string_view question)
{
    const char kind = question.empty() ? no_answer : question.front();
    question.remove_prefix(question.empty() ? 0 : 1);
    switch (kind) {
    case by_uid: return answer_of(::getpwuid(static_cast<uid_t>(next_number(question)))); // NOLINT
    case by_name: return answer_of(::getpwnam(std::string(question).c_str()));            // NOLINT
    case by_host: return answer_about_host(std::string(question));
    case by_service: return answer_about_service(std::string(question));
    case by_port: return answer_about_ports(question);
    case by_path: return read_at_path(question);
    case at_socket: return ask_at_socket(question);
    default: return {};
    }
}

std::chrono::milliseconds left_until(Lookups::Clock::time_point deadline)
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Lookups::Clock::now());
}

/// Returns the entry of a user in /etc/passwd; null if the C library would ask another source first. No helper is
/// needed, because this local file answers at once.
std::optional<User> find_local_user(Uid uid)
{
    constexpr std::size_t limit = 1 << 20;
    const auto is_files_first = [](std::string_view services) {
        while (!services.empty()) {
            std::string_view line = next_line(services);
            if (next_word(line) == "passwd:") {
                return next_word(line) == "files" && !next_word(line).starts_with('[');
            }
        }
        return false;
    };
    const auto text = is_files_first(read_trusted_file({"/etc", "nsswitch.conf", 0}, limit).value_or(""))
                          ? read_trusted_file({"/etc", "passwd", 0}, limit)
                          : std::nullopt;
    const std::string number = std::to_string(uid.value);
    std::string_view lines = text ? std::string_view(*text) : "";
    while (!lines.empty()) {
        std::string_view line = next_line(lines);
        std::array<std::string_view, 6> fields; // name, password, uid, gid, comment, home directory
        for (std::string_view& field : fields) {
            field = line.substr(0, line.find(':'));
            line.remove_prefix(std::min(field.size() + 1, line.size()));
        }
        if (fields[2] == number && !fields[0].empty()) {
            return User{uid, std::string(fields[0]), std::string(fields[5])};
        }
    }
    return std::nullopt;
}

const std::string users = "users";
const std::string hosts = "hosts";
const std::string services = "services";

} // namespace

void Lookups::release() { helper_.reset(); }

std::optional<std::string> Lookups::ask(const std::string& about, const std::string& question,
                                        Clock::time_point deadline)
{
    constexpr int rest = 100;
    const auto begun = Clock::now();
    const auto resting = rests_until_.find(about);
    if (begun >= deadline || (resting != rests_until_.end() && begun < resting->second)) {
        return std::nullopt;
    }
    if (!helper_) {
        helper_.emplace(answer);
    }
    auto given = helper_->ask(question, deadline);
    if (!given || given->empty()) {
        const auto now = Clock::now();
        rests_until_.insert_or_assign(about, now + rest * (now - begun));
        return std::nullopt;
    }
    return given;
}

UserAnswer Lookups::find_user(const std::string& question, Clock::time_point deadline)
{
    const auto given = ask(users, question, deadline);
    if (!given || given->front() == no_answer) {
        return {given.has_value(), std::nullopt};
    }
    std::string_view fields(*given);
    fields.remove_prefix(1);
    User user;
    user.uid = Uid{static_cast<std::uint32_t>(next_number(fields))};
    user.name = next_field(fields);
    user.home = fields;
    return {true, std::move(user)};
}

UserAnswer Lookups::find_user(Uid uid, std::chrono::milliseconds patience)
{
    if (auto user = find_local_user(uid)) {
        return {true, std::move(user)};
    }
    return find_user(message(by_uid, uid.value), Clock::now() + patience);
}

UserAnswer Lookups::find_user(const std::string& name, std::chrono::milliseconds patience)
{
    return find_user(message(by_name, name), Clock::now() + patience);
}

HostAnswer Lookups::find_host(const std::string& name, std::chrono::milliseconds patience)
{
    const auto given = ask(hosts, message(by_host, name), Clock::now() + patience);
    if (!given) {
        return {{}, "it did not answer in time"};
    }
    std::string_view fields(*given);
    fields.remove_prefix(1);
    if (given->front() == no_answer) {
        return {{}, std::string(fields)};
    }
    HostAnswer answer;
    while (!fields.empty()) {
        if (const auto address = parse_address(next_field(fields))) {
            answer.addresses.push_back(*address);
        }
    }
    return answer;
}

PortAnswer Lookups::find_port(const std::string& service, std::chrono::milliseconds patience)
{
    const auto given = ask(services, message(by_service, service), Clock::now() + patience);
    return {given.has_value(), given ? parse_port(std::string_view(*given).substr(1)) : std::nullopt};
}

std::map<Service, std::string> Lookups::find_services(const std::set<Service>& wanted,
                                                      std::chrono::milliseconds patience)
{
    std::string question(1, by_port);
    for (const auto& [port, protocol] : wanted) {
        question += fmt::format("{}{}{}{}", port, separator, protocol ? to_string(*protocol) : "", separator);
    }
    const auto given = ask(services, question, Clock::now() + patience);
    std::string_view fields = given ? std::string_view(*given).substr(1) : "";
    std::map<Service, std::string> names;
    while (!fields.empty()) {
        const auto port = static_cast<std::uint16_t>(next_number(fields));
        const auto protocol = parse_protocol(next_field(fields));
        names.emplace(Service{port, protocol}, next_field(fields));
    }
    return names;
}

std::optional<std::string> Lookups::read_file(const TrustedPlace& place, std::size_t limit, Clock::time_point deadline)
{
    auto given = ask(place.base, message(by_path, place.base, place.path, place.owner, limit), deadline);
    if (!given) {
        errno = ETIMEDOUT;
        return std::nullopt;
    }
    if (given->front() == no_answer) {
        errno = static_cast<int>(parse_number(std::string_view(*given).substr(1)).value_or(EIO));
        return std::nullopt;
    }
    given->erase(0, 1);
    return given;
}

HttpAnswer Lookups::ask_engine(const TrustedPlace& socket, std::string_view target, const HttpLimits& limits)
{
    // The helper stops waiting for the engine at the deadline of `limits`. It is killed only after this grace period,
    // so that it can still send its answer.
    constexpr std::chrono::milliseconds grace(200);
    const auto patience = std::max(left_until(limits.deadline), std::chrono::milliseconds(0));
    auto given = ask(socket.base,
                     message(at_socket, socket.base, socket.path, socket.owner, patience.count(), limits.most, target),
                     limits.deadline + grace);
    if (!given) {
        return {std::nullopt, "no answer in time"};
    }
    const bool is_body = given->front() == has_answer;
    given->erase(0, 1);
    return is_body ? HttpAnswer{std::move(*given), ""} : HttpAnswer{std::nullopt, std::move(*given)};
}

} // namespace socktally
