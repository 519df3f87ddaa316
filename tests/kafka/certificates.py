# SPDX-License-Identifier: MIT
"""Certificates of a test broker, made by the openssl program: an authority, the broker, a client, and a stranger's authority."""

import os
import subprocess


def openssl(folder, *args):
    done = subprocess.run(["openssl", *args], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"openssl {args[0]} failed: {done.stderr.strip()}")


def make_authority(folder, name):
    """name.pem and name.key, self-signed."""
    openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN=riacho test {name}",
            "-keyout", f"{name}.key", "-out", f"{name}.pem", "-addext", "basicConstraints=critical,CA:TRUE")


def make_certificate(folder, name, authority, names):
    """name.pem and name.key, signed by the authority, good for the names (as in subjectAltName)."""
    with open(os.path.join(folder, f"{name}.ext"), "w", encoding="ascii") as extensions:
        extensions.write(f"subjectAltName={names}\nbasicConstraints=CA:FALSE\n")
    openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key", "-CAcreateserial",
            "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.pem")


def make_all(folder):
    """What a broker and its clients need, in folder:

    ca.pem                  who signed the broker and the client
    client.pem, client.key  a client the broker trusts
    stranger.pem            an authority that signed neither
    broker.store.pem        key and certificate, as Kafka's PEM keystores want them
    """
    os.makedirs(folder, mode=0o700, exist_ok=True)
    make_authority(folder, "ca")
    make_authority(folder, "stranger")
    make_certificate(folder, "broker", "ca", "IP:127.0.0.1,DNS:localhost")
    make_certificate(folder, "client", "ca", "DNS:client")
    with open(os.path.join(folder, "broker.store.pem"), "w", encoding="ascii") as store:
        for part in ("broker.key", "broker.pem"):
            with open(os.path.join(folder, part), encoding="ascii") as text:
                store.write(text.read())
