"""Who takes part: how each is installed and called, and which answer it gives."""

import sys
from dataclasses import dataclass
from typing import Callable

import install
from install import HERE

PYTHON = [sys.executable, "-B"]


@dataclass
class Peer:
    """A program that is measured."""

    name: str
    title: str
    # By question, what a match uses up (see reference.py); None: it answers nothing.
    answers: dict
    # Installs it, and returns the words that call it with a file and a question, and its environment.
    prepare: Callable
    # What the question is called with, if not its name.
    asked: Callable = lambda question: question
    # Whether Redis is in the job, so that a reader can wait for the answer.
    redis: bool = False


def rule(question):
    """A question in Leaflet's language."""
    return (HERE / "questions" / f"{question}.rule").read_text()


def program(name, python=PYTHON, packages=None):
    """How a program of this folder is called."""
    return [*python, str(HERE / name)], {"PYTHONPATH": packages} if packages else {}


def server(name, packages=None, entry="plain"):
    """How a program that starts a server is called, and what it appends as the answer (see entry.py)."""
    words, variables = program(name, packages=packages)
    return [*words, "--entry", entry], {**variables, "REDIS_SERVER": str(install.tools.redis())}


def leaflet():
    install.module()
    return server("leaflet.py")


def consumer(entry):
    return server("consumer.py", install.packages("consumer"), entry)


def core():
    python = install.python313()
    options = ["--python-version=313", "--only-binary=:all:", "--platform=manylinux_2_34_x86_64"]
    return program("core.py", [python, "-B"], install.packages("core", *options))


MATCHED = {"pair": "matched", "rise": "matched"}

PEERS = [
    Peer("bare", "bare XADD", {"pair": None, "rise": None}, lambda: server("bare.py"), redis=True),
    Peer("leaflet", "Leaflet in Redis", MATCHED, leaflet, redis=True),
    Peer("function", "Lua function", MATCHED, lambda: server("function.py"), redis=True),
    Peer("function-full", "… with Leaflet's entry", MATCHED, lambda: server("function.py", entry="full"), redis=True),
    Peer("consumer", "Python consumer", MATCHED, lambda: consumer("plain"), redis=True),
    Peer("consumer-full", "… with Leaflet's entry", MATCHED, lambda: consumer("full"), redis=True),
    Peer("flink", "Flink SQL", {"pair": "partition", "rise": "partition"}, lambda: (install.flink(), {})),
    Peer("engine", "Leaflet's engine", {**MATCHED, "all": "none"}, lambda: ([install.engine()], {}), asked=rule),
    Peer("siddhi", "Siddhi", {"pair": "one", "rise": "one"}, lambda: (install.siddhi(), {})),
    Peer("bytewax", "bytewax", MATCHED, lambda: program("bytewax_flow.py", packages=install.packages("bytewax"))),
    Peer("core", "CORE", {"all": "none"}, core),
]
