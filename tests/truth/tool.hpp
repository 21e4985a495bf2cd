// SPDX-License-Identifier: MIT
// One run of socktally as a child process, and what it printed as plain data.
#pragma once

#include "ledger.hpp"
#include "pace.hpp"
#include "place.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace truth {

/// The program under test and the backend it is told to use: SOCKTALLY and SOCKTALLY_BACKEND of the environment.
std::string tool_path();
std::string backend_name();

/// Whether this backend counts datagrams here: netlink does where packets can be captured.
bool counts_datagrams();

/// A row of any grouping; what this grouping has no field for is null.
struct Row {
    std::optional<std::int64_t> pid;
    std::optional<std::uint64_t> start_time;
    std::string process;
    std::string user;
    std::optional<std::uint64_t> uid;
    std::string protocol;
    std::string local_address;
    std::string remote_address;
    std::uint64_t local_port = 0;
    std::uint64_t remote_port = 0;
    std::uint64_t port = 0;
    std::string interface;
    std::string outbound;
    std::optional<std::uint64_t> rx_bytes;
    std::optional<std::uint64_t> tx_bytes;
    std::optional<std::uint64_t> rx_packets; // these four are null unless asked for
    std::optional<std::uint64_t> tx_packets;
    std::optional<std::uint64_t> rx_ip_bytes;
    std::optional<std::uint64_t> tx_ip_bytes;
    std::string state; // these three are null or empty unless asked for
    std::optional<std::uint64_t> rtt_us;
    std::optional<std::uint64_t> retransmitted_bytes;
    std::string exe; // these eight are empty unless asked for
    std::string command;
    std::string cgroup;
    std::string unit;
    std::string container_id;
    std::string pod;
    std::string netns;
    std::string shared_with;
    std::uint64_t connections = 0;
    std::string attribution;
};

struct Report {
    std::string text; // the JSON itself
    std::string backend;
    std::string layer;
    std::chrono::system_clock::time_point ended_at; // its window
    bool complete = true;
    std::vector<std::string> notes;      // their codes
    std::uint64_t unjudged_rx_bytes = 0; // by the filters, as the note says
    std::uint64_t unjudged_tx_bytes = 0;
    std::uint64_t rx_bytes = 0; // of the totals
    std::uint64_t tx_bytes = 0;
    std::uint64_t unattributed_rx_bytes = 0;
    std::uint64_t unattributed_tx_bytes = 0;
    std::vector<Row> rows;
    std::vector<Row> others; // what else goes on on this machine, where the backend sees it; no part of the sums

    bool has_note(const std::string& code) const;
};

/// Throws where `text` is not one JSON object of the schema socktally/1 with one trailing newline.
Report parse_report(const std::string& text);

/// Of several windows, one after another.
std::vector<Report> parse_reports(const std::string& text);

struct Output {
    int status; // as from waitpid
    std::string out;
    std::string err;
};

/// A window that ends when the test says so.
inline constexpr Milliseconds until_told{3'600'000};

class Tool {
public:
    /// Starts `socktally -b BACKEND -d WINDOW -f json --all -vv ARGUMENTS…` there. A window of 0 measures none.
    Tool(const Place& place, Milliseconds window, const std::vector<std::string>& arguments = {});
    Tool(const Tool&) = delete;
    Tool& operator=(const Tool&) = delete;
    ~Tool();

    /// Returns when it says that its window has begun.
    void wait_until_sampling();
    void signal(int number) const;
    /// Ends the window under way.
    void end_window() const;
    /// Returns when so many windows are over, or the tool is.
    void wait_for_windows(int windows);

    /// Writes down from here on what the trace says.
    void tell(Ledger& ledger, int number)
    {
        ledger_ = &ledger;
        number_ = number;
    }
    /// Where the trace comes from, for whoever waits for other things too; -1: the tool is over.
    int trace_fd() const { return err_.get(); }
    void read_trace();
    void poll_once();
    const std::string& said() const { return err_text_; }

    Output finish();

private:
    void take_lines();
    void wait_for(const std::function<bool()>& condition, const char* what);

    Ledger* ledger_ = nullptr;
    int number_ = 0; // among the tools that run beside each other
    Fd out_;
    Fd err_;
    std::string out_text_;        // read so far
    std::string err_text_;        // read so far
    std::size_t lines_taken_ = 0; // bytes of it
    bool is_sampling_ = false;
    int windows_ = 0; // that are over
    pid_t pid_ = -1;
};

} // namespace truth
