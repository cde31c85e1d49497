"""Checks docker-compose.yml: it is YAML, and what it refers to exists.

Docker's own check is used where Docker is; this one needs none.
"""

import re
import sys
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

ROOT = Path(__file__).resolve().parent.parent
KNOWN = {"build", "image", "ports", "volumes", "restart", "command", "depends_on", "environment"}


def problems():
    try:
        compose = YAML(typ="safe", pure=True).load(ROOT / "docker-compose.yml")
    except YAMLError as error:
        yield str(error)
        return
    stages = re.findall(r"^FROM \S+ AS (\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    services, volumes = compose["services"], compose.get("volumes") or {}
    for name, service in services.items():
        for key in service.keys() - KNOWN:
            yield f"{name}: unknown key {key}"
        if ("build" in service) == ("image" in service):
            yield f"{name}: needs either build or image"
        target = service.get("build", {}).get("target")
        if target and target not in stages:
            yield f"{name}: the Dockerfile has no stage {target}"
        for other in service.get("depends_on", {}):
            if other not in services:
                yield f"{name}: depends on {other}, which is no service"
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            if not source.startswith((".", "/")) and source not in volumes:
                yield f"{name}: volume {source} is not declared"
        for url in re.findall(r"redis://([^:/]+)", " ".join(service.get("command", []))):
            if url not in services:
                yield f"{name}: talks to {url}, which is no service"


found = list(problems())
for problem in found:
    print(f"docker-compose.yml: {problem}", file=sys.stderr)
sys.exit(bool(found))
