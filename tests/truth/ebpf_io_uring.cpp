// SPDX-License-Identifier: MIT
// io_uring, by the bare system calls: sockets that no send or recv is ever called on, and some that are no descriptors.
#include "exact.hpp"

#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <vector>

using namespace truth;

namespace {

std::array<char, 65'536> buffer;

/// One request at a time.
class Ring {
public:
    explicit Ring(unsigned flags = 0)
    {
        io_uring_params params{};
        params.flags = flags;
        params.sq_thread_idle = 1000;
        fd_ = Fd(must(static_cast<int>(::syscall(SYS_io_uring_setup, 8, &params)), "io_uring_setup"));
        polled_ = (flags & IORING_SETUP_SQPOLL) != 0;
        std::byte* const rings =
            map(std::max<std::size_t>(params.sq_off.array + params.sq_entries * sizeof(unsigned),
                                      params.cq_off.cqes + params.cq_entries * sizeof(io_uring_cqe)),
                IORING_OFF_SQ_RING);
        entries_ = reinterpret_cast<io_uring_sqe*>(map(params.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES));
        submission_tail_ = reinterpret_cast<unsigned*>(rings + params.sq_off.tail);
        submission_flags_ = reinterpret_cast<unsigned*>(rings + params.sq_off.flags);
        mask_ = *reinterpret_cast<unsigned*>(rings + params.sq_off.ring_mask);
        order_ = reinterpret_cast<unsigned*>(rings + params.sq_off.array);
        completion_head_ = reinterpret_cast<unsigned*>(rings + params.cq_off.head);
        completion_tail_ = reinterpret_cast<unsigned*>(rings + params.cq_off.tail);
        completion_mask_ = *reinterpret_cast<unsigned*>(rings + params.cq_off.ring_mask);
        completions_ = reinterpret_cast<io_uring_cqe*>(rings + params.cq_off.cqes);
    }

    /// Its result. A request that completes twice (zero copy) has the first one's.
    int run(const io_uring_sqe& request)
    {
        const unsigned tail = *submission_tail_;
        entries_[tail & mask_] = request;
        order_[tail & mask_] = tail & mask_;
        std::atomic_ref(*submission_tail_).store(tail + 1, std::memory_order_release);
        submit();
        const io_uring_cqe first = next();
        if (first.flags & IORING_CQE_F_MORE) {
            next();
        }
        return first.res;
    }

    void register_file(int fd)
    {
        must(::syscall(SYS_io_uring_register, fd_.get(), IORING_REGISTER_FILES, &fd, 1), "register a descriptor");
    }

private:
    std::byte* map(std::size_t size, off_t offset) const
    {
        void* const area = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_.get(), offset);
        if (area == MAP_FAILED) {
            fail("mmap of io_uring");
        }
        return static_cast<std::byte*>(area);
    }

    void enter(unsigned submit, unsigned wait, unsigned flags) const
    {
        long done = -1;
        do { // it fails with EINTR where it has submitted nothing
            done = ::syscall(SYS_io_uring_enter, fd_.get(), submit, wait, flags, nullptr, 0);
        } while (done < 0 && errno == EINTR);
        must(done, "io_uring_enter");
    }

    void submit() const
    {
        if (!polled_) {
            enter(1, 0, 0);
        } else if (std::atomic_ref(*submission_flags_).load() & IORING_SQ_NEED_WAKEUP) {
            enter(1, 0, IORING_ENTER_SQ_WAKEUP);
        }
    }

    io_uring_cqe next() const
    {
        const unsigned head = *completion_head_;
        while (std::atomic_ref(*completion_tail_).load(std::memory_order_acquire) == head) {
            enter(0, 1, IORING_ENTER_GETEVENTS);
        }
        const io_uring_cqe result = completions_[head & completion_mask_];
        std::atomic_ref(*completion_head_).store(head + 1, std::memory_order_release);
        return result;
    }

    Fd fd_;
    bool polled_ = false;
    unsigned mask_ = 0;
    unsigned completion_mask_ = 0;
    io_uring_sqe* entries_ = nullptr;
    unsigned* submission_tail_ = nullptr;
    unsigned* submission_flags_ = nullptr;
    unsigned* order_ = nullptr;
    unsigned* completion_head_ = nullptr;
    unsigned* completion_tail_ = nullptr;
    io_uring_cqe* completions_ = nullptr;
};

bool has_io_uring()
{
    io_uring_params params{};
    const Fd probe(static_cast<int>(::syscall(SYS_io_uring_setup, 1, &params)));
    return probe.get() >= 0;
}

io_uring_sqe request(std::uint8_t operation, int fd, std::size_t bytes, std::uint8_t flags)
{
    io_uring_sqe result{};
    result.opcode = operation;
    result.flags = flags;
    result.fd = fd;
    result.addr = reinterpret_cast<std::uintptr_t>(buffer.data());
    result.len = static_cast<std::uint32_t>(std::min(bytes, buffer.size()));
    return result;
}

/// How a worker uses its ring.
struct Use {
    unsigned ring_flags = 0;
    std::uint8_t request_flags = 0; // IOSQE_FIXED_FILE: the socket is registered, and its descriptor closed
    std::uint8_t send = IORING_OP_SEND;
    std::uint8_t receive = IORING_OP_RECV;
};

/// Sends and receives by turns through a ring.
void talk(Self& self, int fd, const Use& use, std::size_t tx, std::size_t rx)
{
    Ring ring(use.ring_flags);
    if (use.request_flags & IOSQE_FIXED_FILE) {
        ring.register_file(fd);
        self.close(fd);
        fd = 0;
    }
    const auto move = [&](std::uint8_t operation, std::size_t bytes) {
        const int result = ring.run(request(operation, fd, bytes, use.request_flags));
        errno = -result;
        return static_cast<std::size_t>(must(result, "a request of io_uring"));
    };
    while (tx > 0 || rx > 0) {
        if (tx > 0) {
            tx -= static_cast<std::size_t>(
                self.count_tx(static_cast<ssize_t>(move(use.send, std::min<std::size_t>(tx, 5000)))));
        }
        if (rx > 0) {
            const std::size_t got = move(use.receive, std::min<std::size_t>(rx, 5000));
            if (got == 0) {
                throw std::runtime_error("the peer ended early");
            }
            rx -= static_cast<std::size_t>(self.count_rx(static_cast<ssize_t>(got)));
        }
    }
}

Measured run(const Use& use)
{
    Stage stage;
    start_connection(
        stage, [](Self& self, int fd) { self.exchange(fd, 1'000'000, 1'500'000); },
        [=](Self& self, int fd) { talk(self, fd, use, 1'500'000, 1'000'000); });
    return stage.measure();
}

} // namespace

TEST_CASE("exact: io_uring")
{
    TRUTH_EXACT_ONLY();
    if (!has_io_uring()) {
        TRUTH_SKIP("this kernel allows no io_uring");
    }
    SUBCASE("send and recv") { check(run({})); }
    SUBCASE("read and write") { check(run({.send = IORING_OP_WRITE, .receive = IORING_OP_READ})); }
    SUBCASE("by the kernel's worker threads") { check(run({.request_flags = IOSQE_ASYNC})); }
    SUBCASE("by a kernel thread that polls") { check(run({.ring_flags = IORING_SETUP_SQPOLL})); }
    SUBCASE("with direct descriptors") { check(run({.request_flags = IOSQE_FIXED_FILE})); }
    SUBCASE("with direct descriptors, by a kernel thread that polls")
    {
        check(run({.ring_flags = IORING_SETUP_SQPOLL, .request_flags = IOSQE_FIXED_FILE}));
    }
    SUBCASE("with direct descriptors, in another network namespace")
    {
        const Netns other;
        Stage stage;
        start_connection(
            stage, {.net = &other}, [](Self& self, int fd) { self.exchange(fd, 100'000, 150'000); },
            [](Self& self, int fd) { talk(self, fd, {.request_flags = IOSQE_FIXED_FILE}, 150'000, 100'000); });
        check(stage.measure());
    }
#ifdef IORING_CQE_F_NOTIF // zero copy is as old as this
    SUBCASE("with zero copy") { check(run({.send = IORING_OP_SEND_ZC})); }
#endif
}

TEST_CASE("exact: io_uring with datagrams")
{
    TRUTH_EXACT_ONLY();
    if (!has_io_uring()) {
        TRUTH_SKIP("this kernel allows no io_uring");
    }
    Stage stage;
    stage.start("t-ring", [](Self& self) {
        const int fd = self.udp({"127.0.0.1", 7001});
        self.aim(fd, {"127.0.0.1", 7001});
        self.step();
        for (int count = 0; count < 30; ++count) {
            talk(self, fd, {}, 1200, 1200);
        }
    });
    check(stage.measure());
}
