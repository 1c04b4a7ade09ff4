"""A docker-registry as private ones are: TLS with an authority of its own, and basic auth."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
from collections.abc import Sequence

from tests.support.images import Registry

USER, PASSWORD = "alice", "s3cret wörd"


class SecureRegistry(Registry):
    """Listens on loopback; `ca` is the certificate to trust, `alice` the one user."""

    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        self.ca = f"{folder}/ca.crt"
        self._make_certificates()
        with open(f"{folder}/htpasswd", "w") as file:
            file.write(f"{USER}:{_bcrypt(PASSWORD)}\n")

    def settings(self) -> dict[str, object]:
        """With TLS and a password file."""
        folder = self._folder
        return {
            "http": {"addr": self.host, "tls": {"certificate": f"{folder}/server.crt", "key": f"{folder}/server.key"}},
            "auth": {"htpasswd": {"realm": "tests", "path": f"{folder}/htpasswd"}},
        }

    def copy(self, source: str, repository: str, *options: str) -> str:
        """`skopeo copy` into this registry; the reference."""
        reference = f"{self.host}/{repository}"
        argv = ["skopeo", "copy", "--insecure-policy", "--quiet", "--dest-tls-verify=false"]
        argv += [f"--dest-creds={USER}:{PASSWORD}", *options, source, f"docker://{reference}"]
        done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        assert done.returncode == 0, done.stderr
        return reference

    def trust(self, config_home: str) -> None:
        """Let a user trust this registry, as docker's documentation says."""
        place = f"{config_home}/docker/certs.d/{self.host}"
        os.makedirs(place)
        os.symlink(self.ca, f"{place}/ca.crt")

    def _make_certificates(self) -> None:
        folder = self._folder
        _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=tests", "-keyout",
                 f"{folder}/ca.key", "-out", self.ca, "-addext", "keyUsage=critical,keyCertSign")  # fmt: skip
        _openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-keyout", f"{folder}/server.key",
                 "-out", f"{folder}/server.csr")  # fmt: skip
        with open(f"{folder}/server.ext", "w") as file:
            file.write("subjectAltName=IP:127.0.0.1\n")
        _openssl("x509", "-req", "-in", f"{folder}/server.csr", "-CA", self.ca, "-CAkey", f"{folder}/ca.key",
                 "-days", "2", "-CAcreateserial", "-extfile", f"{folder}/server.ext",
                 "-out", f"{folder}/server.crt")  # fmt: skip


def _openssl(*words: str) -> None:
    done = subprocess.run(["openssl", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _bcrypt(password: str) -> str:
    """The only form of password that docker-registry reads; crypt(3) of Debian makes it."""
    crypt = ctypes.CDLL("libcrypt.so.1").crypt
    crypt.restype = ctypes.c_char_p
    found: bytes = crypt(password.encode(), b"$2y$05$" + b"abcdefghijklmnopqrstuu")
    return found.decode()


def docker_config(folder: str, content: object) -> str:
    """A folder for DOCKER_CONFIG with this config.json."""
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/config.json", "w") as file:
        json.dump(content, file)
    return folder


def helper_program(folder: str, name: str) -> Sequence[str]:
    """Write a credential helper that keeps its secrets in a file; the folder for PATH, and that file."""
    os.makedirs(folder, exist_ok=True)
    store = f"{folder}/secrets.json"
    path = f"{folder}/docker-credential-{name}"
    with open(path, "w") as file:
        file.write(f"""#!/usr/bin/env python3
import json, os, sys
path, verb, said = {store!r}, sys.argv[1], sys.stdin.read()
kept = json.load(open(path)) if os.path.exists(path) else {{}}
if verb == "store":
    entry = json.loads(said)
    kept[entry["ServerURL"]] = entry
elif said.strip() not in kept:
    print("credentials not found in native keychain")
    sys.exit(1)
elif verb == "get":
    print(json.dumps(kept[said.strip()]))
elif verb == "erase":
    del kept[said.strip()]
json.dump(kept, open(path, "w"))
""")
    os.chmod(path, 0o755)  # noqa: S103  it is a program
    return folder, store
