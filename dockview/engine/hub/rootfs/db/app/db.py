"""A key-value database of a few lines, with the manners of a real one.

It refuses to start until it is told how to set its root password: DB_ROOT_PASSWORD, DB_ROOT_PASSWORD_FILE,
DB_ALLOW_EMPTY_PASSWORD or DB_RANDOM_ROOT_PASSWORD (with MYSQL_ instead of DB_, too). It keeps its data in
/var/lib/db/data.tsv and speaks lines of text: AUTH password, SET key value, GET key, KEYS, DEL key, PING, QUIT.
"""

import os
import secrets
import selectors
import signal
import socket
import sys
import time

PORT = int(os.environ.get("DB_PORT", "3306"))
FOLDER = os.environ.get("DB_FOLDER", "/var/lib/db")
REFUSAL = """Database is uninitialized and password option is not specified
    You need to specify one of the following as an environment variable:
    - DB_ROOT_PASSWORD
    - DB_ROOT_PASSWORD_FILE
    - DB_ALLOW_EMPTY_PASSWORD
    - DB_RANDOM_ROOT_PASSWORD
    For example: dockview run -d -e DB_ROOT_PASSWORD=secret -p 3306:3306 --name db db"""
LONGEST_LINE = 65536


def log(level, text):
    """A line in the log."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    text = "".join(c if c.isprintable() or c == "\n" else "?" for c in text)
    sys.stdout.write(f"{stamp} [{level}] {text}\n")
    sys.stdout.flush()


def setting(name):
    """A setting by either of its names."""
    return os.environ.get(f"DB_{name}") or os.environ.get(f"MYSQL_{name}") or ""


def root_password():
    """The password, None where none was chosen."""
    if path := setting("ROOT_PASSWORD_FILE"):
        with open(path) as file:
            return file.read().strip()
    if password := setting("ROOT_PASSWORD"):
        return password
    if setting("RANDOM_ROOT_PASSWORD"):
        password = secrets.token_urlsafe(12)
        log("Note", f"GENERATED ROOT PASSWORD: {password}")
        return password
    return "" if setting("ALLOW_EMPTY_PASSWORD") else None


class Store:
    """Keys and values, in memory and in a file that is replaced as a whole."""

    def __init__(self):
        os.makedirs(FOLDER, exist_ok=True)
        self.path = os.path.join(FOLDER, "data.tsv")
        self.values = {}
        if os.path.exists(self.path):
            with open(self.path) as file:
                self.values = dict(line.rstrip("\n").split("\t", 1) for line in file if "\t" in line)

    def save(self):
        """Write everything, so that a crash leaves either the old or the new."""
        with open(self.path + ".new", "w") as file:
            file.writelines(f"{key}\t{value}\n" for key, value in self.values.items())
            file.flush()
            os.fsync(file.fileno())
        os.replace(self.path + ".new", self.path)


class Session:
    """One client."""

    def __init__(self, store, password):
        self.store, self.password = store, password
        self.is_trusted = not password
        self.rest = b""
        self.is_done = False

    def feed(self, data):
        """Bytes in, bytes out."""
        self.rest += data
        out = b""
        while b"\n" in self.rest and not self.is_done:
            line, _, self.rest = self.rest.partition(b"\n")
            out += self.answer(line.decode("utf-8", "replace").strip()).encode() + b"\n"
        self.is_done = self.is_done or len(self.rest) > LONGEST_LINE
        return out

    def answer(self, line):
        """One command."""
        verb, _, rest = line.partition(" ")
        verb = verb.upper()
        if verb == "QUIT":
            self.is_done = True
            return "BYE"
        if verb == "PING":
            return "PONG"
        if verb == "AUTH":
            self.is_trusted = secrets.compare_digest(rest.encode(), self.password.encode())
            return "OK" if self.is_trusted else "ERROR wrong password"
        if not self.is_trusted:
            return "ERROR AUTH first"
        return self.query(verb, rest)

    def query(self, verb, rest):
        """A command that touches data."""
        key, _, value = rest.replace("\t", " ").partition(" ")
        if verb == "GET":
            return self.store.values.get(key, "(nil)")
        if verb == "KEYS":
            return " ".join(sorted(self.store.values)) or "(none)"
        if verb == "SET" and key:
            self.store.values[key] = value
        elif verb == "DEL" and key:
            self.store.values.pop(key, None)
        else:
            return "ERROR AUTH, SET, GET, DEL, KEYS, PING or QUIT"
        self.store.save()
        return "OK"


def serve(store, password):
    """All clients in one loop."""
    selector = selectors.DefaultSelector()
    server = socket.create_server(("0.0.0.0", PORT), backlog=64)
    server.setblocking(False)
    selector.register(server, selectors.EVENT_READ, None)
    log("System", f"ready for connections, port: {PORT}")
    while True:
        for key, _ in selector.select():
            if key.data is None:
                client, peer = server.accept()
                client.settimeout(5)
                log("Note", f"connection from {peer[0]}:{peer[1]}")
                client.sendall(b"dockview db, AUTH first\n" if password else b"dockview db\n")
                selector.register(client, selectors.EVENT_READ, Session(store, password))
                continue
            try:
                data = key.fileobj.recv(4096)
                if data:
                    key.fileobj.sendall(key.data.feed(data))
            except OSError:
                data = b""
            if not data or key.data.is_done:
                selector.unregister(key.fileobj)
                key.fileobj.close()


def stop(number, _frame):
    """Data is on the disk after every change, so there is nothing more to do."""
    # Written past the buffers: the signal may have come in the middle of another line.
    os.write(1, f"received {signal.Signals(number).name}, shutdown complete\n".encode())
    os._exit(0)


def main():
    """Start, or say what is missing."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, stop)
    log("Note", "entrypoint for the dockview db started")
    password = root_password()
    if password is None:
        log("ERROR", REFUSAL)
        sys.exit(1)
    store = Store()
    log("Note", f"{len(store.values)} keys in {store.path}")
    serve(store, password)


main()
