#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bench/compare: that its figures are of what they say, and that a wrong result is no result. $RIACHO is the program."""

import argparse
import json
import os
import select
import subprocess
import sys
import tempfile
import time
import unittest
import uuid

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "bench"))

from comparison import agent as agents, engines, process, scenarios  # noqa: E402

COMPARE = os.path.join(ROOT, "bench/compare")
BURN = """
import signal, sys, time
print("READY", flush=True)
until = time.process_time() + float(sys.argv[1])
while time.process_time() < until: pass
print("burnt", flush=True)
signal.pause()
"""


def compare(*words):
    return subprocess.run([COMPARE, *words], capture_output=True, text=True, timeout=280, check=False)


class Driver(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="riacho-test-compare-")
        self.addCleanup(self.folder.cleanup)

    def engine(self, *argv, ready="READY"):
        started = process.Process([sys.executable, "-c", *argv], {}, ready, os.path.join(self.folder.name, "stderr"))
        self.addCleanup(started.process.stdout.close)
        self.addCleanup(started.drop)
        return started

    def test_processor_time_is_what_was_used_between_two_moments(self):
        engine = self.engine(BURN, "0.6", ready="burnt")
        engine.wait_ready()
        burnt = time.monotonic()
        engine.samples.clear()
        idle = engine.cpu_at(burnt)
        self.assertGreaterEqual(idle, 0.6)
        self.assertLess(engine.cpu_at(time.monotonic()) - idle, 0.1)

    def test_memory_is_the_engines_and_its_peak_stays(self):
        engine = self.engine("import signal; kept = bytearray(64 << 20); del kept; print('READY', flush=True); signal.pause()")
        engine.wait_ready()
        self.assertGreater(engine.peak_bytes(), 64 << 20)
        self.assertLess(engine.resident_bytes(), 64 << 20)

    def test_an_engine_that_ends_before_it_is_ready_is_reported_with_its_last_words(self):
        engine = self.engine("import sys; sys.exit('no broker there')")
        with self.assertRaisesRegex(agents.Failed, "(?s)ended with 1 before it was ready.*no broker there"):
            engine.wait_ready()

    def test_an_engine_that_says_nothing_is_not_waited_for_for_ever(self):
        engine = self.engine("import signal; signal.pause()")
        with self.assertRaisesRegex(agents.Failed, "not ready after 0.2 s"):
            engine.wait_ready(0.2)

    def test_an_engine_ends_with_its_driver_however_that_ends(self):
        driver = f"""
import os, sys
sys.path.insert(0, {os.path.join(ROOT, "bench")!r})
from comparison.process import Process
engine = Process([sys.executable, "-c", "import signal; print('READY', flush=True); signal.pause()"], {{}}, "READY", os.devnull)
engine.wait_ready()
print(engine.pid, flush=True)
sys.stdin.read()
"""
        with subprocess.Popen([sys.executable, "-c", driver], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
            engine = os.pidfd_open(int(started.stdout.readline()))
            started.kill()
            self.assertTrue(select.select([engine], [], [], 30)[0])
            os.close(engine)

    def test_the_command_line_is_checked(self):
        for words in (["--scenario", "tea"], ["--scenario", "pass", "--events", "0"], ["--scenario", "pass", "--threads", "3"],
                      ["--scenario", "restore", "--floor"], []):
            self.assertEqual(compare(*words).returncode, 2, words)

    def test_what_cannot_be_compared_yet_says_so(self):
        done = compare("--scenario", "join", "--json")
        self.assertEqual(done.returncode, 3)
        self.assertIn("no joins", json.loads(done.stdout)["notYet"])

    def test_every_topology_is_valid_also_under_the_name_of_a_run(self):
        riacho = os.environ["RIACHO"]
        options = argparse.Namespace(riacho=riacho, threads=1, memory="64MiB", commit_ms=100)
        for topology in {entry[0] for entry in scenarios.SCENARIOS.values()}:
            run = engines.Run(engines.Riacho(options), topology, 1, "127.0.0.1:1", self.folder.name)
            argv, environment, _ = run.engine.command(run)
            done = subprocess.run([riacho, "graph", argv[2], "--schemas", os.path.join(engines.TOPOLOGIES, "schemas")],
                                  env={**os.environ, **environment}, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(f"(topics: [{run.topic_in}])", done.stdout)
            self.assertIn(f"(topic: {run.topic_out})", done.stdout)
            if "-repartition" in done.stdout:
                self.assertIn(run.application + "-", done.stdout)


class Figures(unittest.TestCase):
    def test_ratios_are_ours_over_theirs_of_what_both_have(self):
        ours = {"eventsPerSecond": 800, "cpuMicrosPerEvent": 1.0, "rssPeakMiB": 50.0, "seconds": 1}
        theirs = {"eventsPerSecond": 100, "cpuMicrosPerEvent": 10.0, "rssPeakMiB": 500.0, "recordsPerSecond": 7}
        self.assertEqual(scenarios.ratios(ours, theirs), {"eventsPerSecond": 8.0, "cpuPerEvent": 0.1, "rss": 0.1})

    def test_the_best_round_is_the_fastest_the_smallest_or_the_shortest(self):
        rounds = [{"a": 1, "b": 2}, {"a": 3, "b": 4}]
        self.assertEqual(scenarios.best(rounds, "+a"), rounds[1])
        self.assertEqual(scenarios.best(rounds, "-b"), rounds[0])

    def test_every_scenario_is_offered_and_judged_by_a_figure_that_has_a_ratio(self):
        for name, (_, _, by) in scenarios.SCENARIOS.items():
            self.assertIn(by[1:], scenarios.RATIOS.values(), name)


class OnKafka(unittest.TestCase):
    """With the broker whose words are in the file that $RIACHO_TEST_KAFKA names."""

    @classmethod
    def setUpClass(cls):
        with open(os.environ["RIACHO_TEST_KAFKA"], encoding="utf-8") as file:
            cls.bootstrap = dict(line.rstrip("\n").split("=", 1) for line in file if "=" in line)["bootstrap"]
        agents.build()
        cls.agent = agents.Agent(cls.bootstrap)

    @classmethod
    def tearDownClass(cls):
        cls.agent.__exit__()

    def topic(self):
        name = "test-compare-" + uuid.uuid4().hex
        self.agent.ask("create", name, 4)
        self.addCleanup(self.agent.ask, "delete", name)
        return name

    def check(self, topic, seed, count):
        return self.agent.ask("check", "pass", topic, seed, 100, 10, count)["right"]

    def test_loaded_events_cannot_be_read_before_their_release(self):
        topic = self.topic()
        self.agent.ask("preload", topic, 1, 100, 10, 0, 1000)
        self.assertEqual(self.agent.ask("count", topic)["records"], 0)
        before = time.monotonic()
        released = self.agent.seconds("release")
        self.assertTrue(before <= released <= time.monotonic(), "the agent's clock is ours")
        self.assertEqual(self.agent.ask("count", topic)["records"], 1000)

    def test_a_result_that_is_wrong_by_one_record_or_one_amount_is_found(self):
        topic = self.topic()
        self.agent.ask("preload", topic, 1, 100, 10, 0, 1000)
        self.agent.ask("release")
        self.assertTrue(self.check(topic, 1, 1000))
        self.assertFalse(self.check(topic, 1, 999))
        self.assertFalse(self.check(topic, 2, 1000))
        self.agent.ask("preload", topic, 1, 100, 10, 999, 1)
        self.agent.ask("release")
        self.assertFalse(self.check(topic, 1, 1000), "the last record twice")
        self.assertFalse(self.check(topic, 1, 1001), "the last record in the place of the next")

    def test_quiet_is_seen_with_the_moment_of_the_last_commit(self):
        topic = self.topic()
        self.assertEqual(self.agent.ask("settle", topic, 100, 10000)["nanos"], 0)

    def test_what_fails_is_an_answer(self):
        with self.assertRaisesRegex(agents.Failed, "no command 'dance'"):
            self.agent.ask("dance")

    def test_kafka_streams_gives_what_the_events_give(self):
        done = compare("--scenario", "repartition", "--events", "3000", "--warm-up", "1000", "--pets", "100", "--rounds", "1", "--only", "kafkaStreams",
                       "--heap", "256m", "--bootstrap", self.bootstrap, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        figures = json.loads(done.stdout)["kafkaStreams"]
        self.assertGreaterEqual(figures["outputRecords"], 10)
        for name in ("eventsPerSecond", "cpuMicrosPerEvent", "rssPeakMiB"):
            self.assertGreater(figures[name], 0, name)


if __name__ == "__main__":
    unittest.main()
