"""The limit: a Redis that appends the events and answers nothing. Its reader waits for the event itself."""

from job import Job


class Bare(Job):
    answers = False


if __name__ == "__main__":
    Bare().main()
