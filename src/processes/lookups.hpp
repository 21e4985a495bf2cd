// SPDX-License-Identifier: MIT
// Look-ups that may hang: users, hosts and services in the system's databases (nsswitch.conf), and files and sockets of
// container engines. Databases and file systems may be on servers, so a helper process makes each look-up, with a
// deadline. A look-up that has hung is not repeated for a hundred times its deadline.
#pragma once

#include "linux/file.hpp"
#include "linux/helper.hpp"
#include "linux/unix_http.hpp"
#include "model/address.hpp"
#include "model/ids.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
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
    std::optional<User> user{}; // null: there is no such user, or no answer came in time
};

struct HostAnswer {
    std::vector<Address> addresses{}; // empty: there is no such host, or see `failure`
    std::string failure{};            // why the host could not be looked up: "it did not answer in time"
};

struct PortAnswer {
    bool in_time = true;
    std::optional<std::uint16_t> port{}; // null: there is no such service, or no answer came in time
};

class Lookups {
public:
    using Clock = Helper::Clock;

    UserAnswer find_user(Uid uid, std::chrono::milliseconds patience);
    UserAnswer find_user(const std::string& name, std::chrono::milliseconds patience);

    HostAnswer find_host(const std::string& name, std::chrono::milliseconds patience);
    PortAnswer find_port(const std::string& service, std::chrono::milliseconds patience);

    /// Works like read_trusted_file(), but sets errno to ETIMEDOUT if the file cannot be read in time.
    std::optional<std::string> read_file(const TrustedPlace& place, std::size_t limit, Clock::time_point deadline);
    /// Sends a request to the engine at this socket. If there is no such socket, body and failure of the answer are
    /// empty.
    HttpAnswer ask_engine(const TrustedPlace& socket, std::string_view target, const HttpLimits& limits);

    /// Ends the helper process. The next look-up starts a new one.
    void release();

private:
    std::optional<std::string> ask(const std::string& about, const std::string& question, Clock::time_point deadline);
    UserAnswer find_user(const std::string& question, Clock::time_point deadline);

    std::optional<Helper> helper_;
    std::map<std::string, Clock::time_point> rests_until_; // when a source that hung may be asked again, by its name
};

} // namespace socktally
