"""Leaflet and what people use instead: the same events, the same questions, one after the other on this machine.

    run.py --quick             whether it works, not what it costs
    run.py --only leaflet,lua  some of them

What is measured, and what can be compared, stands in README.md. All rounds go to target/bench/peers.json.
"""

import argparse
import json
import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path
from statistics import median

import events
import reference
from install import ROOT, Unavailable
from peers import PEERS

FOLDER = ROOT / "target/bench/peers"
QUESTIONS = {
    "pair": "A AND B of one key within 2 s, consumed",
    "rise": "A -> B -> C of one key within 2 s, B.value > A.value, consumed",
    "all": "A -> B -> C of one key within 2 s, every match",
}
TIMEOUT = 600


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--reads", type=int, default=1_000, help="of a blocked reader, in each round")
    parser.add_argument("--only", default="", help=f"some of {', '.join(peer.name for peer in PEERS)}, with commas")
    parser.add_argument("--quick", action="store_true", help="two rounds of a twentieth")
    parser.add_argument("--under", default="", help="words before each measured program: taskset -c 0,1")
    asked = parser.parse_args()
    if asked.quick:
        asked.rounds, asked.events, asked.reads = 2, asked.events // 20, asked.reads // 10
    unknown = set(filter(None, asked.only.split(","))) - {peer.name for peer in PEERS}
    if unknown:
        parser.error(f"no such peer: {', '.join(unknown)}")
    return asked


def say(text):
    print(text, file=sys.stderr, flush=True)


def machine():
    """What the figures have to be read with."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(), "load": os.getloadavg()[0]}


def right_answers(file):
    """What reference.py says of the file, kept beside it."""
    kept = file.with_suffix(".json")
    if not kept.exists():
        say("leaflet: counting the right answers")
        kept.write_text(json.dumps(reference.answers(file)))
    return json.loads(kept.read_text())


def measure(peer, words, variables, file, question, asked):
    """One run of one program."""
    command = [*shlex.split(asked.under), *words, str(file), peer.asked(question)]
    if peer.redis:
        command += ["--reads", str(asked.reads)]
    environment = {**os.environ, **variables}
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, cwd=FOLDER, env=environment)
    figures = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not figures:
        raise RuntimeError(f"{peer.name} failed:\n{(done.stdout + done.stderr)[-2000:]}")
    return json.loads(figures[-1])


def prepare(chosen):
    """The peers that can be had, with how they are called; and why the others can't."""
    ready, skipped = [], {}
    for peer in chosen:
        try:
            ready.append((peer, *peer.prepare()))
        except Unavailable as problem:
            skipped[peer.name] = str(problem)
            say(f"leaflet: {peer.title} is skipped: {problem}")
    return ready, skipped


def middle(rounds, of):
    return median(map(of, rounds))


def rate(figures):
    return figures["events"] / figures["seconds"]


def row(peer, rounds, consume, expected, rates):
    """A line of a table."""
    found = rounds[0]["matches"]
    own = [rate(figures) for figures in rounds]
    words = [peer.title, f"{median(own) / 1e3:,.0f}k", f"{min(own) / 1e3:,.0f}–{max(own) / 1e3:,.0f}k"]
    for name in ("leaflet", "engine"):
        words.append(f"{rates[name] / median(own):.1f}" if name in rates else "")
    words.append("" if found is None else f"{found:,}")
    words.append("" if found is None else f"{expected:,} ({consume})")
    words.append(f"{middle(rounds, lambda figures: figures['cpu_seconds']):.2f}")
    words.append(f"{middle(rounds, lambda figures: figures['peak_mb']):,.0f}")
    for name in ("p50", "p99"):
        timed = "latency_us" in rounds[0]
        words.append(f"{middle(rounds, lambda figures: figures['latency_us'][name]):,.0f}" if timed else "")
    return words


HEADER = "events/s,min–max,Leaflet ×,engine ×,matches,right (consumes),CPU s,MB,p50 µs,p99 µs".split(",")


def table(question, series, answers):
    """Prints what was measured of a question."""
    rates = {peer.name: median(map(rate, rounds)) for peer, rounds in series}
    lines = [[QUESTIONS[question], *HEADER]]
    for peer, rounds in series:
        consume = peer.answers[question]
        lines.append(row(peer, rounds, consume, answers[question].get(consume), rates))
    first, *others = [max(map(len, column)) for column in zip(*lines)]
    lines.insert(1, ["-" * first, *("-" * (width - 1) + ":" for width in others)])
    for title, *words in lines:
        padded = [title.ljust(first), *(word.rjust(width) for word, width in zip(words, others))]
        print(f"| {' | '.join(padded)} |")
    print()


def main():
    asked = arguments()
    names = asked.only.split(",") if asked.only else [peer.name for peer in PEERS]
    file = events.write(FOLDER / f"events-{asked.events}.csv", asked.events)
    answers, facts = right_answers(file), machine()
    ready, skipped = prepare([peer for peer in PEERS if peer.name in names])
    rounds, wrong = {}, []
    for number in range(asked.rounds):
        # Who comes first differs, so that what a machine does meanwhile falls on all.
        turn = number % max(len(ready), 1)
        for peer, words, variables in ready[turn:] + ready[:turn]:
            for question, consume in peer.answers.items():
                figures = measure(peer, words, variables, file, question, asked)
                rounds.setdefault(question, {}).setdefault(peer.name, []).append(figures)
                say(f"round {number + 1}, {question}: {peer.title} {rate(figures):,.0f}/s, {figures['matches']} matches")
                if consume and figures["matches"] != answers[question][consume]:
                    wrong.append(f"{peer.title}, {question}: {figures['matches']} matches, not {answers[question][consume]}")
    print(f"{facts['cpu']}, {facts['cores']} cores, Linux {facts['kernel']}, load {facts['load']:.1f}")
    print(f"{asked.rounds} rounds of {asked.events:,} events; medians\n")
    for question in QUESTIONS:
        series = [(peer, rounds[question][peer.name]) for peer in PEERS if peer.name in rounds.get(question, {})]
        if series:
            table(question, series, answers)
    for name, reason in skipped.items():
        print(f"skipped: {name}: {reason}")
    report = {"machine": facts, "parameters": vars(asked), "right": answers, "rounds": rounds, "skipped": skipped}
    kept = FOLDER.with_suffix(".json")
    kept.write_text(json.dumps(report, indent=1))
    print(f"all rounds: {kept.relative_to(ROOT)}")
    if wrong:
        sys.exit("\n".join(sorted(set(wrong))))


if __name__ == "__main__":
    main()
