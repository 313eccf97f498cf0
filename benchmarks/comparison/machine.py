"""What the numbers were measured on, and with."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

from .children import Children


def describe_machine() -> dict[str, str]:
    return {
        "cpu": find_value("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": f"{len(os.sched_getaffinity(0))} cores",
        "memory": f"{int(find_value('/proc/meminfo', 'MemTotal').split()[0]) / 1024**2:.1f} GiB memory",
        "kernel": f"{platform.system()} {platform.release()}",
    }


def find_value(path: str, name: str) -> str:
    found = re.search(rf"^{name}\s*:\s*(.*)$", Path(path).read_text(), re.MULTILINE)
    return found[1].strip() if found else ""


def describe_versions(children: Children, tollgate: Path) -> dict[str, str]:
    redis = re.search(r"v=(\S+)", children.run(["redis-server", "--version"], timeout=10))
    return {
        "tollgate": children.run([tollgate, "version"], timeout=10).split()[-1],
        "redis-server": redis[1] if redis else "?",
        "Python": platform.python_version(),
    }
