// SPDX-License-Identifier: MIT
// Which backend is taken, and what doctor says of each.
#include "commands/backends.hpp"
#include "commands/commands.hpp"
#include "linux/privileges.hpp"
#include "unit/captured_output.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace socktally;
using namespace socktally::test;

namespace {

class FakeBackend final : public Backend {
public:
    BackendResult sample(const SampleRequest&) override { return {}; }
    std::string variant() const override { return "runs as a fake"; }
    std::vector<Note> limits() const override
    {
        return {{NoteCode::udp_bytes, "sees no UDP", "buy another kernel"},
                {NoteCode::other_netns, "sees one place", ""}};
    }
};

OpenResult opens(const BackendOptions&) { return std::make_unique<FakeBackend>(); }
OpenResult refuses(const BackendOptions&) { return Unavailable{"no such thing", "make it"}; }
OpenResult refuses_for_good(const BackendOptions&) { return Unavailable{"never", ""}; }
OpenResult refuses_for_want_of_privilege(const BackendOptions&)
{
    return Unavailable{"forbidden", std::string(privilege_remedy)};
}
OpenResult must_not_be_opened(const BackendOptions&)
{
    FAIL("a backend was opened that nobody asked for");
    return Unavailable{};
}

using Table = std::vector<BackendEntry>;

template <typename Error>
std::string message_of(const std::string& wanted, const Table& table)
{
    try {
        choose_backend(wanted, {}, table);
    } catch (const Error& error) {
        return error.what();
    }
    return "nothing was thrown";
}

std::string doctor(const Table& table, const Format* format, Exit expected, const std::string& backend = "auto")
{
    Options options;
    options.command = Command::doctor;
    options.backend = backend;
    options.format = format;
    const CapturedOutput output;
    const Exit exit = run_doctor(options, table);
    CHECK(exit == expected);
    return output.text();
}

} // namespace

TEST_CASE("auto takes the first backend that opens and remembers why the better ones did not")
{
    const Table table{{"best", "magic", refuses}, {"good", "luck", opens}, {"poor", "guesses", must_not_be_opened}};
    const Choice choice = choose_backend("auto", {}, table);
    CHECK(choice.backend);
    CHECK(choice.name == "good");
    REQUIRE(choice.declined.size() == 1);
    CHECK(choice.declined[0].name == "best");
    CHECK(choice.declined[0].reason.why == "no such thing");
    CHECK(choice.declined[0].reason.remedy == "make it");
}

TEST_CASE("a backend that was named is the only one tried")
{
    const Table table{
        {"best", "magic", must_not_be_opened}, {"good", "luck", opens}, {"poor", "guesses", must_not_be_opened}};
    const Choice choice = choose_backend("good", {}, table);
    CHECK(choice.backend);
    CHECK(choice.name == "good");
    CHECK(choice.declined.empty());

    const Table refusing{{"best", "magic", refuses}, {"good", "luck", must_not_be_opened}};
    CHECK(message_of<BackendUnavailable>("best", refusing) == "the best backend is unavailable: no such thing");
    try {
        choose_backend("best", {}, refusing);
    } catch (const BackendUnavailable& error) {
        CHECK(error.remedy == "make it");
    }
}

TEST_CASE("where no backend opens, the last one's reason stands for all")
{
    CHECK(message_of<BackendUnavailable>("auto", {{"best", "magic", refuses}, {"poor", "guesses", refuses_for_good}}) ==
          "no backend works here; poor: never");
}

TEST_CASE("a backend is not opened where there is no room for its files, and that is the reason")
{
    constexpr std::size_t many = std::size_t{1} << 30;
    Table table{{"best", "magic", must_not_be_opened}, {"good", "luck", opens}};
    table[0].files = many;
    table[1].files = 3;
    const Choice choice = choose_backend("auto", {}, table);
    CHECK(choice.name == "good");
    REQUIRE(choice.declined.size() == 1);
    CHECK(choice.declined[0].reason.why == "the limit of open files is too low: 1073741824 more are needed");
    CHECK(choice.declined[0].reason.remedy == "ulimit -n 1024");
}

TEST_CASE("a name that is no backend is wrong usage, before anything is opened")
{
    const Table table{{"netlink", "", must_not_be_opened}, {"procfs", "", must_not_be_opened}};
    CHECK(message_of<UsageError>("netlnik", table) == "unknown backend \"netlnik\": did you mean \"netlink\"?");
    CHECK(message_of<UsageError>("zzzzzz", table) ==
          "unknown backend \"zzzzzz\": valid ones are auto, netlink, procfs");
    CHECK(message_of<UsageError>("AUTO", table) != "nothing was thrown");
    CHECK(message_of<UsageError>("", table) != "nothing was thrown");
}

TEST_CASE("doctor lists every backend with what it cannot see or why it does not work")
{
    const Table table{{"best", "magic", refuses}, {"good", "luck", opens}, {"poor", "guesses", refuses_for_good}};
    CHECK(doctor(table, find_format("tsv"), Exit::ok) == "backend\tstatus\tfinding\tremedy\n"
                                                         "best\tdeclined\tno such thing\tmake it\n"
                                                         "good\tworks\tluck\t\n"
                                                         "good\tvariant\truns as a fake\t\n"
                                                         "good\tlimited\tsees no UDP\tbuy another kernel\n"
                                                         "good\tlimited\tsees one place\t\n"
                                                         "poor\tdeclined\tnever\t\n");
    CHECK(doctor({{"poor", "guesses", refuses_for_good}}, find_format("json"), Exit::unavailable) ==
          "{\"findings\":[\n"
          "{\"backend\":\"poor\",\"status\":\"declined\",\"finding\":\"never\",\"remedy\":null}\n]}\n");
    CHECK(doctor({{"poor", "guesses", refuses_for_good}}, find_format("pretty"), Exit::unavailable) ==
          "backend  status    finding  remedy\n"
          "poor     declined  never\n");
}

TEST_CASE("doctor tells of a backend that is named, and only of it, how to grant what it needs and take it back")
{
    const Table table{{"best", "magic", must_not_be_opened}, {"good", "luck", refuses, "cap_net_raw"}};
    const std::string text = doctor(table, find_format("tsv"), Exit::unavailable, "good");
    CHECK(text.find("best") == text.npos);
    CHECK(text.find("\ngood\tdeclined\tno such thing\tmake it\n") != text.npos);
    const auto mode = text.find("\tchmod 0750 ");
    const auto granted = text.find("\tsetcap cap_net_raw=ep \"$(command -v socktally)\"\n");
    const auto revoked = text.find("\tsetcap -r \"$(command -v socktally)\"\n");
    REQUIRE(revoked != text.npos);
    CHECK(text.find("\tgroupadd ") < text.find("\tchgrp socktally "));
    CHECK(text.find("\tchgrp socktally ") < mode); // chgrp(1) would clear capabilities
    CHECK(mode < granted);                         // nobody else is to have them for a moment
    CHECK(granted < revoked);
    CHECK(revoked < text.find("\tchmod 0755 "));
    CHECK(text.find("\ngood\texposes\tcap_net_raw: ") != text.npos);
    CHECK(text.find("cap_bpf") == text.npos);
    CHECK_THROWS_AS(doctor(table, find_format("tsv"), Exit::ok, "bset"), UsageError);
}

TEST_CASE("if a privilege is missing, doctor prints the setcap line, and everything else refers to doctor")
{
    const Table table{{"best", "magic", refuses_for_want_of_privilege, "cap_net_raw"}};
    const std::string obstacle(file_capabilities_obstacle()); // no_new_privs, say
    const auto remedy = [&](const std::string& wanted) -> std::string {
        try {
            choose_backend(wanted, {}, table);
        } catch (const BackendUnavailable& error) {
            return error.remedy;
        }
        return "nothing was thrown";
    };
    const std::string hint = obstacle.empty() ? std::string(privilege_remedy) : obstacle;
    CHECK(remedy("best") == hint);
    CHECK(remedy("auto") == hint);
    const auto line = [&](std::string_view capabilities) {
        const std::string command = fmt::format("setcap {}=ep \"$(command -v socktally)\"", capabilities);
        return "\tforbidden\t" + (obstacle.empty() ? command : obstacle) + "\n";
    };
    const auto told = [&](const std::string& wanted) {
        return doctor(table, find_format("tsv"), Exit::unavailable, wanted);
    };
    CHECK(told("best").find(line("cap_net_raw")) != std::string::npos);
    CHECK(told("auto").find(line(all_capabilities)) != std::string::npos);
}

TEST_CASE("doctor does not send people to doctor")
{
    CHECK(command_remedy("use -b ebpf to count them (see socktally doctor)", "cap_bpf") == "use -b ebpf to count them");
    CHECK(command_remedy("see socktally doctor for what better backends need", "cap_bpf").empty());
    CHECK(command_remedy("ulimit -n 1024", "cap_bpf") == "ulimit -n 1024");
}

TEST_CASE("what a capability is used for is said of the backend that is named")
{
    const auto exposed = [](std::string_view name) {
        const Table table{{name, "magic", refuses, "cap_net_admin"}};
        return doctor(table, find_format("tsv"), Exit::unavailable, std::string(name));
    };
    CHECK(exposed("ebpf").find("\tcap_net_admin: counts packets and sees the peers of UDP sockets; ") !=
          std::string::npos);
    CHECK(exposed("netlink").find("\tcap_net_admin: enlarges the buffer for events") != std::string::npos);
    CHECK(exposed("netlink").find("packets") == std::string::npos);
}

TEST_CASE("a sample names each better backend that declined, and stays complete")
{
    const Note note = declined_note({"best", {"no such thing", "make it"}});
    CHECK(note.code == NoteCode::backend_declined);
    CHECK(note.message == "the best backend, which sees more, is unavailable: no such thing");
    CHECK(note.remedy == "make it");
    CHECK_FALSE(note.incomplete);
}

TEST_CASE("the list of columns has every column, with or without header")
{
    Options options;
    options.format = find_format("tsv");
    const auto listed = [&] {
        const CapturedOutput output;
        CHECK(run_list_columns(options) == Exit::ok);
        return output.text();
    };
    const std::string text = listed();
    CHECK(text.starts_with("name\ttype\tunit\tdescription\n"));
    CHECK(text.find("\nrx_bytes\tinteger\tbytes\t") != text.npos);
    options.header = false;
    CHECK(listed() == text.substr(text.find('\n') + 1));
}
