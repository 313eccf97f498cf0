"""Plants faults into copies of deploy/kubernetes, one at a time, and checks that check.py finds each one."""

import pathlib
import shutil
import sys
import tempfile

import check

SHARED = "base/shared/statefulset.yaml"
SIDECAR = "components/sidecar/patch.yaml"
PROD = "overlays/prod/shared/statefulset.yaml"
IMAGE = "components/image/kustomization.yaml"

# Overlay, file, text, its replacement, and a part of the expected error; None for a change that is no fault.
FAULTS = [
    ("prod/shared", SHARED, "terminationGracePeriodSeconds", "terminationGracePeriod", "not valid in Kubernetes 1.29"),
    ("prod/sidecar", SIDECAR, "containerPort: 7381", 'containerPort: "7381"', "not valid in Kubernetes 1.29"),
    ("prod/shared", "base/shared/networkpolicy.yaml", "networking.k8s.io/v1", "networking.k8s.io/v0", "no such kind"),
    ("dev/shared", "base/shared/services.yaml", "selector:\n    app.kubernetes.io/name: tollgate",
     "selector:\n    app.kubernetes.io/name: tolgate", "Service tollgate: the selector matches no pod"),
    ("dev/shared", SHARED, "      labels:\n        app.kubernetes.io/name: tollgate",
     "      labels:\n        app.kubernetes.io/name: tolgate", "the selector does not match the labels of its pods"),
    ("prod/shared", "overlays/prod/shared/pod-disruption-budget.yaml", "maxUnavailable: 1", "maxUnavailable: 2", None),
    ("prod/shared", "overlays/prod/shared/pod-disruption-budget.yaml", "io/name: tollgate", "io/name: app",
     "PodDisruptionBudget tollgate: the selector matches no pod"),
    ("prod/shared", "base/shared/services.yaml", "targetPort: tollgate\n", "targetPort: client\n", "port client is not a port"),
    ("prod/shared", "base/shared/networkpolicy.yaml", "- port: tollgate-metrics", "- port: 7382", "port 7382 is not a port"),
    ("prod/sidecar", SIDECAR, "path: /healthz\n              port: tollgate-metrics",
     "path: /healthz\n              port: metrics", "port metrics is not a port of the container"),
    ("prod/shared", SHARED, "name: tollgate-redis\n                  key: url",
     "name: tollgate-redis\n                  key: uri", "Secret tollgate-redis has no key uri"),
    ("dev/shared", SHARED, "secretName: tollgate-client", "secretName: tollgate-token", "there is no Secret tollgate-token"),
    ("dev/sidecar", SIDECAR, "configMap:\n            name: tollgate-policy", "configMap:\n            name: policy",
     "there is no ConfigMap policy"),
    ("prod/shared", SHARED, "TOLLGATE_LOG_FORMAT", "TOLLGATE_LOGFORMAT", "TOLLGATE_LOGFORMAT of tollgate is not a variable"),
    ("prod/sidecar", SIDECAR, "policy/tollgate.yaml", "policy/policy.yaml", "is not a key of the ConfigMap"),
    ("prod/shared", SHARED, "mountPath: /etc/tollgate/policy\n", "mountPath: /etc/tollgate/policy\n              subPath: policy\n",
     "mounted by subPath"),
    ("prod/sidecar", SIDECAR, "value: 0.0.0.0:7381", "value: 0.0.0.0:7382", "TOLLGATE_METRICS is 0.0.0.0:7382"),
    ("prod/shared", SHARED, "value: 127.0.0.1:7380", "value: 0.0.0.0:7380", "TOLLGATE_ADMIN is not on loopback"),
    ("prod/sidecar", SIDECAR, "          restartPolicy: Always\n", "", "without restartPolicy: Always"),
    ("prod/sidecar", SIDECAR, "path: /healthz", "path: /readyz", "the livenessProbe has to be /healthz"),
    ("prod/shared", SHARED, "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "readOnlyRootFilesystem of tollgate is False"),
    ("prod/sidecar", "overlays/prod/sidecar/kustomization.yaml", "  - ../../../components/sidecar-claim\n", "",
     "tollgate-data is a volume and a claim"),
    ("prod/sidecar", "overlays/prod/sidecar/app.yaml", "        name: tollgate-data", "        name: data",
     "mounts tollgate-data, which is not a volume"),
    ("prod/shared", PROD, "        name: tollgate-data", "        name: data", "TOLLGATE_DATA is not in a claim"),
    ("dev/sidecar", "components/dev-redis/kustomization.yaml", "admin-token=", "admin=", "is not a key of the Secret"),
    ("prod/shared", PROD, "memory: 512Mi", "hugepages-2Mi: 512Mi", "has no limits of cpu and memory"),
    ("prod/shared", PROD, "              app.kubernetes.io/name: tollgate", "              app: tollgate",
     "topologySpreadConstraints do not match"),
    ("prod/shared", PROD, "          $patch: delete", "          emptyDir: {}", "tollgate-data is a volume and a claim"),
    ("prod/shared", IMAGE, 'newTag: "0.1.0"', "newTag: latest", "has no fixed tag"),
    ("prod/shared", IMAGE, 'newTag: "0.1.0"', 'newTag: "0.0.9"', "is not version"),
    ("prod/shared", "overlays/prod/shared/kustomization.yaml", "newName:", 'newTag: "0.1.0"\n    newName:',
     "not in components/image alone"),
    ("prod/shared", "overlays/prod/shared/kustomization.yaml", "patches:", "components: [../../../components/dev-redis]\npatches:",
     "Secrets must not be in the repository"),
    ("dev/shared", "components/policy/tollgate.yaml", "60,", "61,", "differs from the example policy"),
    ("dev/shared", "overlays/dev/shared/kustomization.yaml", "base/shared", "base/missing", "kustomize"),
]


def plant(overlay, file, text, replacement, expected):
    """Returns what is wrong with the check of this fault; None if it finds the fault, or rightly finds none."""
    with tempfile.TemporaryDirectory() as copy:
        folder = pathlib.Path(copy) / "kubernetes"
        shutil.copytree(check.ROOT / "deploy/kubernetes", folder)
        original = (folder / file).read_text()
        if text not in original:
            return f"{text!r} is not in {file}"
        (folder / file).write_text(original.replace(text, replacement))
        errors = check.check_files(check.ROOT, folder)
        errors += check.check_overlay(check.ROOT, folder, overlay, folder / "overlays" / overlay, overlay)[0]
    if expected is None:
        return f"unexpected: {errors}" if errors else None
    return None if any(expected in e for e in errors) else f"expected {expected!r}, got {errors}"


def main():
    failed = 0
    for fault in FAULTS:
        problem = plant(*fault)
        if problem:
            failed += 1
            print(f"FAILED {fault[1]}: {fault[2]!r} to {fault[3]!r}: {problem}", file=sys.stderr)
    print(f"{len(FAULTS) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
