// SPDX-License-Identifier: MIT
#include "traffic/netlink/netlink_backend.hpp"

#include "linux/interrupt.hpp"
#include "linux/netlink_socket.hpp"
#include "sockets/diag.hpp"
#include "traffic/netlink/notes.hpp"
#include "traffic/netlink/sampling.hpp"

#include <unistd.h>

#include <memory>
#include <system_error>

namespace socktally {

namespace {

class NetlinkBackend final : public Backend {
public:
    explicit NetlinkBackend(const BackendOptions& options) : options_(options) {}
    BackendResult sample(const SampleRequest& request) override;
    std::vector<Note> limits() const override { return netlink_limits(); }

private:
    BackendOptions options_;
    std::unique_ptr<Sampling> sampling_; // null where no window was before, or none was to follow
};

BackendResult NetlinkBackend::sample(const SampleRequest& request)
{
    if (options_.totals) {
        return Sampling(options_).totals(request);
    }
    if (!sampling_) {
        sampling_ = std::make_unique<Sampling>(options_);
    }
    BackendResult result = sampling_->next(request);
    if (!options_.repeated || request.last || request.interrupt->signal() != 0) {
        sampling_.reset();
    }
    return result;
}

} // namespace

OpenResult open_netlink(const BackendOptions& options)
{
    if (::access("/proc/self/stat", R_OK) != 0) {
        return Unavailable{"/proc is not there to find the owners of sockets in", "mount -t proc proc /proc"};
    }
    try {
        NetlinkSocket socket(NetlinkSocket::Mode::blocking);
        auto request = tcp_dump_request(state_bit(TcpState::listen), DiagDetail::sockets);
        const int error = exchange(socket, request, [](const NetlinkMessage&) {});
        if (error != 0) {
            return netlink_refusal(error);
        }
    } catch (const std::system_error& failure) {
        return netlink_refusal(failure.code().value());
    }
    return std::make_unique<NetlinkBackend>(options);
}

} // namespace socktally
