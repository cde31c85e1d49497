"""Leaflet in Redis: from XADD to the integrated event."""

from pathlib import Path

from job import Job, with_server


class Leaflet(Job):
    module = with_server.MODULE

    def prepare(self, link, question):
        rule = Path(__file__).with_name("questions") / f"{question}.rule"
        link.command("LEAFLET.RULE.ADD", "peer", rule.read_text())


if __name__ == "__main__":
    Leaflet().main()
