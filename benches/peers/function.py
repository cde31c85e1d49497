"""A Redis function in Lua that appends the event, correlates and appends the answer: one FCALL an event."""

from pathlib import Path

import events
from job import Job, xadd


class Function(Job):
    def prepare(self, link, question):
        link.command("FUNCTION", "LOAD", Path(__file__).with_suffix(".lua").read_text())

    def command(self, question, event):
        when, kind, key, value = event
        lists = {name: f"waiting:{name}:{key}" for name in "AB"}
        if question == "rise":
            ordered = lists.values()
        elif kind == "C":  # is of no interest: the producer needs no function
            return xadd(event)
        else:
            ordered = [lists.pop(kind), *lists.values()]
        return "FCALL", f"{question}_{self.entry}", 4, events.AXONS[kind], *ordered, events.OUTPUT, when, kind, key, value


if __name__ == "__main__":
    Function().main()
