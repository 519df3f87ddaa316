# SPDX-License-Identifier: MIT
"""The agent: a Java process that speaks to Kafka for the driver (bench/kafka-streams/, Agent.java)."""

import json
import os
import shutil
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SOURCES = os.path.join(ROOT, "bench/kafka-streams")
BUILT = os.path.join(ROOT, "build/kafka-streams")
CLASSPATH = os.path.join(BUILT, "bench.jar") + ":" + os.path.join(BUILT, "lib/*")


class Failed(Exception):
    """A comparison that cannot go on; the text says why."""


def newest(folder):
    return max(os.path.getmtime(os.path.join(at, name)) for at, _, names in os.walk(folder) for name in names)


def build():
    """Builds the Java side with Maven, unless that was done since it was last changed."""
    jar = os.path.join(BUILT, "bench.jar")
    if os.path.exists(jar) and os.path.getmtime(jar) > newest(SOURCES):
        return
    for tool in ("mvn", "javac"):
        if not shutil.which(tool):
            raise Failed(f"{tool} is not here (Debian: apt-get install maven default-jdk-headless)")
    built = subprocess.run(["mvn", "-q", "-B", "package"], cwd=SOURCES, capture_output=True, text=True)
    if built.returncode:
        raise Failed("bench/kafka-streams does not build:\n" + built.stdout[-4000:] + built.stderr[-2000:])


class Agent:
    """One command, one answer: each method below is a command of Agent.java."""

    def __init__(self, bootstrap):
        self.process = subprocess.Popen(
            ["java", "-Xmx1g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", CLASSPATH, "riacho.bench.Agent", bootstrap],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()

    def ask(self, *words):
        try:
            self.process.stdin.write(" ".join(str(word) for word in words) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        line = self.process.stdout.readline()
        if not line:
            raise Failed(f"the agent ended in `{words[0]}`; what it wrote to stderr says why")
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(f"{' '.join(str(word) for word in words)}: {answer['error']}")
        return answer

    def seconds(self, *words):
        """The instant that the answer names, in the time of time.monotonic(); 0.0: there was none."""
        return self.ask(*words)["nanos"] / 1e9
