// SPDX-License-Identifier: MIT
// Names of containers: from files as the engines write them and answers as they give them, and from hostile ones.
#include "build_sample.hpp"
#include "fake_daemon.hpp"
#include "fixture_proc.hpp"
#include "identity/container_json.hpp"
#include "identity/container_names.hpp"
#include "identity/identifier.hpp"
#include "temp_directory.hpp"

#include <doctest/doctest.h>

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

/// A machine's files below a directory, all of this user's, and an engine's patience of 300 ms.
class Machine {
public:
    void write(const std::string& path, std::string_view text) const
    {
        const fs::path file = directory_.path() / path;
        fs::create_directories(file.parent_path());
        std::ofstream(file, std::ios::binary) << text;
    }
    fs::path path(const std::string& below) const { return directory_.path() / below; }
    ContainerPlaces places() const { return {directory_.path(), Uid{::geteuid()}, std::chrono::milliseconds(300)}; }
    ContainerNames find(const std::vector<std::string>& cgroups) const
    {
        std::vector<CgroupPlace> wanted;
        for (const std::string& cgroup : cgroups) {
            wanted.push_back(place_of(cgroup));
        }
        ContainerNames names(places());
        const auto begun = std::chrono::steady_clock::now();
        names.find(wanted);
        CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(2));
        return names;
    }

private:
    TempDirectory directory_;
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
    const Machine machine;
    machine.write("var/lib/docker/containers/" + id_a + "/config.v2.json", docker_config(id_a));
    machine.write("var/lib/containers/storage/overlay-containers/containers.json", storage_list(id_b));
    const FakeDaemon daemon(machine.path("run/docker.sock"), "");
    const auto names = machine.find({"/docker/" + id_a, "/machine.slice/libpod-" + id_b + ".scope", "/x/" + id_b});
    CHECK(names.of(place_of("/docker/" + id_a))->name == "web");
    CHECK(names.of(place_of("/machine.slice/libpod-" + id_b + ".scope"))->image == "docker.io/library/postgres:16");
    CHECK(names.failures().empty());
    CHECK(daemon.connections() == 0);
}

TEST_CASE("Docker's directory may be elsewhere, and a file speaks for its own container only")
{
    const Machine machine;
    machine.write("etc/docker/daemon.json", R"({"data-root":"/srv/docker"})");
    machine.write("srv/docker/containers/" + id_a + "/config.v2.json", docker_config(id_a));
    machine.write("srv/docker/containers/" + id_b + "/config.v2.json", docker_config(id_a));
    const auto names = machine.find({"/docker/" + id_a, "/docker/" + id_b});
    CHECK(names.of(place_of("/docker/" + id_a))->name == "web");
    CHECK_FALSE(names.of(place_of("/docker/" + id_b)));
}

TEST_CASE("containerd's bundles name pods")
{
    const Machine machine;
    machine.write(
        "run/containerd/io.containerd.runtime.v2.task/k8s.io/" + id_a + "/config.json",
        R"({"annotations":{"io.kubernetes.cri.container-name":"app","io.kubernetes.cri.sandbox-name":"front"}})");
    const std::string cgroup = "/kubepods/pod2b801b7a-5266-4386-864e-45ed71136371/" + id_a;
    const auto names = machine.find({cgroup});
    REQUIRE(names.of(place_of(cgroup)));
    CHECK(names.of(place_of(cgroup))->pod == "front");
    CHECK(names.failures().empty());
}

TEST_CASE("a daemon completes what files do not tell")
{
    const Machine machine;
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
        const Machine machine;
        const FakeDaemon daemon(machine.path("run/docker.sock"), text, manner);
        const auto names = machine.find({"/docker/" + id_a});
        CHECK_FALSE(names.of(place_of("/docker/" + id_a)));
        REQUIRE(names.failures().size() == 1);
        const std::string& whole = names.failures().front();
        return whole.substr(whole.rfind(": ") + 2);
    };
    CHECK(failure("", Manner::hang) == "it did not answer in time");
    CHECK(failure(list, Manner::drip) == "it did not answer in time");
    const std::string flooded = failure(answer(std::string(1 << 20, '[')), Manner::flood);
    CHECK((flooded == "its answer is too long" || flooded == "it did not answer in time"));
    CHECK(failure(answer(std::string(1'000'000, '[')), Manner::answer) == "its answer makes no sense");
    CHECK(failure("HTTP/1.0 500 Oops\r\n\r\n", Manner::answer) == "it answered with status 500");
}

TEST_CASE("users' claims are not looked up in root's files")
{
    const Machine machine;
    machine.write("var/lib/docker/containers/" + id_a + "/config.v2.json", docker_config(id_a));
    const std::string claim = "/user.slice/user-4000.slice/user@4000.service/a.slice/docker-" + id_a + ".scope";
    const auto names = machine.find({claim, "/docker/" + id_a});
    CHECK_FALSE(names.of(place_of(claim)));
    CHECK(names.of(place_of("/docker/" + id_a)));
}

TEST_CASE("processes get the names of their containers, and a note tells which have none")
{
    const Machine machine;
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
    CHECK(sample.notes[0].code == "container-names");
    CHECK(sample.notes[0].message.starts_with("the names of 1 containers are not known; "));
    CHECK(sample.notes[0].message.ends_with("run/docker.sock: it did not answer in time"));
    CHECK_FALSE(sample.notes[0].incomplete);
}
