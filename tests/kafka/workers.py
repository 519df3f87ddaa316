#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Workers of one group on a real Kafka: they share the tasks, take over from each other, and count everything once."""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RIACHO = BROKERS = ""
WORDS = {}  # what the broker said of itself
SETTLE_SECONDS = 90
PARTITIONS = 4

# Counts by key, and through a repartition topic by the first letter of the value.
TOPOLOGY = """
apiVersion: riacho/v1
kind: Topology
metadata: {{name: {name}}}
spec:
  caching: false
  streams:
    said: {{topic: {name}-said, keyType: string, valueType: string, partitions: {partitions}}}
  stores:
    counts: {{type: keyValue, keyType: string, valueType: long}}
    letters: {{type: keyValue, keyType: string, valueType: long}}
  pipelines:
    keys:
      from: said
      via:
        - {{groupByKey: {{}}}}
        - {{id: count, aggregate: count, store: counts}}
      to: {name}-counts
    letters:
      from: said
      via:
        - {{id: byLetter, groupBy: value}}
        - {{id: letter, aggregate: count, store: letters}}
      to: {name}-letters
  commands:
    say: {{path: '/say/{{key}}/{{letter}}', to: said, key: path.key, value: path.letter}}
"""


def get(url):
    with urllib.request.urlopen(url, timeout=10) as reply:
        return json.load(reply)


def ask(url, method="GET", **headers):
    """Status, headers and JSON of the answer, whatever it is; header names with _ for -."""
    request = urllib.request.Request(url, method=method, headers={name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=40) as reply:
            return reply.status, reply.headers, json.load(reply)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.headers, json.load(refused)


def ask_again(url, **headers):
    """As a client does that is told to: a group may share out its tasks anew at any moment (a session that ran out on a busy machine),
    and nobody has some of them then."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        status, answered, value = ask(url, **headers)
        if status != 503 or time.monotonic() > deadline:
            return status, answered, value
        time.sleep(int(answered["Retry-After"]))


class Worker:
    """`riacho run` on a data folder that outlives it."""

    def __init__(self, group, name, *more):
        self.group, self.name, self.more = group, name, more
        self.folder = os.path.join(group.folder, name)
        self.process = self.url = None
        self.errors = open(os.path.join(group.folder, name + ".trace"), "w+", encoding="utf-8")

    def start(self, **environment):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("RIACHO_")}
        self.process = subprocess.Popen(
            [RIACHO, "run", self.group.topology, "--log", "kafka", "--bootstrap", BROKERS, "--data", self.folder, "--name", self.name,
             "--listen", "127.0.0.1:0", "--kafka-properties", "session.timeout.ms=3000,heartbeat.interval.ms=500", *self.more],
            stdout=subprocess.PIPE, stderr=self.errors, text=True, env={**kept, **environment}, cwd=ROOT)
        line = self.process.stdout.readline()
        self.url = line.split()[1] if line.startswith("ready ") else None
        return self

    def kill(self):
        self.process.kill()
        self.ended()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self, seconds=60):
        exit_code = self.process.wait(timeout=seconds)
        self.process.stdout.close()
        self.process = None
        return exit_code

    def trace(self):
        self.errors.flush()
        with open(self.errors.name, encoding="utf-8") as file:
            return file.read()

    def states(self):
        """Its tasks and their states."""
        if not self.process:
            return {}
        return {item["task"]: item["state"] for item in get(self.url + "/v1/tasks")["items"]}

    def running(self):
        return sorted(task for task, state in self.states().items() if state == "running")


class Group(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.name = f"w{os.getpid()}-{random.randrange(10**6)}"
        self.folder = tempfile.mkdtemp(prefix="riacho-workers-")
        self.topology = self.write("topology.yaml", TOPOLOGY.format(name=self.name, partitions=PARTITIONS))
        self.workers, self.sent = [], []
        self.addCleanup(self.clean_up)

    def clean_up(self):
        for worker in self.workers:
            if worker.process:
                worker.kill()
            worker.errors.close()
        failed = self._outcome and any(error for _, error in getattr(self._outcome.result, "failures", []) + self._outcome.result.errors)
        if failed:
            print(f"what the workers said is in {self.folder}", file=sys.stderr)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def worker(self, name, *more, **environment):
        worker = Worker(self, name, *more)
        self.workers.append(worker)
        return worker.start(**environment)

    def riacho(self, *args, stdin=""):
        return subprocess.run([RIACHO, *args, "--log", "kafka", "--bootstrap", BROKERS], input=stdin, capture_output=True, text=True,
                              timeout=120, cwd=ROOT, check=False)

    def send(self, count):
        lines = []
        for i in range(count):
            key, letter = f"k{random.randrange(20)}", random.choice("abcdef")
            self.sent.append((key, letter))
            lines.append(json.dumps({"topic": f"{self.name}-said", "key": key, "value": letter, "timestamp": len(self.sent)}))
        done = self.riacho("topic", "produce", "--topology", self.topology, stdin="\n".join(lines) + "\n")
        self.assertEqual(done.returncode, 0, done.stderr)

    def consume(self, topic):
        done = self.riacho("topic", "consume", f"{self.name}-{topic}", "--topology", self.topology)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def eventually(self, look, wanted, seconds=SETTLE_SECONDS):
        deadline = time.monotonic() + seconds
        found = None
        while time.monotonic() < deadline:
            try:
                found = look()
            except (OSError, urllib.error.URLError) as error:
                found = str(error)
            if found == wanted:
                return
            for worker in self.workers:
                if worker.process and worker.process.poll() is not None:
                    self.fail(f"worker {worker.name} ended with {worker.process.returncode}: {worker.trace()[-3000:]}")
            time.sleep(0.2)
        self.assertEqual(found, wanted)

    def all_tasks(self):
        return sorted(f"{sub}_{partition}" for sub in (0, 1) for partition in range(PARTITIONS))

    def expect_shared(self):
        """Every task runs once."""
        self.eventually(lambda: sorted(task for worker in self.workers for task in worker.running()), self.all_tasks())

    def expect_counted(self):
        """Each topic has the running counts 1, 2, 3 ... of each key, each once, in order."""
        wanted = {"counts": {}, "letters": {}}
        for key, letter in self.sent:
            wanted["counts"][key] = wanted["counts"].get(key, 0) + 1
            wanted["letters"][letter] = wanted["letters"].get(letter, 0) + 1
        for topic, totals in wanted.items():
            self.eventually(lambda topic=topic: self.newest(topic), totals)
            seen = {}
            for record in self.consume(topic):
                seen.setdefault(record["key"], []).append(record["value"])
            for key, values in seen.items():
                self.assertEqual(values, list(range(1, totals[key] + 1)), f"{topic} of {key}")

    def newest(self, topic):
        return {record["key"]: record["value"] for record in self.consume(topic)}


class Sharing(Group):
    def test_one_worker_has_all_tasks_and_goes_on_after_a_clean_stop(self):
        worker = self.worker("one")
        self.send(300)
        self.expect_shared()
        self.expect_counted()
        self.assertEqual(worker.stop(), 0, worker.trace()[-3000:])
        self.send(100)
        worker.start()
        self.expect_shared()
        self.expect_counted()
        self.assertNotIn("moved aside", worker.trace())

    def test_two_workers_share_and_one_takes_over_when_the_other_is_killed(self):
        one, two = self.worker("one"), self.worker("two")
        self.expect_shared()
        self.eventually(lambda: (len(one.running()), len(two.running())), (PARTITIONS, PARTITIONS))
        self.send(500)
        self.expect_counted()
        self.send(200)
        two.kill()
        self.expect_shared()
        self.assertEqual(one.running(), self.all_tasks())
        self.expect_counted()
        two.start()
        self.eventually(lambda: (len(one.running()), len(two.running())), (PARTITIONS, PARTITIONS))
        self.send(100)
        self.expect_counted()

    def test_a_worker_that_stops_hands_over_at_once(self):
        one, two = self.worker("one"), self.worker("two")
        self.send(300)
        self.expect_shared()
        self.assertEqual(two.stop(), 0, two.trace()[-3000:])
        self.eventually(one.running, self.all_tasks())
        self.expect_counted()

    def test_a_standby_is_promoted_with_the_state_it_has(self):
        one, two = self.worker("one", "--standbys", "1"), self.worker("two", "--standbys", "1")
        self.expect_shared()
        self.send(400)
        self.expect_counted()
        self.eventually(lambda: sorted(set(one.states().values()) | set(two.states().values())), ["running", "standby"])
        two.kill()
        self.eventually(one.running, self.all_tasks())
        self.send(100)
        self.expect_counted()

    def test_workers_come_and_go_under_load(self):
        names = ["one", "two", "three"]
        workers = [self.worker(name, "--standbys", "1", "--threads", "2") for name in names]
        for turn in range(6):
            self.send(200)
            worker = workers[turn % 3]
            (worker.kill if turn % 2 else worker.stop)()
            self.send(100)
            worker.start()
        self.expect_shared()
        self.expect_counted()

    def test_state_that_is_lost_comes_back_from_the_changelogs(self):
        worker = self.worker("one")
        self.send(300)
        self.expect_shared()
        self.expect_counted()
        worker.kill()
        shutil.rmtree(worker.folder)
        worker.start()
        self.send(100)
        self.expect_counted()


class Sites(Group):
    """A worker ends as by a kill at each named place (runtime/fault.h), in a program that was built with RIACHO_FAULTS."""

    def end_at(self, site, count, *more):
        """Two workers; the second ends at the site while events come, and comes back."""
        one, two = self.worker("one", *more), self.worker("two", *more, RIACHO_FAULT=f"{site}:{count}")
        self.send(100)
        deadline = time.monotonic() + SETTLE_SECONDS
        while two.process.poll() is None and time.monotonic() < deadline:
            self.send(20)
            time.sleep(0.3)
        self.assertEqual(two.process.poll(), 137, f"never came to {site}: {two.trace()[-2000:]}")
        two.ended()
        self.send(50)
        two.start()
        self.expect_shared()
        self.expect_counted()
        self.assertEqual((one.stop(), two.stop()), (0, 0))

    def ends_by_the_site(self, worker):
        self.assertEqual(worker.process.wait(timeout=SETTLE_SECONDS), 137, worker.trace()[-2000:])
        worker.ended()

    def test_promotion(self):
        one = self.worker("one", "--standbys", "1")
        two = self.worker("two", "--standbys", "1", RIACHO_FAULT="promotion:1")
        self.send(100)
        self.eventually(lambda: sorted(set(one.states().values()) | set(two.states().values())), ["running", "standby"])
        one.kill()
        self.ends_by_the_site(two)
        one.start()
        two.start()
        self.expect_shared()
        self.expect_counted()

    def test_revoking(self):
        one = self.worker("one", RIACHO_FAULT="revoking:1")
        self.send(100)
        self.eventually(one.running, self.all_tasks())
        self.worker("two")
        self.ends_by_the_site(one)
        one.start()
        self.expect_shared()
        self.expect_counted()


def end_at(site, count):
    return lambda self: self.end_at(site, count)


for SITE in ("init", "restoring", "begun", "sentSome", "beforePositions", "afterPositions", "committing", "committed", "stateSome"):
    setattr(Sites, f"test_{SITE}", end_at(SITE, 2))


class Secure(Group):
    """Over TLS with a password, which is in a file."""

    def setUp(self):
        super().setUp()
        if "sasl_ssl" not in WORDS:
            self.fail("this broker has no listener with TLS and passwords: `broker start --ssl --sasl`, and --words")
        with open(os.path.join(WORDS["secrets"], "user"), encoding="ascii") as file:
            self.user = file.read().strip()

    def properties(self, password_file):
        return ",".join(["security.protocol=SASL_SSL", f"ssl.ca.location={WORDS['secrets']}/ca.pem", "sasl.mechanism=SCRAM-SHA-512",
                         f"sasl.username={self.user}", f"sasl.password_FILE={password_file}"])

    def ask(self, password_file):
        return subprocess.run([RIACHO, "topic", "ls", "--log", "kafka", "--bootstrap", WORDS["sasl_ssl"], "--kafka-properties",
                               self.properties(password_file)], capture_output=True, text=True, timeout=60, cwd=ROOT, check=False)

    def test_the_right_password_opens(self):
        done = self.ask(os.path.join(WORDS["secrets"], "password"))
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_wrong_password_is_a_bad_configuration_and_is_not_repeated(self):
        done = self.ask(self.write("password", "not-this-one"))
        self.assertEqual(done.returncode, 78, done.stderr)
        self.assertRegex(done.stderr.splitlines()[-1], "(?i)authentication|credentials|password")
        self.assertNotIn("not-this-one", done.stderr)

    def test_a_password_file_that_is_not_there_is_named(self):
        done = self.ask(os.path.join(self.folder, "nowhere"))
        self.assertEqual(done.returncode, 78, done.stderr)
        self.assertIn("nowhere", done.stderr)


class Asking(Group):
    """Any worker answers, whoever has the task."""

    def totals(self):
        counts, letters = {}, {}
        for key, letter in self.sent:
            counts[key] = counts.get(key, 0) + 1
            letters[letter] = letters.get(letter, 0) + 1
        return {"counts": counts, "letters": letters}

    def shown(self, worker):
        """What a worker shows of both stores, page after page; the status when it does not."""
        found = {}
        for store in ("counts", "letters"):
            path, found[store] = f"/v1/stores/{store}/range?limit=7", {}
            while path:
                status, headers, page = ask(worker.url + path)
                if status != 200:
                    return status
                found[store].update({item["key"]: item["value"] for item in page["items"]})
                path = headers["Link"].split(">")[0][1:] if headers["Link"] else None
        return found

    def say(self, worker, key, letter):
        status, headers, reply = ask(f"{worker.url}/api/{self.name}/say/{key}/{letter}", "POST", Prefer="wait=20")
        self.assertEqual((status, reply.get("state")), (200, "processed"), reply)
        self.sent.append((key, letter))
        return headers["Stream-Position"]

    def test_every_worker_answers_for_all_of_them(self):
        workers = [self.worker(name) for name in ("one", "two", "three")]
        self.send(200)
        self.expect_shared()
        for worker in workers:
            self.eventually(lambda worker=worker: self.shown(worker), self.totals())
            for key, count in self.totals()["counts"].items():
                status, headers, value = ask_again(f"{worker.url}/v1/stores/counts/keys/{key}")
                self.assertEqual((status, value, headers["Riacho-Role"]), (200, count, "active"))
                self.assertIn("http://" + headers["Served-By"], [one.url for one in workers])
            status, _, listed = ask(worker.url + "/v1/workers")
            self.assertEqual({item["name"]: item["state"] for item in listed["items"]}, {"one": "ready", "two": "ready", "three": "ready"})
            self.assertEqual({"http://" + item["worker"] for item in listed["items"]}, {one.url for one in workers})

    def test_what_was_said_here_is_seen_there_hops_included(self):
        one, two = self.worker("one"), self.worker("two")
        self.expect_shared()
        for turn in range(16):
            here, there = (one, two) if turn % 2 else (two, one)
            letter = "abcdef"[turn % 6]
            position = self.say(here, f"k{turn % 5}", letter)
            status, _, value = ask_again(f"{there.url}/v1/stores/letters/keys/{letter}", If_Position=position)
            self.assertEqual((status, value), (200, self.totals()["letters"][letter]))
            status, headers, value = ask_again(f"{there.url}/v1/stores/counts/keys/k{turn % 5}", Read_Consistency="strong", Prefer="wait=20")
            self.assertEqual((status, value, headers["Riacho-Role"]), (200, self.totals()["counts"][f"k{turn % 5}"], "active"))

    def test_a_worker_that_dies_is_503_until_another_has_its_tasks(self):
        one, two = self.worker("one"), self.worker("two")
        self.send(100)
        self.expect_shared()
        self.eventually(lambda: self.shown(one), self.totals())
        lost = two.running()
        two.kill()
        status, headers, problem = ask(one.url + f"/v1/stores/{'counts' if lost[0][0] == '0' else 'letters'}/range")
        self.assertEqual((status, headers["Retry-After"]), (503, "1"), problem)
        self.assertIn(f"task {self.name}/{lost[0]}", problem["detail"])
        self.eventually(lambda: self.shown(one), self.totals())

    def test_a_standby_answers_when_its_worker_does_not(self):
        one, two = self.worker("one", "--standbys", "1"), self.worker("two", "--standbys", "1")
        self.send(100)
        self.expect_shared()
        self.eventually(lambda: self.shown(one), self.totals())
        self.eventually(lambda: sorted(set(one.states().values())), ["running", "standby"])
        old = {"Read_Consistency": "bounded=3600000ms"}
        self.eventually(lambda: ask(one.url + "/v1/stores/counts/range?limit=100", **old)[1]["Riacho-Role"], "standby")
        two.kill()
        status, headers, page = ask(one.url + "/v1/stores/counts/range?limit=100", **old)
        self.assertEqual(status, 200, page)
        self.assertEqual({item["key"]: item["value"] for item in page["items"]}, self.totals()["counts"])
        self.assertIn(headers["Riacho-Role"], ("active", "standby"))

    def test_workers_with_another_secret_are_not_answered(self):
        for name in ("ours", "theirs"):
            with open(os.path.join(self.folder, name), "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
                file.write(os.urandom(32))
        one = self.worker("one", "--group-secret", os.path.join(self.folder, "ours"))
        two = self.worker("two", "--group-secret", os.path.join(self.folder, "ours"))
        self.send(50)
        self.expect_shared()
        self.eventually(lambda: self.shown(two), self.totals())
        visitor = ask(one.url + "/v1/visitor")
        again = ask(two.url + "/v1/visitor", Riacho_Visitor=visitor[1]["Riacho-Visitor"])
        self.assertEqual(again[2]["visitor"], visitor[2]["visitor"])
        three = self.worker("three", "--group-secret", os.path.join(self.folder, "theirs"))
        self.eventually(lambda: len(three.running()) > 0, True)
        status, _, listed = ask(three.url + "/v1/workers")
        said = {item["name"]: item.get("reason", "") for item in listed["items"]}
        self.assertIn("another secret", said["one"])
        self.assertEqual(self.shown(three), 503)


class Refusals(Group):
    def refused(self, exit_code, said, *more, topology=None, bootstrap=None):
        done = subprocess.run(
            [RIACHO, "run", topology or self.topology, "--log", "kafka", "--bootstrap", BROKERS if bootstrap is None else bootstrap,
             "--data",
             os.path.join(self.folder, "refused"), "--listen", "127.0.0.1:0", "--name", "refused", *more],
            capture_output=True, text=True, timeout=60, cwd=ROOT, check=False)
        self.assertEqual(done.returncode, exit_code, done.stderr)
        self.assertRegex(done.stderr, said)

    def test_no_broker_answers(self):
        self.refused(69, r"127\.0\.0\.1:1\b", bootstrap="127.0.0.1:1")

    def test_where_kafka_is_was_not_said(self):
        self.refused(78, "where is Kafka", bootstrap="")

    def test_a_property_that_results_depend_on_is_refused_by_name(self):
        self.refused(78, "isolation.level", "--kafka-properties", "isolation.level=read_uncommitted")

    def test_a_secret_on_the_command_line_is_refused(self):
        self.refused(78, "sasl.password_FILE", "--kafka-properties", "sasl.password=hunter2")

    def test_a_secret_that_is_not_there_is_not_made_up(self):
        self.refused(78, "group's secret", "--group-secret", os.path.join(self.folder, "none"))

    def test_who_is_told_where_to_come_must_be_listened_to(self):
        self.refused(78, "--peers", "--advertise", "127.0.0.1:1")

    def test_two_topologies_need_a_group(self):
        other = self.write("other.yaml", TOPOLOGY.format(name=self.name + "-other", partitions=1))
        done = subprocess.run([RIACHO, "run", self.topology, other, "--log", "kafka", "--bootstrap", BROKERS, "--data",
                               os.path.join(self.folder, "two")], capture_output=True, text=True, timeout=60, cwd=ROOT, check=False)
        self.assertEqual(done.returncode, 78, done.stderr)
        self.assertIn("--group", done.stderr)

    def test_other_graphs_in_one_group_are_refused_and_both_are_named(self):
        worker = self.worker("one")
        self.expect_shared()
        edited = self.write("edited.yaml", TOPOLOGY.format(name=self.name, partitions=PARTITIONS).replace("groupBy: value", "groupBy: lower(value)"))
        self.refused(65, f"runs {self.name}@.*this worker would run {self.name}@", topology=edited)
        self.assertEqual(worker.stop(), 0)

    def test_a_wrong_partition_count_is_refused_with_both(self):
        made = self.riacho("topic", "create", f"{self.name}-said", "--partitions", "3")
        self.assertEqual(made.returncode, 0, made.stderr)
        self.refused(65, f"{self.name}-said.*3.*{PARTITIONS}|{self.name}-said.*{PARTITIONS}.*3")

    def test_two_workers_of_one_folder_are_refused(self):
        worker = self.worker("refused")
        self.refused(69, "give each its own --data")
        self.assertEqual(worker.stop(), 0)

    def test_the_second_worker_of_a_name_says_so_and_ends(self):
        one = self.worker("one")
        self.expect_shared()
        twin = Worker(self, "one")
        twin.folder += "-twin"
        self.addCleanup(twin.errors.close)
        twin.start()
        ended = [worker for worker in (one, twin) if self.ends(worker)]
        self.assertEqual(len(ended), 1, "exactly one of two workers of a name goes on")
        self.assertIn("name", ended[0].trace().splitlines()[-1])
        for worker in (one, twin):
            if worker.process:
                worker.kill()

    @staticmethod
    def ends(worker, seconds=20):
        try:
            return worker.ended(seconds) != 0
        except subprocess.TimeoutExpired:
            return False


def main():
    global RIACHO, BROKERS, WORDS
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--riacho", required=True)
    parser.add_argument("--words", help="the file that `broker up` wrote")
    parser.add_argument("--bootstrap", help="a broker that is there already")
    options, rest = parser.parse_known_args()
    RIACHO, BROKERS = os.path.abspath(options.riacho), options.bootstrap
    if options.words:
        with open(options.words, encoding="utf-8") as file:
            WORDS = dict(line.strip().split("=", 1) for line in file if "=" in line)
        BROKERS = WORDS["bootstrap"]
    unittest.main(argv=[sys.argv[0], "-v", *rest])


main()
