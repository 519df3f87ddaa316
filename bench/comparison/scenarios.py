# SPDX-License-Identifier: MIT
"""What is measured. Each scenario drives one engine through one run and returns its figures, or raises Failed.

The input of a measurement is loaded in a transaction that stays open until the engine is up and has handled the warm-up. Its commit is
the instant from which the engine can read, and the same one for both sides: no start of a process, no joining of a group is in a figure.
"""

import signal
import time

from .agent import Failed

SEED = 20261122
PARTITIONS, MEMORY_PARTITIONS = 4, 100
QUIET_MS = 2000
DRIP_PER_SECOND = 1000
STEADY_SECONDS = 2
RESTORE_STARTS = (True, False) * 3  # whether it has its state; the fastest of each counts, because other programs may disturb one
RESTORE_SHARE_MIN = 0.2  # by how much longer a start must take without state than with it


class Loaded:
    """Topics of a run, and how many events are in the input."""

    def __init__(self, agent, run, options, pets, partitions=PARTITIONS):
        self.agent, self.run, self.options, self.count = agent, run, options, 0
        self.events = (SEED, pets, max(1, pets // 10))
        for topic in (run.topic_in, run.topic_out):
            agent.ask("create", topic, partitions)

    def preload(self, count):
        self.agent.ask("preload", self.run.topic_in, *self.events, self.count, count)
        self.count += count

    def release(self):
        return self.agent.seconds("release")

    def settle(self):
        """Waits for the right result: when it was committed, and how many records the output has. Quiet alone is no end: an engine
        may pause."""
        until, last = time.monotonic() + self.options.limit, 0.0
        while True:
            last = self.agent.seconds("settle", self.run.topic_out, QUIET_MS, self.options.limit * 1000) or last
            self.run.process.check_alive()
            checked = self.agent.ask("check", self.run.topology, self.run.topic_out, *self.events, self.count)
            if checked["right"]:
                return last, checked["records"]
            if time.monotonic() > until:
                raise Failed(f"the result is wrong and nothing changes: {checked['why']}")

    def warm_up(self):
        """The engine is up, and has compiled what it will run, when this returns."""
        self.preload(self.options.warm_up)
        self.release()
        process = self.run.start()
        process.wait_ready()
        self.settle()
        return process


def throughput(agent, run, options):
    return measured(Loaded(agent, run, options, options.pets), run, options)


def memory(agent, run, options):
    loaded = Loaded(agent, run, options, options.pets, MEMORY_PARTITIONS)
    figures = measured(loaded, run, options)
    figures["partitions"], figures["stores"] = MEMORY_PARTITIONS, 3
    return figures


def measured(loaded, run, options):
    process = loaded.warm_up()
    loaded.preload(options.events)
    before = process.cpu_at(time.monotonic())
    with process.profiled(options.profile):
        released = loaded.release()
        done, records = loaded.settle()
    used = process.cpu_at(done) - before
    figures = {
        "seconds": round(done - released, 3),
        "eventsPerSecond": round(options.events / (done - released)),
        "cpuMicrosPerEvent": round(used * 1e6 / options.events, 3),
        "rssPeakMiB": round(process.peak_bytes() / 2**20, 1),
        "rssMiB": round(process.resident_bytes() / 2**20, 1),
        "outputRecords": records,
    }
    process.end()
    return figures


def changelog_records(agent, run):
    topics = [topic for topic in agent.ask("topics", run.application)["topics"] if topic.endswith("-changelog")]
    if not topics:
        raise Failed(f"{run.engine.name} made no changelog")
    return sum(agent.ask("count", topic)["records"] for topic in topics)


def first_results(agent, run, profile):
    """A start, up to a result in every partition: its seconds, its CPU seconds, its peak memory. The engine has ended after that."""
    agent.ask("mark", run.topic_out)
    agent.ask("touch", run.topic_in)
    process = run.start()
    with process.profiled(profile):
        process.wait_ready(600)
        moved = agent.seconds("moved", run.topic_out, 600_000)
    took = moved - process.spawned, process.cpu_at(moved), process.peak_bytes()
    process.end()
    return took


def restore(agent, run, options):
    """State of as many keys as events, lost; a start with it, taken away, is what the restore did not cost."""
    loaded = Loaded(agent, run, options, options.events)
    process = loaded.warm_up()
    loaded.preload(options.events)
    loaded.release()
    loaded.settle()
    process.end()
    records = changelog_records(agent, run)
    starts = {True: [], False: []}
    for has_state in RESTORE_STARTS:
        if not has_state:
            run.engine.forget_state(run)
        starts[has_state].append(first_results(agent, run, None if has_state else options.profile))
    (with_state, cpu_with, _), (without, cpu_without, peak) = min(starts[True]), min(starts[False])
    if without - with_state < RESTORE_SHARE_MIN * with_state:
        raise Failed(f"a start without state took {without:.2f} s, one with state {with_state:.2f} s: too few --events to tell them apart")
    return {
        "changelogRecords": records,
        "secondsToFirstResultsWithState": round(with_state, 3),
        "secondsToFirstResultsWithoutState": round(without, 3),
        "recordsPerSecond": round(records / (without - with_state)),
        "cpuMicrosPerRecord": round((cpu_without - cpu_with) * 1e6 / records, 3),
        "rssPeakMiB": round(peak / 2**20, 1),
    }


def pause(agent, run, number):
    """From the signal to the first committed result of an event that came after the process had gone."""
    sent = run.process.end(number)
    gone_ms = int(time.time() * 1000)
    run.start()
    return agent.seconds("firstAfter", gone_ms, 600_000) - sent


def restart(agent, run, options):
    """Under a trickle of events, with the state of --events behind it."""
    loaded = Loaded(agent, run, options, options.pets)
    loaded.warm_up()
    loaded.preload(options.events)
    loaded.release()
    loaded.settle()
    agent.ask("watch", run.topic_out)
    agent.ask("drip", run.topic_in, *loaded.events, DRIP_PER_SECOND)
    figures = {"eventsPerSecondMeanwhile": DRIP_PER_SECOND}
    try:
        for name, number in (("sigterm", signal.SIGTERM), ("sigkill", signal.SIGKILL)):
            time.sleep(STEADY_SECONDS)
            figures[name + "PauseSeconds"] = round(pause(agent, run, number), 3)
            run.process.wait_ready()
    finally:
        agent.ask("stopDrip")
    figures["rssPeakMiB"] = round(run.process.peak_bytes() / 2**20, 1)
    run.process.end()
    return figures


# name -> (topology, what runs it, the figure by which the best of the rounds is chosen: + more is better, - less is)
SCENARIOS = {
    "pass": ("pass", throughput, "+eventsPerSecond"),
    "aggregate": ("aggregate", throughput, "+eventsPerSecond"),
    "repartition": ("repartition", throughput, "+eventsPerSecond"),
    "restore": ("aggregate", restore, "+recordsPerSecond"),
    "restart": ("aggregate", restart, "-sigtermPauseSeconds"),
    "memory": ("memory", memory, "-rssPeakMiB"),
}
NOT_YET = {"join": "Riacho has no joins yet; there is nothing to compare"}

RATIOS = {
    "eventsPerSecond": "eventsPerSecond", "recordsPerSecond": "recordsPerSecond", "cpuPerEvent": "cpuMicrosPerEvent",
    "cpuPerRecord": "cpuMicrosPerRecord", "rss": "rssPeakMiB", "sigtermPause": "sigtermPauseSeconds", "sigkillPause": "sigkillPauseSeconds",
}


def best(rounds, by):
    return (max if by[0] == "+" else min)(rounds, key=lambda figures: figures[by[1:]])


def ratios(ours, theirs):
    """Ours over theirs, of whatever both have."""
    return {name: round(ours[figure] / theirs[figure], 4) for name, figure in RATIOS.items() if ours.get(figure) and theirs.get(figure)}
