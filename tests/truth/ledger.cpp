// SPDX-License-Identifier: MIT
// The ledger: a fixed array in shared memory, one entry a process, never reused.
#include "ledger.hpp"
#include "fd.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace truth {

namespace {
constexpr std::size_t capacity = 16'384;
constexpr std::size_t room_for_lines = 4 << 20;

/// Lists the processes of all cases.
struct Register {
    struct Entry {
        std::atomic<unsigned> number{0}; // of the case; 0: not yet written
        Identity identity;
    };
    std::atomic<std::size_t> used{0};
    std::array<Entry, 8 * capacity> entries;
};

Register* all_cases = nullptr; // null: there is but one
unsigned this_case = 0;

/// Zeros, anonymous or of a file.
template <typename T>
T* shared_memory(int file = -1)
{
    const int flags = MAP_SHARED | (file < 0 ? MAP_ANONYMOUS : 0);
    void* memory = ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, flags, file, 0);
    if (memory == MAP_FAILED)
        fail("mmap");
    return static_cast<T*>(memory);
}

constexpr const char* register_path = "/dev/shm/socktally-truth";
Fd register_file; // locked by each run that uses it

bool is_alone() { return ::flock(register_file.get(), LOCK_EX | LOCK_NB) == 0; }

} // namespace

void begin_register()
{
    struct stat status {};
    if (::access("/dev/shm", W_OK) != 0) { // a machine of its own, as in tests/kernels
        all_cases = shared_memory<Register>();
        return;
    }
    while (status.st_nlink == 0) { // else a run that ended has just removed it
        register_file = Fd(must(::open(register_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), register_path));
        if (is_alone()) // what there is was left by a run that was killed
            must(::ftruncate(register_file.get(), 0), register_path);
        must(::flock(register_file.get(), LOCK_SH), register_path);
        must(::ftruncate(register_file.get(), sizeof(Register)), register_path);
        must(::fstat(register_file.get(), &status), register_path);
    }
    all_cases = shared_memory<Register>(register_file.get());
}

void end_register()
{
    if (register_file.get() >= 0 && is_alone())
        ::unlink(register_path);
}
void begin_case(unsigned number) { this_case = number; }

bool is_of_another_case(const Identity& identity)
{
    bool is_of_another = false;
    for (std::size_t index = 0; all_cases && index < std::min(all_cases->entries.size(), all_cases->used.load());
         ++index) {
        const Register::Entry& entry = all_cases->entries.at(index);
        if (entry.number != 0 && entry.identity == identity) {
            if (entry.number == this_case)
                return false;
            is_of_another = true;
        }
    }
    return is_of_another;
}

struct Ledger::Shared {
    std::atomic<std::size_t> used{0};
    std::array<Account, capacity> accounts;
    std::atomic<unsigned> searchers{0}; // a bit for each tool that looks for owners
    std::atomic<int> windows{0};
    std::atomic<bool> is_last_window{false};
    std::atomic<std::size_t> lines_size{0};
    std::array<char, room_for_lines> lines; // each behind and before a newline; written by the test only
};

Identity own_identity()
{
    std::ifstream file("/proc/self/stat");
    const std::string stat{std::istreambuf_iterator<char>(file), {}};
    std::istringstream rest(stat.substr(stat.rfind(')') + 1));
    std::string field;
    for (int number = 3; number <= 22 && rest >> field; ++number) {
    }
    return {.pid = ::getpid(), .start_time = std::strtoull(field.c_str(), nullptr, 10)};
}

Ledger::Ledger() : shared_(shared_memory<Shared>()) {}

Ledger::~Ledger() { ::munmap(shared_, sizeof(Shared)); }

Account& Ledger::open()
{
    const std::size_t index = shared_->used.fetch_add(1);
    if (index >= capacity)
        throw std::length_error("the ledger is full");
    Account& account = shared_->accounts.at(index);
    account.identity = own_identity();
    account.uid = ::geteuid();
    must(::prctl(PR_GET_NAME, account.name), "prctl");
    struct stat netns {};
    must(::stat("/proc/self/ns/net", &netns), "stat /proc/self/ns/net");
    account.netns = netns.st_ino;
    account.filled = true;
    if (const std::size_t number = all_cases ? all_cases->used.fetch_add(1) : 0;
        all_cases && number < all_cases->entries.size()) {
        Register::Entry& entry = all_cases->entries.at(number);
        entry.identity = account.identity;
        entry.number = this_case;
    }
    return account;
}

bool Ledger::is_resting(pid_t pid) const
{
    const auto* const begin = shared_->accounts.begin();
    return std::any_of(begin, begin + std::min(capacity, shared_->used.load()), [=](const Account& account) {
        return account.filled && account.identity.pid == pid && account.resting;
    });
}

void Ledger::begin_watch()
{
    shared_->searchers = 0;
    shared_->windows = 0;
    shared_->is_last_window = false;
    shared_->lines.front() = '\n';
    shared_->lines_size = 1;
}

void Ledger::add_searcher(int tool) { shared_->searchers |= 1U << tool; }
int Ledger::windows() const { return shared_->windows; }
void Ledger::begin_last_window() { shared_->is_last_window = true; }
bool Ledger::is_last_window() const { return shared_->is_last_window; }

void Ledger::add_line(int tool, std::string_view text)
{
    const std::string line = std::to_string(tool) + ' ' + std::string(text);
    const std::size_t end = shared_->lines_size;
    if (end + line.size() + 1 > room_for_lines)
        throw std::length_error("the trace is too long");
    line.copy(shared_->lines.data() + end, line.size());
    shared_->lines.at(end + line.size()) = '\n';
    shared_->lines_size = end + line.size() + 1;
    shared_->windows += text.starts_with("window ") ? 1 : 0;
}

bool Ledger::has_line(std::string_view line, int times) const
{
    const std::string_view lines(shared_->lines.data(), shared_->lines_size);
    const auto has = [&](int tool) {
        const std::string whole =
            '\n' + std::to_string(tool) + ' ' + std::string(line) + (line.ends_with(':') ? "" : "\n");
        int count = 0;
        for (auto at = lines.find(whole); at != lines.npos; at = lines.find(whole, at + 1))
            ++count;
        return count >= times;
    };
    for (int tool = 0; shared_->searchers >> tool != 0; ++tool) {
        if ((shared_->searchers >> tool & 1U) != 0 && !has(tool))
            return false;
    }
    return true;
}

Truth Ledger::read(std::optional<std::uint64_t> netns) const
{
    Truth truth;
    for (std::size_t index = 0; index < std::min(capacity, shared_->used.load()); ++index) {
        const Account& account = shared_->accounts.at(index);
        if (!account.filled || (netns && account.netns != *netns)) {
            continue;
        }
        Figures& figures = truth[account.identity];
        ++figures.processes;
        figures.name = account.name;
        figures.uid = account.uid;
        figures.rx_bytes += account.rx_bytes;
        figures.tx_bytes += account.tx_bytes;
        figures.connections += account.connections;
    }
    return truth;
}

Truth since(const Truth& before, Truth after)
{
    for (const auto& [identity, earlier] : before) {
        Figures& figures = after[identity];
        figures.rx_bytes -= earlier.rx_bytes;
        figures.tx_bytes -= earlier.tx_bytes;
    }
    return after;
}

Figures sum(const Truth& truth)
{
    Figures sum;
    for (const auto& [identity, figures] : truth) {
        sum.rx_bytes += figures.rx_bytes;
        sum.tx_bytes += figures.tx_bytes;
        sum.connections += figures.connections;
    }
    return sum;
}

} // namespace truth
