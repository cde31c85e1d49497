"""What the peers need, from their own package managers into .tools/; what can't be had raises Unavailable with the reason."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parents[1] / "scripts"))
import fetch  # noqa: E402  (the path above)
import tools  # noqa: E402
from fetch import ROOT, Unavailable  # noqa: E402

OLDEST_JAVA = 17
# Else the JVM takes a quarter of the machine's memory before it collects any.
HEAP = "-Xmx2g"


def cargo(*words):
    """Builds with what the build needs, and returns cargo's words about it; a project that can't be built ends all."""
    libclang = [] if "--no-default-features" in words else ["libclang"]
    run = [sys.executable, ROOT / "scripts/tools.py", "run", *libclang, "--"]
    try:
        return fetch.run([*run, "cargo", *words], cwd=ROOT)
    except Unavailable as problem:
        sys.exit(f"leaflet: {problem}")


def engine():
    """The program that is Leaflet's engine alone."""
    words = ["bench", "--no-run", "--no-default-features", "--bench", "peer_engine", "--message-format=json"]
    for line in cargo(*words).splitlines():
        message = json.loads(line) if line.startswith("{") else {}
        if message.get("target", {}).get("name") == "peer_engine" and message.get("executable"):
            return message["executable"]
    sys.exit("leaflet: cargo built no peer_engine")


def module():
    """Builds the module, where with_server.py looks for it."""
    cargo("build", "--release", "--lib")


def packages(name, *options):
    """The folder of a peer's Python packages, as requirements/<name>.txt pins them."""
    requirements = HERE / "requirements" / f"{name}.txt"
    why = f"{name}, a peer of the benchmark"
    return str(fetch.python_packages(f"peer-{name}", requirements, why, *options))


def python313():
    """A Python 3.13, which is the only one that CORE's package is made for."""
    named = [os.environ.get("LEAFLET_PYTHON313"), shutil.which("python3.13")]
    named += sorted(Path.home().glob(".pyenv/versions/3.13.*/bin/python"))
    for program in filter(None, named):
        shown = subprocess.run([program, "-c", "import sys; print(sys.version_info[:2])"], capture_output=True, text=True)
        if shown.stdout.strip() == "(3, 13)":
            return str(program)
    raise Unavailable("no Python 3.13")


def java(sources, jars):
    """The words that run a Java program, compiled against jars."""
    compiler, program = shutil.which("javac"), shutil.which("java")
    if not compiler or not program or tools.version_of(compiler)[:1] < (OLDEST_JAVA,):
        raise Unavailable(f"no JDK {OLDEST_JAVA} or newer")
    classes = ROOT / "target/bench/peers/classes"
    classes.mkdir(parents=True, exist_ok=True)
    files = [HERE / source for source in sources]
    fetch.run([compiler, "-proc:none", "-nowarn", "-cp", f"{jars}/*", "-d", classes, *files])
    return [program, HEAP, "-cp", f"{classes}:{jars}/*"]


def siddhi():
    """The words that run Siddhi.java."""
    jars = fetch.wheel(
        "pysiddhi",
        "5.1.0",
        {"x86_64": "f3dd01034458fd6ca9b1ccf198f5093c953340b37bb5ad7284937d49e7ac00c1"},
        "__PySiddhiProxy/target/lib/",
        "it carries Siddhi 5.1.7, a peer of the benchmark",
    )
    return [*java(["Siddhi.java", "Usage.java"], jars), "Siddhi"]


def flink():
    """The words that run FlinkSql.java."""
    jars = fetch.wheel(
        "apache-flink-libraries",
        "2.3.0",
        {fetch.MACHINE: "38ece876553286b3a285cf344c2d2038f8a7ca10da5df54d5107250386d64151"},
        "pyflink/lib/",
        "it carries Flink 2.3.0, a peer of the benchmark (330 MB)",
    )
    opened = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in ("java.lang", "java.util")]
    program, *words = java(["FlinkSql.java", "Usage.java"], jars)
    return [program, *opened, *words, "FlinkSql"]
