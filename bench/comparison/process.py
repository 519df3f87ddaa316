# SPDX-License-Identifier: MIT
"""An engine's process, and what /proc says of it. Only this process is counted: neither the broker nor the agent."""

import contextlib
import ctypes
import os
import signal
import subprocess
import threading
import time

from .agent import Failed

TICKS = os.sysconf("SC_CLK_TCK")
SAMPLE_SECONDS = 0.05
PR_SET_PDEATHSIG = 1


def cpu_seconds(pid):
    """User and system time of all threads, those that ended included."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_bytes(pid, name):
    """VmRSS or VmHWM, the peak of it."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024
    raise Failed(f"process {pid} has no {name}")


def die_with_parent():
    """So that a driver that is killed leaves no engine running, which would be in every later measurement."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """From the start to the end of one engine."""

    def __init__(self, argv, environment, ready, trace):
        """`ready`: how the line begins with which it says on stdout that it runs. `trace`: the file that gets its stderr."""
        self.trace, self.samples, self.is_ready = trace, [], threading.Event()
        self.spawned = time.monotonic()
        with open(trace, "ab") as errors:
            self.process = subprocess.Popen(argv, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True,
                                            preexec_fn=die_with_parent)
        self.pid = self.process.pid
        threading.Thread(target=self.listen, args=(ready,), daemon=True).start()
        threading.Thread(target=self.sample, daemon=True).start()

    def listen(self, ready):
        for line in self.process.stdout:
            if line.startswith(ready):
                self.is_ready.set()

    def sample(self):
        while self.process.returncode is None:
            try:
                self.samples.append((time.monotonic(), cpu_seconds(self.pid)))
            except (FileNotFoundError, ProcessLookupError):
                return
            time.sleep(SAMPLE_SECONDS)

    def wait_ready(self, limit=120):
        until = time.monotonic() + limit
        while not self.is_ready.wait(0.01):
            if self.process.poll() is not None:
                raise Failed(f"the engine ended with {self.process.returncode} before it was ready:\n{self.said()}")
            if time.monotonic() > until:
                raise Failed(f"the engine is not ready after {limit} s:\n{self.said()}")

    def check_alive(self):
        if self.process.poll() is not None:
            raise Failed(f"the engine ended with {self.process.returncode}:\n{self.said()}")

    def said(self):
        with open(self.trace, encoding="utf-8", errors="replace") as trace:
            return trace.read()[-3000:]

    def cpu_at(self, moment):
        """What it had used by then: the first sample that is not older."""
        for at, used in list(self.samples):
            if at >= moment:
                return used
        return cpu_seconds(self.pid)

    def peak_bytes(self):
        return memory_bytes(self.pid, "VmHWM")

    def resident_bytes(self):
        return memory_bytes(self.pid, "VmRSS")

    def end(self, number=signal.SIGTERM, limit=90):
        """Returns when the signal was sent; the process is gone when it returns."""
        self.check_alive()
        sent = time.monotonic()
        self.process.send_signal(number)
        try:
            self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failed(f"the engine did not end within {limit} s of signal {int(number)}:\n{self.said()}") from None
        return sent

    @contextlib.contextmanager
    def profiled(self, file):
        """Linux' perf on this process for as long as the block takes, into `file`; None: not at all. It disturbs what is measured."""
        if not file:
            yield
            return
        try:
            perf = subprocess.Popen(["perf", "record", "--quiet", "-F", "499", "-g", "-p", str(self.pid), "-o", file])
        except FileNotFoundError:
            raise Failed("perf is not here (Debian: apt-get install linux-perf)") from None
        try:
            yield
        finally:
            perf.send_signal(signal.SIGINT)
            perf.wait()

    def drop(self):
        """The end of a run that failed."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
