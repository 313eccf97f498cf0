"""Starts a tollgate program with the arguments and variables of each overlay, and asks what its probes and clients ask.

Not a cluster: paths of the manifests are folders of a temporary one, ports are free ones, and Redis is a redis-server here.
"""

import base64
import os
import pathlib
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

import yaml

import check


class Pod:
    """The sidecar of an overlay, as a process."""

    def __init__(self, resources, folder, program, redis):
        self.folder, self.program = folder, program
        self.resources = {(r["kind"], r["metadata"]["name"]): r for r in resources}
        template, self.container = next(
            (t, c) for r in resources if r["kind"] in check.WORKLOADS
            for t in [r["spec"]["template"]] for c in check.containers(t) if check.is_sidecar(c))
        volumes = {v["name"]: v for v in template["spec"]["volumes"]}
        self.mounts = {}
        for mount in self.container["volumeMounts"]:
            self.mounts[mount["mountPath"]] = self.volume(mount["name"], volumes.get(mount["name"], {}))
        self.ports = {7379: free_port(), 7380: free_port(), 7381: free_port()}
        self.environment = {"PATH": os.environ["PATH"]}
        for variable in self.container["env"]:
            value = variable.get("value")
            if value is None:
                reference = variable["valueFrom"]["secretKeyRef"]
                value = self.contents("Secret", reference["name"])[reference["key"]]
                assert variable["name"] == "TOLLGATE_REDIS" and value.startswith("redis://"), variable
                value = redis
            self.environment[variable["name"]] = self.here(value)
        self.process = None

    def contents(self, kind, name):
        resource = self.resources[kind, name]
        data = resource.get("data", {})
        if kind == "Secret":
            data = {k: base64.b64decode(v).decode() for k, v in data.items()}
        return {**data, **resource.get("stringData", {})}

    def volume(self, name, volume):
        """A folder for a volume. Files of ConfigMaps and Secrets are links to links, as the kubelet makes them."""
        folder = self.folder / name
        folder.mkdir()
        kind, source = ("ConfigMap", volume["configMap"]) if "configMap" in volume else ("Secret", volume.get("secret"))
        if source:
            self.write(folder, self.contents(kind, source.get("name") or source["secretName"]), "..1")
            for key in os.listdir(folder / "..data"):
                (folder / key).symlink_to(f"..data/{key}")
        return folder

    @staticmethod
    def write(folder, contents, version):
        """Puts a new version of the files in the place of the old one, by one rename."""
        (folder / version).mkdir()
        for key, text in contents.items():
            (folder / version / key).write_text(text)
        (folder / "..data_tmp").symlink_to(version)
        os.rename(folder / "..data_tmp", folder / "..data")

    def here(self, value):
        """A value of the manifests with the folders and ports of this process."""
        paths = "|".join(re.escape(path) for path in self.mounts)
        value = re.sub(rf"(?<![^:,])({paths})(?=/)", lambda m: str(self.mounts[m[1]]), value)
        return re.sub(r":(7379|7380|7381)\b", lambda m: f":{self.ports[int(m[1])]}", value)

    def run(self, *arguments):
        environment = {**self.environment, "TOLLGATE_CONNECT": f"127.0.0.1:{self.ports[7379]}"}
        result = subprocess.run([self.program, *arguments], env=environment, capture_output=True, text=True)
        return (result.stdout or result.stderr).strip()

    def start(self):
        log = open(self.folder / "log", "a")
        self.process = subprocess.Popen([self.program, *self.container["args"]], env=self.environment, stderr=log)
        probe = self.container["startupProbe"]["exec"]["command"]

        def is_started():
            assert self.process.poll() is None, "the sidecar does not start"
            return self.run(*probe[1:]) == "PONG"

        wait(is_started, "the startup probe")

    def stop(self):
        self.process.terminate()
        assert self.process.wait(20) == 0, "SIGTERM does not end the sidecar with status 0"

    def get(self, path, token=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.ports[7381]}{path}")
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=5) as response:
                return response.status
        except urllib.error.HTTPError as error:
            return error.code


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def wait(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.25)


def expect(what, value, expected):
    matches = expected(value) if callable(expected) else value == expected
    assert matches, f"{what}: {value}"


def start(program, resources, folder):
    port = free_port()
    redis = subprocess.Popen(
        ["redis-server", "--port", str(port), "--save", "", "--dir", folder], stdout=subprocess.DEVNULL)
    pod = Pod(resources, folder, program, f"redis://127.0.0.1:{port}")
    try:
        pod.start()
        wait(lambda: pod.get("/readyz") == 200, "/readyz is 200")
        expect("/healthz", pod.get("/healthz"), 200)
        token = (pod.mounts["/etc/tollgate/access"] / "metrics-token").read_text()
        expect("/metrics without token", pod.get("/metrics"), 401)
        expect("/metrics with metrics-token", pod.get("/metrics", token), 200)
        expect("CHECK", pod.run("check", "user=alice", "tool=search"), lambda r: r.startswith("ALLOW"))
        admin = pod.environment["TOLLGATE_ADMIN"]
        expect("who", pod.run("who", "alice", "--admin", admin), lambda r: r.startswith("user"))

        # A new version of the ConfigMap is a reload.
        policy = pod.mounts["/etc/tollgate/policy"]
        text = (policy / "tollgate.yaml").read_text()
        pod.write(policy, {"tollgate.yaml": text.replace("1m: 60,", "1m: 61,")}, "..2")
        shutil.rmtree(policy / "..1")
        wait(lambda: "policy reloaded" in (pod.folder / "log").read_text(), "the policy is reloaded")

        # Without Redis: alive, not ready, and usage waits in the data folder, also for the next container.
        redis.kill()
        redis.wait()
        wait(lambda: pod.get("/readyz") == 503, "/readyz is 503")
        expect("/healthz without Redis", pod.get("/healthz"), 200)
        expect("RECORD without Redis", pod.run("record", "user=alice", "cost=0.02"), "OK queued=1")
        pod.stop()
        pod.start()
        expect("the journal", pod.run("status", "--json"), lambda r: yaml.safe_load(r)["journal"]["operations"] == 1)
        pod.stop()
    finally:
        if pod.process:
            pod.process.kill()
        redis.kill()
