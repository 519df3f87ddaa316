# SPDX-License-Identifier: MIT
"""The program under test: how to run it, start it as a worker, and look at what it did."""

import json
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

RIACHO = ""
ROOT = ""
TAMAGHOST = "topology/apps/tamaghost.yaml"
SEED = "topology/apps/tamaghost.seed.jsonl"

START_SECONDS = 30


def clean_environment(**more):
    """Without what the machine's own settings would change."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RIACHO_") and name != "CORS_ALLOW_ORIGIN"}
    return {**kept, **more}


def run(*args, stdin="", cwd=None, seconds=60, **environment):
    return subprocess.run([RIACHO, *args], input=stdin, capture_output=True, text=True, timeout=seconds, cwd=cwd or ROOT,
                          env=clean_environment(**environment), check=False)


class Worker:
    """`riacho run` until the end of the block."""

    def __init__(self, data, *args, topology=TAMAGHOST, cwd=None):
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([RIACHO, "run", topology, "--data", data, "--listen", "127.0.0.1:0", *args], stdout=subprocess.PIPE,
                                        stderr=self.errors, text=True, cwd=cwd or ROOT, env=clean_environment())
        self.url = None
        ready, _, _ = select.select([self.process.stdout], [], [], START_SECONDS)
        line = self.process.stdout.readline() if ready else ""
        if line.startswith("ready "):
            self.url = line.split()[1]
        else:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the worker did not start: {self.trace()}")

    def trace(self):
        self.errors.seek(0)
        return self.errors.read()

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout=30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        self.process.stdout.close()
        self.errors.close()


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="riacho-cmd-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def ends(self, exit_code, *args, **how):
        """Runs and checks what it ended with; returns stdout and stderr."""
        done = run(*args, **how)
        self.assertEqual(done.returncode, exit_code, f"riacho {' '.join(args)}\n--- stdout\n{done.stdout}\n--- stderr\n{done.stderr}")
        return done.stdout, done.stderr

    def works(self, *args, **how):
        return self.ends(0, *args, **how)[0]

    def fails(self, exit_code, said, *args, **how):
        """Fails so, says why on stderr, and nothing on stdout."""
        out, err = self.ends(exit_code, *args, **how)
        self.assertRegex(err, said)
        self.assertEqual(out, "")
        self.assertNotRegex(err, r"Sanitizer|Assertion", "it failed for another reason")
        return err

    def lines(self, *args, **how):
        return [json.loads(line) for line in self.works(*args, **how).splitlines()]

    def eventually(self, look, wanted, seconds=15):
        """What look() gives in the end; the topology needs a moment for each hop."""
        deadline = time.monotonic() + seconds
        while True:
            found = look()
            if found == wanted or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        self.assertEqual(found, wanted)


def verbs():
    """The names of all verbs, from the help."""
    listed = run("--help").stdout.split("\n\n")[2]
    return [re.match(r"  ([a-z]+(?: [a-z]+)?)(?= )", line).group(1) for line in listed.splitlines()]
