// SPDX-License-Identifier: MIT
// Names of containers: from files as the engines write them and answers as they give them, and from hostile ones.
#include "fake_daemon.hpp"
#include "fixture_proc.hpp"
#include "open_counter.hpp"
#include "processes/container_json.hpp"
#include "processes/container_names.hpp"
#include "processes/identifier.hpp"
#include "processes/process_files.hpp"
#include "table/flow_rows.hpp"
#include "temp_directory.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>

using namespace socktally;
using namespace socktally::test;

namespace {

using Manner = FakeDaemon::Manner;
namespace fs = std::filesystem;

const std::string id_a = std::string(60, 'a') + "0001";
const std::string id_b = std::string(60, 'b') + "0002";

std::string answer(std::string_view body)
{
    return "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + std::string(body);
}

/// As Docker 20.10 writes it, shortened.
std::string docker_config(const std::string& id)
{
    return R"({"StreamConfig":{},"State":{"Running":true,"Pid":4711},"ID":")" + id +
           R"(","Created":"2026-11-20T21:32:00Z","Config":{"Hostname":"x","Image":"nginx:1.25","Labels":{}},)"
           R"("NetworkSettings":{"Ports":{"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"8080"}]}},"Name":"/web"})";
}

std::string docker_list(const std::string& id)
{
    return R"([{"Id":")" + id +
           R"(","Names":["/other/alias","/api"],"Image":"api:2","Labels":{"io.kubernetes.pod.name":"front",)"
           R"("io.kubernetes.pod.namespace":"shop"},"Ports":[]},{"Id":"nonsense","Names":["/x"]}])";
}

/// As Podman 4.3 writes it.
std::string storage_list(const std::string& id)
{
    return R"([{"id":")" + id +
           R"(","names":["db"],"image":"0123","layer":"4567","metadata":"{\"image-name\":\"docker.io/library/)"
           R"(postgres:16\",\"image-id\":\"0123\",\"name\":\"db\",\"created-at\":1700000000}","created":"x"}])";
}

/// As CNI keeps it for Podman 4.3, shortened.
std::string cni_result(const std::string& id)
{
    return R"({"kind":"cniCacheV1","containerId":")" + id +
           R"(","config":"ewo=","ifName":"eth0","networkName":"my-net","cniArgs":[["IgnoreUnknown","1"],)"
           R"(["K8S_POD_NAME","front"]],"capabilityArgs":{"aliases":{"my-net":["x"]},"portMappings":[)"
           R"({"hostPort":8082,"containerPort":80,"protocol":"tcp"}]},"result":{"cniVersion":"0.4.0"}})";
}

constexpr std::chrono::milliseconds long_patience = std::chrono::minutes(1); // an engine that answers is never late
constexpr std::chrono::milliseconds short_patience(300);

/// A machine's files below a directory, all of this user's.
class FakeMachine {
public:
    explicit FakeMachine(std::chrono::milliseconds patience = long_patience) : patience_(patience) {}

    void write(const std::string& path, std::string_view text) const
    {
        const fs::path file = directory_.path() / path;
        fs::create_directories(file.parent_path());
        std::ofstream(file, std::ios::binary) << text;
    }
    fs::path path(const std::string& below) const { return directory_.path() / below; }
    ContainerPlaces places() const { return {directory_.path(), Uid{::geteuid()}, patience_}; }
    ContainerNames find(const std::vector<std::string>& cgroups) const
    {
        std::vector<CgroupPlace> wanted;
        for (const std::string& cgroup : cgroups) {
            wanted.push_back(place_of(cgroup));
        }
        ContainerNames names(places());
        names.find(wanted);
        return names;
    }

private:
    TempDirectory directory_;
    std::chrono::milliseconds patience_;
};

} // namespace

TEST_CASE("what Docker writes and answers")
{
    const auto config = parse_docker_config(docker_config(id_a));
    REQUIRE(config);
    CHECK(config->id == id_a);
    CHECK(config->name == "web");
    CHECK(config->image == "nginx:1.25");
    CHECK_FALSE(config->pod);
    const auto list = parse_docker_list(docker_list(id_b));
    REQUIRE(list);
    REQUIRE(list->size() == 1);
    CHECK(list->front().id == id_b);
    CHECK(list->front().name == "api");
    CHECK(list->front().image == "api:2");
    CHECK(list->front().pod == "front");
    CHECK(list->front().pod_namespace == "shop");
    CHECK(parse_docker_root(R"({"data-root":"/srv/docker"})") == "/srv/docker");
    CHECK_FALSE(parse_docker_root(R"({"data-root":"srv"})"));
    CHECK_FALSE(parse_docker_root("{}"));
}

TEST_CASE("what Podman writes and answers")
{
    const auto stored = parse_storage_list(storage_list(id_a));
    REQUIRE(stored);
    REQUIRE(stored->size() == 1);
    CHECK(stored->front().name == "db");
    CHECK(stored->front().image == "docker.io/library/postgres:16");
    const auto list = parse_podman_list(R"([{"Id":")" + id_a +
                                        R"(","Names":["db"],"Image":"docker.io/library/postgres:16","Pod":"x",)"
                                        R"("PodName":"store","Labels":null,"Ports":null}])");
    REQUIRE(list);
    CHECK(list->at(0).name == "db");
    CHECK(list->at(0).pod == "store");
}

TEST_CASE("what CNI keeps of the containers of Podman and their pods")
{
    const auto result = parse_cni_result(cni_result(id_a));
    REQUIRE(result);
    CHECK(result->pod == "front");
    REQUIRE(result->ports.value().size() == 1);
    CHECK(to_string(result->ports->front()) == "0.0.0.0:8082->80/tcp");
    CHECK_FALSE(parse_cni_result("[]"));
    CHECK_FALSE(parse_cni_result(R"({"containerId":"../x"})"));

    const std::string pod(64, 'c');
    const auto path = [](const std::string& id) { return "var/lib/cni/results/my-net-" + id + "-eth0"; };
    const auto list_of = [](const std::string& id, const std::string& name) {
        return R"({"id":")" + id + R"(","names":[")" + name + R"("],"metadata":"{}"})";
    };
    FakeMachine machine;
    machine.write("var/lib/containers/storage/overlay-containers/containers.json",
                  "[" + list_of(id_a, pod.substr(0, 12) + "-infra") + "," + list_of(id_b, "web") + "]");
    machine.write(path(id_a), cni_result(id_a));
    const std::vector<std::string> cgroups = {"/libpod_parent/" + pod + "/libpod-" + id_b};
    SUBCASE("the network of a pod is that of its first container")
    {
        const ContainerNames names = machine.find(cgroups);
        const ContainerFacts* facts = names.of(place_of(cgroups[0]));
        REQUIRE(facts);
        CHECK(facts->name == "web");
        CHECK(facts->pod == "front");
        CHECK(to_string(facts->ports.value().at(0)) == "0.0.0.0:8082->80/tcp");
    }
    SUBCASE("a container has one of its own, and no pod")
    {
        machine.write(path(id_b), cni_result(id_b));
        const std::string alone = "/libpod_parent/libpod-" + id_b;
        const ContainerNames names = machine.find({alone});
        const ContainerFacts* facts = names.of(place_of(alone));
        REQUIRE(facts);
        CHECK_FALSE(facts->pod);
        CHECK(facts->ports.value().size() == 1);
    }
    SUBCASE("one that names another container is not believed")
    {
        machine.write(path(id_a), cni_result(id_b));
        const ContainerNames names = machine.find(cgroups);
        const ContainerFacts* facts = names.of(place_of(cgroups[0]));
        REQUIRE(facts);
        CHECK_FALSE(facts->pod);
        CHECK_FALSE(facts->ports);
    }
}

TEST_CASE("published ports, as each engine writes them")
{
    const auto text = [](const std::optional<std::vector<PublishedPort>>& ports) {
        std::string all;
        for (const PublishedPort& port : ports.value()) {
            all += to_string(port) + ' ';
        }
        return all;
    };
    CHECK(text(parse_docker_config(docker_config(id_a))->ports) == "0.0.0.0:8080->80/tcp ");
    const auto config = [](const std::string& ports) {
        return parse_docker_config(R"({"ID":")" + id_a + R"(","NetworkSettings":{"Ports":)" + ports + "}}")->ports;
    };
    CHECK(
        text(config(R"({"53/udp":[{"HostIp":"::1","HostPort":"5300"},{"HostIp":"","HostPort":"53"}],"9/tcp":null})")) ==
        "[::1]:5300->53/udp 0.0.0.0:53->53/udp ");
    CHECK(
        text(config(
                 R"({"80":[{"HostIp":"0.0.0.0","HostPort":"1"}],"80/x":[{"HostPort":"1"}],"0/tcp":[{"HostPort":"1"}],)"
                 R"("80/tcp":[{"HostPort":"65536"},{"HostPort":"-1"},{"HostPort":8},{"HostPort":"1x"},7,null,)"
                 R"({"HostIp":"host","HostPort":"1"}]})"))
            .empty());
    CHECK_FALSE(config("7"));
    CHECK_FALSE(config("null"));

    const auto listed = [](const std::string& ports) {
        return parse_docker_list(R"([{"Id":")" + id_a + R"(","Ports":)" + ports + "}]")->at(0).ports;
    };
    CHECK(
        text(listed(
            R"([{"IP":"0.0.0.0","PrivatePort":80,"PublicPort":8080,"Type":"tcp"},{"PrivatePort":90,"Type":"tcp"}])")) ==
        "0.0.0.0:8080->80/tcp ");
    CHECK(text(listed("[]")).empty());
    CHECK_FALSE(listed("{}"));

    const auto podman = [](const std::string& ports) {
        return parse_podman_list(R"([{"Id":")" + id_a + R"(","Ports":)" + ports + "}]")->at(0).ports;
    };
    CHECK(text(podman(R"([{"host_ip":"","container_port":80,"host_port":8080,"range":2,"protocol":"tcp"}])")) ==
          "0.0.0.0:8080->80/tcp ");
    CHECK(podman(R"([{"host_ip":"","container_port":80,"host_port":8080,"range":2,"protocol":"tcp"}])")->at(0).more ==
          1);
    CHECK(podman(R"([{"container_port":65535,"host_port":1,"range":2,"protocol":"udp"}])")->empty());
    CHECK(text(podman("null")).empty());
}

TEST_CASE("what a docker-proxy passes on stands in its arguments")
{
    const auto parse = [](std::string text) {
        std::replace(text.begin(), text.end(), ' ', '\0');
        return parse_docker_proxy(text);
    };
    const std::string good =
        "/usr/bin/docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 8080 -container-ip 172.17.0.2 "
        "-container-port 80";
    const auto proxied = parse(good + " -use-listen-fd ");
    REQUIRE(proxied);
    CHECK(to_string(proxied->published) == "0.0.0.0:8080->80/tcp");
    CHECK(proxied->container == address("172.17.0.2"));
    CHECK(parse("docker-proxy -use-listen-fd" + good.substr(good.find(" -proto"))) == proxied);
    for (std::size_t length = 0; length + 1 < good.size(); ++length) {
        CHECK_FALSE(parse(good.substr(0, length)));
    }
    CHECK_FALSE(parse("docker-proxy -proto icmp" + good.substr(good.find(" -host-ip"))));
}

TEST_CASE("a socket's published port is that of its container's port, or of its proxy's two ends")
{
    Sample sample;
    sample.processes = {process(1, 1, "web"), process(2, 1, "docker-proxy"), process(3, 1, "else")};
    Identity web;
    web.published = {{{address("0.0.0.0"), 8080}, 80, "tcp"},
                     {{address("::"), 8080}, 80, "tcp"},
                     {{address("::"), 9000}, 700, "tcp", 3}};
    sample.processes[0].identity = std::make_shared<const Identity>(web);
    Identity proxy;
    proxy.proxied = ProxiedPort{web.published[0], address("172.17.0.2")};
    sample.processes[1].identity = std::make_shared<const Identity>(proxy);
    const auto published = [&](std::uint32_t owner, const Tuple& tuple) {
        Flow socket = owned_flow(owner, 1, 1);
        socket.tuple = tuple;
        return row_of(socket, sample).published.value_or("none");
    };
    const Tuple in_container{Protocol::tcp, endpoint("172.17.0.2", 80), endpoint("10.0.0.9", 5000)};
    CHECK(published(0, in_container) == "0.0.0.0:8080->80/tcp,[::]:8080->80/tcp");
    CHECK(published(0, {Protocol::tcp, endpoint("172.17.0.2", 703), in_container.remote}) == "[::]:9003->703/tcp");
    CHECK(published(0, {Protocol::tcp, endpoint("172.17.0.2", 704), in_container.remote}) == "none");
    CHECK(published(2, in_container) == "none");
    CHECK(published(0, {Protocol::udp, in_container.local, in_container.remote}) == "none");
    CHECK(published(0, {Protocol::tcp, in_container.remote, in_container.local}) == "none");
    const std::string proxied = "0.0.0.0:8080->80/tcp via docker-proxy";
    CHECK(published(1, {Protocol::tcp, endpoint("127.0.0.1", 8080), endpoint("127.0.0.1", 5000)}) == proxied);
    CHECK(published(1, {Protocol::tcp, endpoint("172.17.0.1", 5000), in_container.local}) == proxied);
    CHECK(published(1, {Protocol::tcp, endpoint("172.17.0.1", 5000), endpoint("172.17.0.3", 80)}) == "none");
}

TEST_CASE("where files tell the name but not the ports, the engine is asked for these if they are wanted")
{
    const FakeMachine machine;
    machine.write("var/lib/containers/storage/overlay-containers/containers.json", storage_list(id_b));
    const FakeDaemon daemon(
        machine.path("run/podman/podman.sock"),
        answer(R"([{"Id":")" + id_b +
               R"(","Names":["x"],"Ports":[{"container_port":80,"host_port":8080,"protocol":"tcp"}]}])"));
    const auto place = place_of("/machine.slice/libpod-" + id_b + ".scope");
    ContainerNames names(machine.places(), ContainerNames::Wanted::names);
    names.find({place});
    CHECK(daemon.connections() == 0);
    ContainerNames with_ports(machine.places(), ContainerNames::Wanted::names_and_ports);
    with_ports.find({place});
    CHECK(daemon.connections() == 1);
    CHECK(with_ports.of(place)->name == "db");
    CHECK(with_ports.of(place)->ports->size() == 1);
}

TEST_CASE("annotations of containerd and CRI-O")
{
    const auto containerd = parse_runtime_config(
        R"({"ociVersion":"1.1.0","annotations":{"io.kubernetes.cri.container-name":"app",)"
        R"("io.kubernetes.cri.container-type":"container","io.kubernetes.cri.image-name":"ghcr.io/a/app:3",)"
        R"("io.kubernetes.cri.sandbox-name":"front-5f","io.kubernetes.cri.sandbox-namespace":"shop"}})");
    REQUIRE(containerd);
    CHECK(containerd->name == "app");
    CHECK(containerd->image == "ghcr.io/a/app:3");
    CHECK(containerd->pod == "front-5f");
    CHECK(containerd->pod_namespace == "shop");
    const auto crio = parse_runtime_config(
        R"({"annotations":{"io.kubernetes.container.name":"app","io.kubernetes.cri-o.ImageName":"quay.io/app:1",)"
        R"("io.kubernetes.pod.name":"front","io.kubernetes.pod.namespace":"shop"}})");
    REQUIRE(crio);
    CHECK(crio->name == "app");
    CHECK(crio->image == "quay.io/app:1");
    CHECK(crio->pod == "front");
    CHECK(parse_runtime_config("{}").has_value()); // a bundle of docker's: no annotations
}

TEST_CASE("JSON of another shape, cut, twisted or without end is no list or names nothing")
{
    for (const std::string& text :
         {std::string(), std::string("null"), std::string("[[]"), std::string("{\"a\":1}}"), std::string("\xff\xfe"),
          std::string(1'000'000, '['), std::string("[") + std::string(1'000'000, '{'), std::string("\"text\"")}) {
        CHECK_FALSE(parse_docker_list(text));
        CHECK_FALSE(parse_storage_list(text));
        CHECK_FALSE(parse_podman_list(text));
        CHECK_FALSE(parse_docker_config(text));
    }
    for (const char* text :
         {"[]", "[null,1,[],{},\"x\"]", R"([{"Id":5,"id":{}}])", R"([{"Id":"../../etc","id":"A"}])"}) {
        CHECK(parse_docker_list(text)->empty());
        CHECK(parse_storage_list(text)->empty());
        CHECK(parse_podman_list(text)->empty());
    }
    const auto odd = parse_storage_list(R"([{"id":")" + id_a + R"(","names":[5,"","ok"],"metadata":")" +
                                        std::string(100'000, '[') + R"("}])");
    REQUIRE(odd);
    CHECK(odd->at(0).name == "ok");
    CHECK_FALSE(odd->at(0).image);
    const auto twice =
        parse_docker_list(R"([{"Id":")" + id_a + R"(","Id":")" + id_b + R"(","Names":["/a"],"Names":["/b"]}])");
    CHECK(twice->at(0).id == id_a);
    CHECK(twice->at(0).name == "a");
    CHECK_FALSE(
        parse_podman_list(R"([{"Id":")" + id_a + R"(","Names":[")" + std::string(5000, 'x') + R"("]}])")->at(0).name);
}

TEST_CASE("files are asked first, and no daemon where they tell all")
{
    const FakeMachine machine;
    machine.write("var/lib/docker/containers/" + id_a + "/config.v2.json", docker_config(id_a));
    machine.write("var/lib/containers/storage/overlay-containers/containers.json", storage_list(id_b));
    const FakeDaemon daemon(machine.path("run/docker.sock"), "");
    const auto names = machine.find({"/docker/" + id_a, "/machine.slice/libpod-" + id_b + ".scope", "/x/" + id_b});
    CHECK(names.of(place_of("/docker/" + id_a))->name == "web");
    CHECK(names.of(place_of("/machine.slice/libpod-" + id_b + ".scope"))->image == "docker.io/library/postgres:16");
    CHECK(names.failures().empty());
    CHECK(daemon.connections() == 0);
}

TEST_CASE("a container of Podman that is to be removed when it ends is in a list of its own")
{
    const FakeMachine machine;
    machine.write("var/lib/containers/storage/overlay-containers/containers.json", "[]");
    machine.write("var/lib/containers/storage/overlay-containers/volatile-containers.json", storage_list(id_b));
    const auto place = place_of("/system.slice/db.service/libpod-payload-" + id_b);
    CHECK(machine.find({place.path}).of(place)->name == "db");
}

TEST_CASE("Docker's directory may be elsewhere, and a file speaks for its own container only")
{
    const FakeMachine machine;
    machine.write("etc/docker/daemon.json", R"({"data-root":"/srv/docker"})");
    machine.write("srv/docker/containers/" + id_a + "/config.v2.json", docker_config(id_a));
    machine.write("srv/docker/containers/" + id_b + "/config.v2.json", docker_config(id_a));
    const auto names = machine.find({"/docker/" + id_a, "/docker/" + id_b});
    CHECK(names.of(place_of("/docker/" + id_a))->name == "web");
    CHECK_FALSE(names.of(place_of("/docker/" + id_b)));
}

TEST_CASE("containerd's bundles name pods")
{
    const FakeMachine machine;
    machine.write(
        "run/containerd/io.containerd.runtime.v2.task/k8s.io/" + id_a + "/config.json",
        R"({"annotations":{"io.kubernetes.cri.container-name":"app","io.kubernetes.cri.sandbox-name":"front"}})");
    const std::string cgroup = "/kubepods/pod2b801b7a-5266-4386-864e-45ed71136371/" + id_a;
    const auto names = machine.find({cgroup});
    REQUIRE(names.of(place_of(cgroup)));
    CHECK(names.of(place_of(cgroup))->pod == "front");
    CHECK(names.failures().empty());
}

TEST_CASE("each file is read and each daemon asked at most once, however many containers and processes there are")
{
    const FakeMachine machine;
    FakeDaemon docker(machine.path("run/docker.sock"), answer("[]"));
    FakeDaemon podman(machine.path("run/podman/podman.sock"), answer("[]"));
    machine.write("etc/docker/daemon.json", "{}");
    machine.write("var/lib/containers/storage/overlay-containers/containers.json", storage_list(id_b));
    std::vector<std::string> cgroups;
    std::vector<std::string> files{"etc/docker/daemon.json",
                                   "var/lib/containers/storage/overlay-containers/containers.json"};
    for (int i = 10; i < 60; ++i) {
        const std::string id = std::to_string(i) + std::string(62, 'f');
        files.push_back("var/lib/docker/containers/" + id + "/config.v2.json");
        machine.write(files.back(), i % 2 == 0 ? docker_config(id) : "{}"); // some tell nothing
        for (const char* process : {"", "/init.scope", "/app.service"}) {
            cgroups.push_back("/docker/" + id + process);
        }
        cgroups.push_back("/x/" + std::string(62, 'e') + std::to_string(i)); // of whatever engine
    }
    OpenCounter opens;
    for (const std::string& file : files) {
        opens.watch(machine.path(file));
    }
    machine.find(cgroups);
    const auto counts = opens.count();
    CHECK(counts.size() == files.size());
    for (const auto& file : counts) {
        CHECK_MESSAGE(file.second == 1, file.first);
    }
    CHECK(docker.connections() == 1);
    CHECK(podman.connections() == 1);
}

TEST_CASE("a daemon completes what files do not tell")
{
    const FakeMachine machine;
    machine.write("var/lib/containers/storage/overlay-containers/containers.json", storage_list(id_b));
    FakeDaemon docker(machine.path("run/docker.sock"), answer(docker_list(id_a)));
    FakeDaemon podman(machine.path("run/podman/podman.sock"),
                      answer(R"([{"Id":")" + id_b + R"(","Names":["imposter"],"PodName":"store"}])"));
    const std::string in_pod =
        "/machine.slice/machine-libpod_pod_" + std::string(64, 'c') + ".slice/libpod-" + id_b + ".scope";
    const auto names = machine.find({"/docker/" + id_a, in_pod});
    CHECK(names.of(place_of("/docker/" + id_a))->name == "api");
    CHECK(names.of(place_of(in_pod))->name == "db"); // the first source counts
    CHECK(names.of(place_of(in_pod))->pod == "store");
    CHECK(names.failures().empty());
    CHECK(docker.request().starts_with("GET /containers/json HTTP/1.0\r\n"));
    CHECK(podman.request().starts_with("GET /v4.0.0/libpod/containers/json?namespace=true&pod=true HTTP/1.0\r\n"));
}

TEST_CASE("a hostile daemon costs its time and names nothing")
{
    const std::string list = answer(docker_list(id_a));
    const auto failure = [](const std::string& text, Manner manner) {
        const FakeMachine machine(manner == Manner::answer ? long_patience : short_patience);
        const FakeDaemon daemon(machine.path("run/docker.sock"), text, manner);
        const auto names = machine.find({"/docker/" + id_a});
        CHECK_FALSE(names.of(place_of("/docker/" + id_a)));
        REQUIRE_FALSE(names.failures().empty()); // on a busy machine others are out of time too
        const std::string& whole = names.failures().front();
        return whole.substr(whole.rfind(": ") + 2);
    };
    CHECK(failure("", Manner::hang) == "no answer in time");
    CHECK(failure(list, Manner::drip) == "no answer in time");
    const std::string flooded = failure(answer(std::string(1 << 20, '[')), Manner::flood);
    CHECK((flooded == "answer too long" || flooded == "no answer in time"));
    CHECK(failure(answer(std::string(1'000'000, '[')), Manner::answer) == "unexpected answer");
    CHECK(failure("HTTP/1.0 500 Oops\r\n\r\n", Manner::answer) == "HTTP status 500");
}

TEST_CASE("an engine that is slow or silent is left alone for a while, and what it said stands")
{
    const FakeMachine machine(short_patience);
    const auto place = place_of("/docker/" + id_a);
    const auto answers = std::make_shared<EngineAnswers>();
    SUBCASE("silent")
    {
        const FakeDaemon daemon(machine.path("run/docker.sock"), "", Manner::hang);
        for (const bool is_first : {true, false}) {
            ContainerNames names(machine.places(), ContainerNames::Wanted::names, answers);
            const auto begun = std::chrono::steady_clock::now();
            names.find({place});
            CHECK((std::chrono::steady_clock::now() - begun >= machine.places().patience) == is_first);
            REQUIRE(names.failures().size() == 1);
            CHECK(names.failures().front().ends_with("run/docker.sock: no answer in time"));
        }
    }
    SUBCASE("slow")
    {
        (*answers)[machine.path("run/docker.sock")] = {parse_docker_list(docker_list(id_a)), "",
                                                       std::chrono::steady_clock::time_point::max()};
        ContainerNames names(machine.places(), ContainerNames::Wanted::names, answers);
        names.find({place});
        REQUIRE(names.of(place));
        CHECK(names.of(place)->name == "api");
        CHECK(names.failures().empty());
    }
}

TEST_CASE("users' claims are not looked up in root's files")
{
    const FakeMachine machine;
    machine.write("var/lib/docker/containers/" + id_a + "/config.v2.json", docker_config(id_a));
    const std::string claim = "/user.slice/user-4000.slice/user@4000.service/a.slice/docker-" + id_a + ".scope";
    const auto names = machine.find({claim, "/docker/" + id_a});
    CHECK_FALSE(names.of(place_of(claim)));
    CHECK(names.of(place_of("/docker/" + id_a)));
}

TEST_CASE("processes get the names of their containers, and a note tells which have none")
{
    const FakeMachine machine(short_patience);
    machine.write("var/lib/docker/containers/" + id_a + "/config.v2.json", docker_config(id_a));
    FixtureProc proc;
    proc.apply("process 5000001 7 1000 one\ncgroup 0::/docker/" + id_a +
               "\nprocess 5000002 7 1000 two\ncgroup 0::/docker/" + id_b + "\n");
    Sample sample;
    sample.processes = {process(5000001, 7, "one"), process(5000002, 7, "two")};
    sample.flows = {owned_flow(0, 1, 0), owned_flow(1, 1, 0)};
    IdentityNeeds needs;
    needs.cgroup = needs.containers = true;
    Identifier identifier(needs, {proc.root(), proc.namespaces(), machine.places()});
    const FakeDaemon daemon(machine.path("run/docker.sock"), "", Manner::hang);
    identifier.identify(sample, false);
    CHECK(sample.processes[0].identity->container == "web");
    CHECK(sample.processes[0].identity->image == "nginx:1.25");
    CHECK(sample.processes[1].identity->container == "bbbbbbbbbbbb");
    REQUIRE(sample.notes.size() == 1);
    CHECK(sample.notes[0].code == NoteCode::container_names);
    CHECK(sample.notes[0].message.starts_with("1 container has no known name; "));
    CHECK(sample.notes[0].message.ends_with("run/docker.sock: no answer in time"));
    CHECK_FALSE(sample.notes[0].incomplete);
}

TEST_CASE("the name of a container is known for as long as its processes are, though the engine has forgotten it")
{
    const FakeMachine machine;
    const std::string file = "var/lib/docker/containers/" + id_a + "/config.v2.json";
    machine.write(file, docker_config(id_a));
    FixtureProc proc;
    proc.apply("process 5000001 7 1000 one\ncgroup 0::/docker/" + id_a + "\n");
    IdentityNeeds needs;
    needs.cgroup = needs.containers = true;
    const auto memory = std::make_shared<IdentityMemory>();
    for (const bool is_last : {false, true}) {
        if (is_last) {
            std::filesystem::remove(machine.path(file));
            std::filesystem::remove_all(proc.of(5000001));
        }
        Sample sample;
        sample.processes = {process(5000001, 7, "one")};
        sample.flows = {owned_flow(0, 1, 0)};
        Identifier(needs, {proc.root(), proc.namespaces(), machine.places()}, memory).identify(sample, false);
        REQUIRE(sample.processes[0].identity);
        CHECK(sample.processes[0].identity->container == "web");
        CHECK(sample.processes[0].identity->image == "nginx:1.25");
        CHECK(sample.notes.empty());
    }
}
