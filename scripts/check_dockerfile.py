"""Carries out the build stage of the Dockerfile in a clean folder, without Docker.

COPY and RUN are done as they stand there, with a temporary folder as the container's root; only
the installation of Debian packages is left to the machine. Then every file that a later stage takes
from the build stage must be there.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The container builds into its own folder.
CLEAN = {name: value for name, value in os.environ.items() if name != "CARGO_TARGET_DIR"}


def instructions():
    """The Dockerfile as (keyword, text), continuation lines joined, comments left out."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    text = "\n".join(lines).replace("\\\n", " ")
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]


def copy(text, folder):
    *sources, target = text.split()
    for name in sources:
        source, goal = ROOT / name, folder / target
        if source.is_dir():
            shutil.copytree(source, goal)
        else:
            shutil.copy(source, goal)


def build(container):
    """Does what can be done here; returns the files later stages ask for that aren't there."""
    stage, folder, missing = "", container, []
    for keyword, text in instructions():
        if keyword == "FROM":
            stage = re.search(r" AS (\S+)$", text).group(1)
        elif stage != "build":
            source = re.search(r"--from=build .*?(/\S+)", text)
            if source and not (container / source.group(1).lstrip("/")).is_file():
                missing.append(source.group(1))
        elif keyword == "WORKDIR":
            folder = container / text.lstrip("/")
            folder.mkdir(parents=True)
        elif keyword == "COPY":
            copy(text, folder)
        elif keyword == "RUN" and "apt-get" not in text:
            print("RUN", " ".join(text.split()), flush=True)
            if subprocess.run(["sh", "-c", text], cwd=folder, env=CLEAN).returncode != 0:
                sys.exit("Dockerfile: this RUN failed")
    return missing


def main():
    with tempfile.TemporaryDirectory(prefix="leaflet-docker-") as container:
        missing = build(Path(container))
    for path in missing:
        print(f"Dockerfile: the build stage makes no {path}", file=sys.stderr)
    sys.exit(bool(missing))


if __name__ == "__main__":
    main()
