// SPDX-License-Identifier: MIT
// Makes look-ups that may hang: of users, hosts and services in the databases of the system (nsswitch.conf), and of
// container engines in their files and over their sockets. Each of these sources may be on a server that does not
// answer. So a helper process makes each look-up, with a deadline. If a look-up does not end in time, its source is not
// asked again for a hundred times as long as the look-up took.
#pragma once

#include "linux/helper.hpp"
#include "linux/trusted_file.hpp"
#include "linux/unix_http.hpp"
#include "model/address.hpp"
#include "model/flow.hpp"
#include "model/ids.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

struct User {
    Uid uid;
    std::string name;
    std::string home;
};

struct UserAnswer {
    bool in_time = true;
    std::optional<User> user{}; // null: there is no such user, or the answer did not come in time
};

struct HostAnswer {
    std::vector<Address> addresses{}; // empty: there is no such host, or it could not be looked up (`failure`)
    std::string failure{};            // why the host could not be looked up, such as "it did not answer in time"
};

struct PortAnswer {
    bool in_time = true;
    std::optional<std::uint16_t> port{}; // null: there is no such service, or the answer did not come in time
};

class Lookups {
public:
    using Clock = Helper::Clock;

    UserAnswer find_user(Uid uid, std::chrono::milliseconds patience);
    UserAnswer find_user(const std::string& name, std::chrono::milliseconds patience);

    HostAnswer find_host(const std::string& name, std::chrono::milliseconds patience);
    PortAnswer find_port(const std::string& service, std::chrono::milliseconds patience);
    /// Returns the names of those services that have one; empty if the answer does not come in time.
    std::map<Service, std::string> find_services(const std::set<Service>& services, std::chrono::milliseconds patience);

    /// Works like read_trusted_file(), but returns null with errno ETIMEDOUT if the file cannot be read in time.
    std::optional<std::string> read_file(const TrustedPlace& place, std::size_t limit, Clock::time_point deadline);
    /// Sends a request to the engine that listens at this socket. If there is no such socket, both the body and the
    /// failure of the answer are empty.
    HttpAnswer ask_engine(const TrustedPlace& socket, std::string_view target, const HttpLimits& limits);

    /// Ends the helper process. The next look-up starts a new one.
    void release();

private:
    std::optional<std::string> ask(const std::string& about, const std::string& question, Clock::time_point deadline);
    UserAnswer find_user(const std::string& question, Clock::time_point deadline);

    std::optional<Helper> helper_;
    /// For each source that hung, the time before which the source is not asked again.
    std::map<std::string, Clock::time_point> rests_until_;
};

} // namespace socktally
