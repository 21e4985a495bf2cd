// SPDX-License-Identifier: MIT
// TLS in the kernel: the payload is what the application sends and gets, not the records that TCP carries.
#include "exact.hpp"
#include "splice.hpp"

#include <linux/tls.h>
#include <netinet/tcp.h>

using namespace truth;

namespace {

constexpr int tls_level = 282; // SOL_TLS

/// False where this kernel has no TLS. (A socket without a connection is refused with another errno.)
bool has_tls()
{
    const Fd probe(must(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    return ::setsockopt(probe.get(), IPPROTO_TCP, TCP_ULP, "tls", sizeof "tls") == 0 || errno != ENOENT;
}

/// From now on this connection carries TLS. Both ends use one key: nobody is to be kept from reading.
void encrypt(int fd)
{
    must(::setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof "tls"), "TCP_ULP");
    tls12_crypto_info_aes_gcm_128 keys{};
    keys.info.version = TLS_1_2_VERSION;
    keys.info.cipher_type = TLS_CIPHER_AES_GCM_128;
    set_option(fd, tls_level, TLS_TX, keys);
    set_option(fd, tls_level, TLS_RX, keys);
}

} // namespace

TEST_CASE("exact: TLS in the kernel")
{
    TRUTH_EXACT_ONLY();
    if (!has_tls()) {
        TRUTH_SKIP("this kernel has no TLS");
    }
    const auto run = [](const Talk& server, const Talk& client) {
        Stage stage;
        start_connection(stage, server, client);
        return stage.measure();
    };
    SUBCASE("send and recv")
    {
        check(run([](Self& self, int fd) { encrypt(fd), self.exchange(fd, 400'000, 700'000); },
                  [](Self& self, int fd) { encrypt(fd), self.exchange(fd, 700'000, 400'000); }));
    }
    SUBCASE("begun in the middle of a connection")
    {
        const Talk talk = [](Self& self, int fd) {
            self.exchange(fd, 30'000, 30'000);
            encrypt(fd);
            self.exchange(fd, 50'000, 50'000);
        };
        check(run(talk, talk));
    }
    SUBCASE("sendfile")
    {
        check(run([](Self& self, int fd) { encrypt(fd), self.receive(fd, 500'000); },
                  [](Self& self, int fd) { encrypt(fd), send_file(self, fd, 500'000); }));
    }
}
