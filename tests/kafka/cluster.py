# SPDX-License-Identifier: MIT
"""A real Kafka for tests: brokers in KRaft mode on free ports of 127.0.0.1, with nothing but a Java runtime.

    with Cluster(brokers=3) as kafka:
        use(kafka.bootstrap)
        kafka.brokers[1].kill()
        kafka.brokers[1].restart()

A Cluster belongs to one thread, which must live as long as its brokers: Linux kills them with it. `tests/kafka/broker` is the
same for people and for ctest.

With proxied there is one more listener, which tells clients that it is elsewhere: on the port OUTSIDE, where a proxy (proxy.py) must
listen for them.

With ssl clients prove themselves by certificate; with sasl by SCRAM-SHA-512 or PLAIN over TLS. What they need lies in the folder
`secrets`: ca.pem, client.pem, client.key, stranger.pem (an authority nobody here knows), user, password.
"""

import ctypes
import os
import random
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

import certificates

HERE = os.path.dirname(os.path.abspath(__file__))
READY_SECONDS = 60
STOP_SECONDS = 30
STARTS_MAX = 3  # when another program takes a port between our look and our bind
USER = "riacho"
PR_SET_PDEATHSIG = 1

# Everything here makes tests faster or records last; nothing weakens what Kafka promises.
SETTINGS = {
    "auto.create.topics.enable": "false",
    "log.retention.ms": "-1",  # else records with old timestamps are gone after five minutes
    "log.cleaner.dedupe.buffer.size": "8388608",
    "log.cleaner.backoff.ms": "1000",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "500",
    "group.consumer.min.session.timeout.ms": "500",
    "group.consumer.min.heartbeat.interval.ms": "100",
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "num.network.threads": "2",
    "num.io.threads": "4",
}
TRACE = """rootLogger.level = INFO
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %c{1}: %m%n
"""


def free_ports(count):
    """Ports below the range from which Linux gives outgoing connections theirs, so that none of ours is taken by accident."""
    held = []
    try:
        while len(held) < count:
            one = socket.socket()
            try:
                one.bind(("127.0.0.1", random.randint(15000, 32000)))
                held.append(one)
            except OSError:
                one.close()
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()


def brokers_alive(port):
    """How many brokers the one at this port knows to be alive: one Metadata request (version 1), by hand. 0: no answer."""
    request = struct.pack(">hhih6si", 3, 1, 1, 6, b"riacho", 0)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.settimeout(2)
            connection.sendall(struct.pack(">i", len(request)) + request)
            reply = connection.recv(65536)
    except OSError:
        return 0
    return struct.unpack_from(">i", reply, 8)[0] if len(reply) >= 12 else 0


def die_with_parent(number):
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)


def java(*words, heap):
    return ["java", f"-Xmx{heap}", "-XX:+UseSerialGC", "-Xshare:auto", *words]


class Broker:
    """One Java process with its folder and ports; both stay the same over kill() and restart()."""

    def __init__(self, cluster, number):
        self.cluster = cluster
        self.number = number
        self.folder = os.path.join(cluster.folder, f"broker-{number}")
        self.ports = {}
        self.process = None
        os.makedirs(self.folder, exist_ok=True)

    @property
    def address(self):
        return f"127.0.0.1:{self.ports['PLAINTEXT']}"

    @property
    def pid(self):
        return self.process.pid if self.process else None

    @property
    def log(self):
        return os.path.join(self.folder, "broker.log")

    def start(self):
        """Starts the process without waiting for it: see Cluster.wait_until_ready()."""
        assert not self.running(), "the broker is running"
        command = java(f"-Dlog4j2.configurationFile={self.cluster.folder}/log4j2.properties", "-cp", self.cluster.jars,
                       "kafka.Kafka", os.path.join(self.folder, "server.properties"), heap=self.cluster.heap)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                                            start_new_session=True, preexec_fn=lambda: die_with_parent(signal.SIGKILL))

    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self):
        """Lets it hand over and close its files."""
        if self.running():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self):
        if self.running():
            self.process.kill()
            self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def restart(self):
        """The same folder and ports. Comes back when it answers and knows every broker that runs."""
        self.stop()
        self.start()
        self.cluster.wait_until_ready()

    def last_words(self, lines=40):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as log:
                return "".join(log.readlines()[-lines:])
        except OSError as why:
            return str(why)


class Cluster:
    """Brokers that are controllers too. A folder of one's own can be started again, as long as its ports are free."""

    def __init__(self, brokers=1, folder=None, ssl=False, sasl=False, proxied=False, heap="512m", settings=None):
        self.own_folder = folder is None
        self.folder = os.path.abspath(folder or tempfile.mkdtemp(prefix="riacho-kafka-", dir=os.environ.get("TMPDIR", "/var/tmp")))
        self.listeners = ["PLAINTEXT"] + ["SSL"] * ssl + ["SASL_SSL"] * sasl
        self.proxied = proxied
        self.heap = heap
        self.settings = {**SETTINGS, **(settings or {})}
        self.secrets = os.path.join(self.folder, "secrets")
        self.password = None
        self.jars = None
        os.makedirs(self.folder, exist_ok=True)
        self.brokers = [Broker(self, number) for number in range(1, brokers + 1)]

    @property
    def bootstrap(self):
        return self.bootstrap_of("PLAINTEXT")

    def bootstrap_of(self, listener):
        return ",".join(f"127.0.0.1:{broker.ports[listener]}" for broker in self.brokers)

    def start(self):
        """Comes back when every broker answers and knows the others; raises with their last words when that does not happen."""
        self.jars = os.path.join(subprocess.run([os.path.join(HERE, "fetch")], stdout=subprocess.PIPE, text=True, check=True).stdout.strip(), "*")
        for attempt in range(1, STARTS_MAX + 1):
            try:
                if not self.read_ports():
                    self.prepare()
                for broker in self.brokers:
                    broker.start()
                self.wait_until_ready(self.brokers)
                return self
            except RuntimeError as why:
                self.kill()
                if attempt == STARTS_MAX or not self.own_folder or "Address already in use" not in str(why):
                    raise
                shutil.rmtree(self.folder)
                for broker in self.brokers:
                    os.makedirs(broker.folder)
        raise AssertionError("not reached")

    def wait_until_ready(self, wanted=None):
        """Until the brokers that are wanted (default: all that run) answer, and know as many."""
        wanted = wanted or [broker for broker in self.brokers if broker.running()]
        deadline = time.monotonic() + READY_SECONDS
        while any(brokers_alive(broker.ports["PLAINTEXT"]) < len(wanted) for broker in wanted):
            ended = [broker for broker in wanted if not broker.running()]
            if ended or time.monotonic() > deadline:
                guilty = (ended or wanted)[0]
                raise RuntimeError(f"Kafka's broker {guilty.number} {'ended' if ended else 'does not answer'}:\n{guilty.last_words()}")
            time.sleep(0.05)

    def stop(self):
        for broker in self.brokers:  # all are told before one is waited for: a quorum needs them
            if broker.running():
                broker.process.send_signal(signal.SIGTERM)
        for broker in self.brokers:
            broker.stop()

    def kill(self):
        for broker in self.brokers:
            broker.kill()

    def close(self):
        """The end: what is thrown away need not be tidied up first."""
        if self.own_folder:
            self.kill()
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            self.stop()

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *why):
        self.close()

    def ready_words(self):
        words = {"bootstrap": self.bootstrap}
        for listener in self.listeners[1:]:
            words[listener.lower()] = self.bootstrap_of(listener)
        if len(self.listeners) > 1:
            words["secrets"] = self.secrets
        return {**words, "jars": self.jars, "pid": ",".join(str(broker.pid) for broker in self.brokers), "folder": self.folder}

    # What is written before the first start.

    def read_ports(self):
        """The ports of a folder that was used before. False: it is new."""
        for broker in self.brokers:
            try:
                with open(os.path.join(broker.folder, "ports"), encoding="ascii") as file:
                    broker.ports = {name: int(port) for name, port in (line.split() for line in file)}
            except FileNotFoundError:
                return False
        return True

    def prepare(self):
        names = self.listeners + ["CONTROLLER"] + ["PROXIED", "OUTSIDE"] * self.proxied
        ports = free_ports(len(names) * len(self.brokers))
        for broker in self.brokers:
            broker.ports = {name: ports.pop() for name in names}
        if len(self.listeners) > 1:
            certificates.make_all(self.secrets)
            self.password = secrets.token_urlsafe(12)
            for name, text in (("user", USER), ("password", self.password)):
                with open(os.path.join(self.secrets, name), "w", encoding="ascii") as file:
                    file.write(text)
        with open(os.path.join(self.folder, "log4j2.properties"), "w", encoding="ascii") as file:
            file.write(TRACE)
        for broker in self.brokers:
            with open(os.path.join(broker.folder, "server.properties"), "w", encoding="ascii") as file:
                file.writelines(f"{name}={value}\n" for name, value in self.properties(broker).items())
        self.format()
        for broker in self.brokers:  # last: a folder with ports is a whole one
            with open(os.path.join(broker.folder, "ports"), "w", encoding="ascii") as file:
                file.writelines(f"{name} {port}\n" for name, port in broker.ports.items())

    def properties(self, broker):
        copies = min(3, len(self.brokers))
        bound = {name: port for name, port in broker.ports.items() if name != "OUTSIDE"}
        told = {name: broker.ports["OUTSIDE"] if name == "PROXIED" else port for name, port in bound.items() if name != "CONTROLLER"}
        plain = ["CONTROLLER"] + ["PROXIED"] * self.proxied
        return {
            "node.id": broker.number,
            "process.roles": "broker,controller",
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.voters": ",".join(f"{one.number}@127.0.0.1:{one.ports['CONTROLLER']}" for one in self.brokers),
            "listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in bound.items()),
            "advertised.listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in told.items()),
            "listener.security.protocol.map": ",".join([f"{name}:{name}" for name in self.listeners] + [f"{name}:PLAINTEXT" for name in plain]),
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": os.path.join(broker.folder, "data"),
            "default.replication.factor": copies,
            "min.insync.replicas": max(1, copies - 1),
            "offsets.topic.replication.factor": copies,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": max(1, copies - 1),
            **(self.secure_properties() if self.password else {}),
            **self.settings,
        }

    def secure_properties(self):
        module = "org.apache.kafka.common.security"
        return {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": os.path.join(self.secrets, "broker.store.pem"),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": os.path.join(self.secrets, "ca.pem"),
            "listener.name.ssl.ssl.client.auth": "required",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": f"{module}.scram.ScramLoginModule required;",
            "listener.name.sasl_ssl.plain.sasl.jaas.config":
                f'{module}.plain.PlainLoginModule required user_{USER}="{self.password}";',
        }

    def format(self):
        """Gives every folder its identity, and the cluster its SCRAM user."""
        identity = secrets.token_urlsafe(16)[:22].replace("-", "a")  # 16 bytes in base64, and no leading dash
        words = ["--add-scram", f"SCRAM-SHA-512=[name={USER},password={self.password}]"] if self.password else []
        processes = [subprocess.Popen(java("-XX:TieredStopAtLevel=1", "-cp", self.jars, "kafka.tools.StorageTool", "format", "-t", identity,
                                           "-c", os.path.join(broker.folder, "server.properties"), *words, heap="128m"),
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                     for broker in self.brokers]
        said = [process.communicate()[0] for process in processes]
        if any(process.returncode for process in processes):
            raise RuntimeError(f"Kafka's folder could not be formatted:\n{said[0]}")
