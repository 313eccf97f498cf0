"""Checks deploy/kubernetes without a cluster. See scripts/check-kubernetes."""

import argparse
import pathlib
import re
import subprocess
import sys

import kubernetes_validate
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
OVERLAYS = ["dev/shared", "dev/sidecar", "prod/shared", "prod/sidecar"]
# Components that no overlay includes: each is built with each overlay.
OPTIONS = ["pod-monitor", "readiness-by-redis"]
# Native sidecars are on by default from 1.29. The other is the newest that the validator has.
VERSIONS = ["1.29", "1.37"]
# Kinds of CustomResourceDefinitions, which the validator has no schemas for. Only their names are checked.
WITHOUT_SCHEMA = {"PodMonitor"}
WORKLOADS = {"Deployment", "StatefulSet"}


class Manifests:
    """The resources of one overlay, and the errors found in them."""

    def __init__(self, name, resources, outside=()):
        self.name = name
        self.resources = resources
        self.outside = list(outside)  # Secrets that are created by hand
        self.errors = []

    def error(self, text):
        self.errors.append(f"{self.name}: {text}")

    def of(self, *kinds):
        return [r for r in self.resources if r["kind"] in kinds]

    def keys(self, kind, name):
        """The keys of a ConfigMap or Secret; None if there is none."""
        for resource in self.resources + self.outside:
            if resource["kind"] == kind and resource["metadata"]["name"] == name:
                return {*resource.get("data", {}), *resource.get("stringData", {}), *resource.get("binaryData", {})}
        return None

    def pods(self):
        """The workloads with their pod templates."""
        return [(f"{w['kind']} {w['metadata']['name']}", w, w["spec"]["template"]) for w in self.of(*WORKLOADS)]


def containers(template):
    return template["spec"].get("initContainers", []) + template["spec"]["containers"]


def ports(template):
    """The ports of a pod by name and by number."""
    found = {}
    for container in containers(template):
        for port in container.get("ports", []):
            found[port["containerPort"]] = port["containerPort"]
            if "name" in port:
                found[port["name"]] = port["containerPort"]
    return found


def environment(container):
    return {e["name"]: e.get("value") for e in container.get("env", [])}


def is_sidecar(container):
    """Whether the container runs `tollgate serve`."""
    return container.get("args") == ["serve"]


def matches(selector, labels):
    """Whether labels satisfy a selector of matchLabels, the only form that the manifests use."""
    if set(selector) != {"matchLabels"} or not selector["matchLabels"]:
        return False
    return selector["matchLabels"].items() <= labels.items()


def labels(template):
    return template["metadata"]["labels"]


# MARK: - Checks of an overlay


def check_schema(m):
    for resource in m.resources:
        if resource["kind"] in WITHOUT_SCHEMA:
            continue
        what = f"{resource['kind']} {resource['metadata']['name']}"
        for version in VERSIONS:
            try:
                kubernetes_validate.validate(resource, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                path = ".".join(str(p) for p in error.path)
                m.error(f"{what}: not valid in Kubernetes {version}: {path}: {error.message}")
            except kubernetes_validate.SchemaNotFoundError as error:
                m.error(f"{what}: no such kind in Kubernetes {version}: {error}")


def check_names(m):
    seen = set()
    for resource in m.resources + m.outside:
        name = (resource["kind"], resource["metadata"]["name"])
        if name in seen:
            m.error(f"{' '.join(name)}: twice")
        seen.add(name)


def check_selectors(m):
    templates = [template for _, _, template in m.pods()]
    for what, workload, template in m.pods():
        if not matches(workload["spec"]["selector"], labels(template)):
            m.error(f"{what}: the selector does not match the labels of its pods")
        for other, _, second in m.pods():
            if other != what and matches(workload["spec"]["selector"], labels(second)):
                m.error(f"{what}: the selector matches the pods of {other} too")
        for spread in template["spec"].get("topologySpreadConstraints", []):
            if not matches(spread["labelSelector"], labels(template)):
                m.error(f"{what}: topologySpreadConstraints do not match the labels of its pods")
    selectors = [(s, {"matchLabels": s["spec"]["selector"]}) for s in m.of("Service")]
    selectors += [(p, p["spec"]["selector"]) for p in m.of("PodDisruptionBudget", "PodMonitor")]
    selectors += [(p, p["spec"]["podSelector"]) for p in m.of("NetworkPolicy")]
    for resource, selector in selectors:
        if not any(matches(selector, labels(template)) for template in templates):
            m.error(f"{resource['kind']} {resource['metadata']['name']}: the selector matches no pod")


def check_ports(m):
    def check(what, selector, port):
        selected = [t for _, _, t in m.pods() if matches(selector, labels(t))]
        if any(port not in ports(template) for template in selected):
            m.error(f"{what}: port {port} is not a port of its pods")

    for service in m.of("Service"):
        for port in service["spec"]["ports"]:
            what = f"Service {service['metadata']['name']}"
            check(what, {"matchLabels": service["spec"]["selector"]}, port.get("targetPort", port["port"]))
    for policy in m.of("NetworkPolicy"):
        for rule in policy["spec"].get("ingress", []):
            for port in rule.get("ports", []):
                check(f"NetworkPolicy {policy['metadata']['name']}", policy["spec"]["podSelector"], port["port"])
    for monitor in m.of("PodMonitor"):
        for endpoint in monitor["spec"]["podMetricsEndpoints"]:
            check(f"PodMonitor {monitor['metadata']['name']}", monitor["spec"]["selector"], endpoint["port"])
    for what, _, template in m.pods():
        for container in containers(template):
            own = ports({"spec": {"containers": [container]}})
            for probe in ["startupProbe", "livenessProbe", "readinessProbe"]:
                port = container.get(probe, {}).get("httpGet", {}).get("port")
                if port is not None and port not in own:
                    m.error(f"{what}: {probe} of {container['name']}: port {port} is not a port of the container")


def check_references(m):
    """Every ConfigMap, Secret, key, volume, claim, account and Service that is named exists."""

    def check(what, kind, name, key=None):
        keys = m.keys(kind, name)
        if keys is None:
            m.error(f"{what}: there is no {kind} {name}")
        elif key is not None and key not in keys:
            m.error(f"{what}: {kind} {name} has no key {key}")

    for what, workload, template in m.pods():
        spec = template["spec"]
        claims = {c["metadata"]["name"] for c in workload["spec"].get("volumeClaimTemplates", [])}
        volumes = {v["name"] for v in spec.get("volumes", [])}
        for name in claims & volumes:
            m.error(f"{what}: {name} is a volume and a claim")
        mounted = set()
        for container in containers(template):
            for mount in container.get("volumeMounts", []):
                mounted.add(mount["name"])
                if mount["name"] not in claims | volumes:
                    m.error(f"{what}: {container['name']} mounts {mount['name']}, which is not a volume")
            for variable in container.get("env", []):
                source = variable.get("valueFrom", {})
                if "secretKeyRef" in source:
                    check(what, "Secret", source["secretKeyRef"]["name"], source["secretKeyRef"]["key"])
                if "configMapKeyRef" in source:
                    check(what, "ConfigMap", source["configMapKeyRef"]["name"], source["configMapKeyRef"]["key"])
        for name in (claims | volumes) - mounted:
            m.error(f"{what}: no container mounts {name}")
        for volume in spec.get("volumes", []):
            if "configMap" in volume:
                check(what, "ConfigMap", volume["configMap"]["name"])
            if "secret" in volume:
                check(what, "Secret", volume["secret"]["secretName"])
        account = spec.get("serviceAccountName")
        if account and account not in {a["metadata"]["name"] for a in m.of("ServiceAccount")}:
            m.error(f"{what}: there is no ServiceAccount {account}")
        service = workload["spec"].get("serviceName")
        headless = {s["metadata"]["name"] for s in m.of("Service") if s["spec"].get("clusterIP") == "None"}
        if service and service not in headless:
            m.error(f"{what}: there is no headless Service {service}")
    for monitor in m.of("PodMonitor"):
        for endpoint in monitor["spec"]["podMetricsEndpoints"]:
            credentials = endpoint["authorization"]["credentials"]
            check("PodMonitor tollgate", "Secret", credentials["name"], credentials["key"])


def check_settings(m, known):
    """The settings of Tollgate fit the rest of the pod."""
    for what, workload, template in m.pods():
        for container in containers(template):
            for name in environment(container):
                if name.startswith("TOLLGATE_") and name not in known:
                    m.error(f"{what}: {name} of {container['name']} is not a variable that Tollgate knows")
            if is_sidecar(container):
                check_sidecar(m, what, workload, template, container)


def check_sidecar(m, what, workload, template, container):
    settings = environment(container)
    volumes = {v["name"]: v for v in template["spec"].get("volumes", [])}

    def mount_of(path):
        found = [v for v in container["volumeMounts"] if path.startswith(v["mountPath"] + "/")]
        return found[0] if found else None

    # Files that are read: key of a ConfigMap or Secret, mounted as a folder so that updates arrive.
    for name in ["TOLLGATE_POLICY", "TOLLGATE_TOKEN_FILE", "TOLLGATE_ADMIN_ACCESS", "TOLLGATE_ADMIN_TOKEN_FILE"]:
        path = settings.get(name)
        if path is None:
            continue
        mount = mount_of(path)
        if mount is None:
            m.error(f"{what}: {name}: {path} is not in a volume")
            continue
        if "subPath" in mount:
            m.error(f"{what}: {name}: {path} is mounted by subPath, and would not be updated")
        volume = volumes.get(mount["name"], {})
        kind, source = ("ConfigMap", volume.get("configMap")) if "configMap" in volume else ("Secret", volume.get("secret"))
        keys = m.keys(kind, source.get("name") or source.get("secretName")) if source else None
        if keys is not None and path.rsplit("/", 1)[1] not in keys:
            m.error(f"{what}: {name}: {path} is not a key of the {kind}")

    # Files that are written.
    listen = settings.get("TOLLGATE_LISTEN", "").split(",")
    written = [settings.get("TOLLGATE_DATA", "")] + [a.removeprefix("unix:") for a in listen if a.startswith("unix:")]
    for path in written:
        mount = mount_of(path)
        if mount is None or mount.get("readOnly"):
            m.error(f"{what}: {path} is not in a volume that can be written")

    # Addresses.
    own = ports({"spec": {"containers": [container]}})
    metrics = settings.get("TOLLGATE_METRICS", "")
    if metrics != f"0.0.0.0:{own.get('tollgate-metrics')}":
        m.error(f"{what}: TOLLGATE_METRICS is {metrics}, but the port tollgate-metrics is {own.get('tollgate-metrics')}")
    if "tollgate" in own and f"0.0.0.0:{own['tollgate']}" not in listen:
        m.error(f"{what}: TOLLGATE_LISTEN is {','.join(listen)}, but the port tollgate is {own['tollgate']}")
    if any(a.startswith("0.0.0.0:") for a in listen) and "TOLLGATE_TOKEN_FILE" not in settings:
        m.error(f"{what}: TOLLGATE_LISTEN needs a token")
    if not settings.get("TOLLGATE_ADMIN", "").startswith("127.0.0.1:"):
        m.error(f"{what}: TOLLGATE_ADMIN is not on loopback")

    # Probes.
    if container.get("livenessProbe", {}).get("httpGet", {}).get("path") != "/healthz":
        m.error(f"{what}: the livenessProbe has to be /healthz: a restart does not bring Redis back")
    readiness = "/readyz" if m.name.endswith("readiness-by-redis") else "/healthz"
    if container.get("readinessProbe", {}).get("httpGet", {}).get("path") != readiness:
        m.error(f"{what}: the readinessProbe has to be {readiness}")
    if "startupProbe" not in container:
        m.error(f"{what}: {container['name']} needs a startupProbe")
    is_init = container in template["spec"].get("initContainers", [])
    if is_init and container.get("restartPolicy") != "Always":
        m.error(f"{what}: {container['name']} is an init container without restartPolicy: Always, and would block the pod")

    # Security.
    security = {**template["spec"].get("securityContext", {}), **container.get("securityContext", {})}
    expected = {
        "runAsNonRoot": True, "runAsUser": 7379, "runAsGroup": 7379, "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"},
    }
    for name, value in expected.items():
        if security.get(name) != value:
            m.error(f"{what}: {name} of {container['name']} is {security.get(name)}, not {value}")

    if m.name.startswith("prod"):
        resources = container.get("resources", {})
        for kind in ["requests", "limits"]:
            if not {"cpu", "memory"} <= set(resources.get(kind, {})):
                m.error(f"{what}: {container['name']} has no {kind} of cpu and memory")
        claims = {c["metadata"]["name"] for c in workload["spec"].get("volumeClaimTemplates", [])}
        data = mount_of(settings["TOLLGATE_DATA"])
        if data is None or data["name"] not in claims:
            m.error(f"{what}: TOLLGATE_DATA is not in a claim, and journaled usage would be lost with the pod")
        if "terminationGracePeriodSeconds" not in template["spec"]:
            m.error(f"{what}: no terminationGracePeriodSeconds")


def check_images(m, version):
    for what, _, template in m.pods():
        for container in containers(template):
            name, colon, tag = container["image"].rpartition(":")
            if not colon or "/" in tag or tag == "latest":
                m.error(f"{what}: the image {container['image']} has no fixed tag")
            elif name.rsplit("/", 1)[-1] == "tollgate" and tag != version:
                m.error(f"{what}: the image {container['image']} is not version {version}")


def check_production(m):
    if m.of("Secret"):
        m.error("Secrets must not be in the repository")
    if not m.of("PodDisruptionBudget"):
        m.error("no PodDisruptionBudget")
    if "not-for-production" in yaml.safe_dump(m.resources):
        m.error("has a setting that is not for production")


# MARK: - Checks of the files


def check_files(root, folder):
    """What can be said of the files alone: one tag of the image, and the example policy of the project."""
    errors, tags = [], []
    for path in sorted(folder.rglob("*.yaml")):
        text = path.read_text()
        tags += [str(path.relative_to(folder)) for _ in re.finditer(r"^\s*-?\s*newTag:", text, re.M)]
        if re.search(r"image:\s*\S*tollgate:", text):
            errors.append(f"{path.relative_to(folder)}: the tag of Tollgate's image belongs into components/image")
    if tags != ["components/image/kustomization.yaml"]:
        errors.append(f"the tag of Tollgate's image is in {' and '.join(tags) or 'no file'}, not in components/image alone")
    if (folder / "components/policy/tollgate.yaml").read_bytes() != (root / "tollgate.yaml").read_bytes():
        errors.append("components/policy/tollgate.yaml: differs from the example policy, tollgate.yaml")
    return errors


def known_variables(root):
    """The variables that Tollgate accepts, from its source."""
    options = (root / "Sources/tollgate/Serve/ServeOptions.swift").read_text()
    names = re.search(r"static let names = \[(.*?)\]", options, re.S).group(1)
    known = {"TOLLGATE_" + n.upper().replace("-", "_") for n in re.findall(r'"([a-z-]+)"', names)}
    others = (root / "Sources/tollgate/Serve/EnvironmentNames.swift").read_text()
    known |= set(re.findall(r'"(TOLLGATE_[A-Z_]*[A-Z])"', others))
    assert {"TOLLGATE_LISTEN", "TOLLGATE_ADMIN_TOKEN_FILE"} <= known, "the lists of names in the source have moved"
    return known


def current_version(root):
    return re.search(r'current = "([^"]+)"', (root / "Sources/TollgateServer/Version.swift").read_text()).group(1)


def build(path):
    """Builds with kustomize, inside of kubectl."""
    result = subprocess.run(["kubectl", "kustomize", str(path)], capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(result.stderr.strip())
    return [r for r in yaml.safe_load_all(result.stdout) if r]


def check_overlay(root, folder, overlay, path, name):
    try:
        resources = build(path)
    except RuntimeError as error:
        return [f"{name}: kustomize: {error}"], 0
    outside = []
    if overlay.startswith("prod/"):
        outside = list(yaml.safe_load_all((folder / "overlays/prod/secrets.example.yaml").read_text()))
    m = Manifests(name, resources, outside)
    check_schema(m)
    check_names(m)
    check_selectors(m)
    check_ports(m)
    check_references(m)
    check_settings(m, known_variables(root))
    check_images(m, current_version(root))
    if overlay.startswith("prod/"):
        check_production(m)
    return m.errors, len(resources)


def check(root, folder, options=(), report=lambda text: None):
    """Returns the errors of all overlays, each also with each of the components."""
    errors = check_files(root, folder)
    for overlay in OVERLAYS:
        for option in [None, *options]:
            path, name = folder / "overlays" / overlay, overlay
            if option:
                name = f"{overlay} with {option}"
                path = folder / "overlays/with-option"
                path.mkdir(exist_ok=True)
                (path / "kustomization.yaml").write_text(
                    f"resources: [../{overlay}]\ncomponents: [../../components/{option}]\n")
            found, count = check_overlay(root, folder, overlay, path, name)
            errors += found
            if not found:
                report(f"ok     {name}: {count} resources")
    return errors


def main():
    import shutil
    import tempfile

    arguments = argparse.ArgumentParser()
    arguments.add_argument("--tollgate", help="a tollgate program, which is started with the settings of each overlay")
    arguments = arguments.parse_args()
    folder = ROOT / "deploy/kubernetes"
    with tempfile.TemporaryDirectory() as copy:
        shutil.copytree(folder, f"{copy}/kubernetes")
        errors = check(ROOT, pathlib.Path(copy) / "kubernetes", OPTIONS, print)
    for overlay in OVERLAYS if arguments.tollgate and not errors else []:
        import start

        resources = build(folder / "overlays" / overlay)
        if overlay.startswith("prod/"):
            resources += yaml.safe_load_all((folder / "overlays/prod/secrets.example.yaml").read_text())
        with tempfile.TemporaryDirectory() as place:
            try:
                start.start(pathlib.Path(arguments.tollgate).resolve(), resources, pathlib.Path(place))
                print(f"ok     {overlay}: starts")
            except AssertionError as error:
                log = pathlib.Path(place) / "log"
                errors.append(f"{overlay}: {error}\n{log.read_text() if log.exists() else ''}")
    for error in errors:
        print(f"FAILED {error}", file=sys.stderr)
    sys.exit(1 if errors else 0)


if __name__ == "__main__":
    main()
