# SPDX-License-Identifier: MIT
"""The two sides: how each is started, and nowhere else."""

import base64
import json
import os
import shutil
import subprocess

from .agent import CLASSPATH, Failed, ROOT
from .process import Process

TOPOLOGIES = os.path.join(ROOT, "bench/topologies")


class KafkaStreams:
    """Peer.java. What it is configured with beyond its command line stands there."""
    name = "kafkaStreams"

    def __init__(self, options):
        self.options = options

    def settings(self):
        return {"maxHeap": self.options.heap, "stateStoreCache": self.options.cache, "threads": self.options.threads, "commitMs": self.options.commit_ms}

    def command(self, run):
        cache = {"64m": str(64 << 20), "default": "default"}[self.options.cache]
        argv = ["java", f"-Xmx{self.options.heap}", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", CLASSPATH, "riacho.bench.Peer",
                run.topology, run.application, run.bootstrap, run.topic_in, run.topic_out, run.folder,
                str(self.options.threads), cache, str(self.options.commit_ms)]
        return argv, {}, "READY"

    @staticmethod
    def forget_state(run):
        shutil.rmtree(os.path.join(run.folder, run.application))


class Riacho:
    """`riacho run`, on a copy of the topology that has the application's name, from which its internal topics have theirs."""
    name = "riacho"

    def __init__(self, options):
        self.options = options

    def settings(self):
        return {"memory": self.options.memory, "threads": self.options.threads, "commitMs": self.options.commit_ms}

    def command(self, run):
        file = os.path.join(run.folder, run.topology + ".yaml")
        with open(os.path.join(TOPOLOGIES, run.topology + ".yaml"), encoding="utf-8") as source, open(file, "w", encoding="utf-8") as copy:
            copy.write(source.read().replace("name: compare-" + run.topology + "}", "name: " + run.application + "}"))
        argv = [self.options.riacho, "run", file, "--log", "kafka", "--bootstrap", run.bootstrap, "--kafka-properties", "compression.type=lz4",
                "--name", "compare", "--data", os.path.join(run.folder, "data"), "--listen", "127.0.0.1:0",
                "--threads", str(self.options.threads), "--memory", self.options.memory, "--trace", "warn",
                "--commit-interval", f"{self.options.commit_ms}ms",
                "--schemas", os.path.join(TOPOLOGIES, "schemas")]
        return argv, {"COMPARE_IN": run.topic_in, "COMPARE_OUT": run.topic_out}, "ready "

    @staticmethod
    def forget_state(run):
        shutil.rmtree(os.path.join(run.folder, "data", "state-" + run.application))


class Floor:
    """bench/kafka_pass: Riacho's log port without its engine. Only for `pass`."""
    name = "floor"

    def __init__(self, options):
        self.options = options

    def settings(self):
        return {"commitMs": self.options.commit_ms}

    def command(self, run):
        program = os.path.join(os.path.dirname(self.options.riacho), "kafka_pass")
        return [program, run.bootstrap, run.topic_in, run.topic_out, str(self.options.commit_ms)], {}, "ready"


SIDES = (KafkaStreams, Riacho, Floor)


def publish_schema(riacho, bootstrap):
    """Care gets id 1 in the topic that Riacho has the ids of schemas from: a worker never adds the schema of a topic that it only reads."""
    ask = [riacho, "topic"], ["riacho-schemas", "--log", "kafka", "--bootstrap", bootstrap]
    if subprocess.run([*ask[0], "create", *ask[1], "--partitions", "1"], capture_output=True, check=False).returncode:
        return  # the broker has it from an earlier comparison
    with open(os.path.join(TOPOLOGIES, "schemas", "Care.avsc"), encoding="utf-8") as file:
        schema = json.load(file)
    del schema["doc"]
    record = {"key": "Care-value", "value": base64.b64encode(json.dumps(schema).encode()).decode()}
    produced = subprocess.run([*ask[0], "produce", *ask[1], "--key-type", "string"], input=json.dumps(record) + "\n",
                              capture_output=True, text=True, check=False)
    if produced.returncode:
        raise Failed("the schema of the events is not in riacho-schemas: " + produced.stderr)


class Run:
    """One engine on topics of its own: fresh ones, so that neither side finds what the other warmed or left."""

    def __init__(self, engine, topology, number, bootstrap, folder):
        self.engine, self.topology, self.bootstrap = engine, topology, bootstrap
        self.application = f"compare-{topology}-{os.getpid()}-{number}-{engine.name.lower()}"
        self.topic_in, self.topic_out = self.application + "-in", self.application + "-out"
        self.folder = os.path.join(folder, self.application)
        os.mkdir(self.folder)
        self.process = None

    def start(self):
        argv, environment, ready = self.engine.command(self)
        self.process = Process(argv, environment, ready, os.path.join(self.folder, "stderr"))
        return self.process

    def close(self):
        if self.process:
            self.process.drop()
        shutil.rmtree(self.folder, ignore_errors=True)
