"""A web server that tells what it sees from where it is. WEB_PORT (80) and WEB_GREETING can be set."""

import os
import select
import signal
import socket
import sys
import time

PORT = int(os.environ.get("WEB_PORT", "80"))
GREETING = os.environ.get("WEB_GREETING", "Hello from inside a container.")
NAMESPACES = ("user", "mnt", "uts", "ipc", "net", "pid", "cgroup")
LONGEST_REQUEST = 65536


def say(text):
    """A line in the log; what came from the network loses its control characters."""
    sys.stdout.write("".join(c if c.isprintable() else "?" for c in text) + "\n")
    sys.stdout.flush()


def namespaces():
    """The namespaces of this process, as the kernel names them."""
    for name in NAMESPACES:
        try:
            yield name, os.readlink(f"/proc/self/ns/{name}")
        except OSError:
            yield name, "unknown"


def page(connection, peer):
    """The answer: host name, address, process ID, namespaces."""
    lines = [
        GREETING,
        "",
        f"hostname   {socket.gethostname()}",
        f"address    {connection.getsockname()[0]}:{PORT}",
        f"client     {peer[0]}:{peer[1]}",
        f"pid        {os.getpid()}",
        f"user       {os.getuid()}:{os.getgid()}",
        "",
        *(f"{name:<10} {link}" for name, link in namespaces()),
        "",
    ]
    return "\n".join(lines).encode()


def answer(connection, peer):
    """Read one request, answer it, log it."""
    connection.settimeout(5)
    request = b""
    while b"\r\n\r\n" not in request and b"\n\n" not in request:
        chunk = connection.recv(4096)
        if not chunk or len(request) > LONGEST_REQUEST:
            return
        request += chunk
    line = request.splitlines()[0].decode("latin-1")
    method, _, rest = line.partition(" ")
    path = rest.partition(" ")[0]
    status, body = "200 OK", page(connection, peer)
    if method not in ("GET", "HEAD"):
        status, body = "405 Method Not Allowed", b"only GET and HEAD\n"
    elif path == "/health":
        body = b"ok\n"
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
    head += "Connection: close\r\n\r\n"
    connection.sendall(head.encode() + (b"" if method == "HEAD" else body))
    say(f'{time.strftime("%H:%M:%S")} {peer[0]} "{line}" {status[:3]} {len(body)}')


def listen():
    """A socket on the port, for IPv6 and IPv4 where both are there."""
    try:
        sock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        address = "::"
    except OSError:
        sock, address = socket.socket(socket.AF_INET, socket.SOCK_STREAM), "0.0.0.0"
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((address, PORT))
    except OSError:
        if address != "::":
            raise
        sock.close()
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("0.0.0.0", PORT))
    sock.listen(64)
    return sock


def serve(server):
    """One request after the other, until the end; the next one does not wait longer than a slow client may take."""
    while True:
        select.select([server], [], [])
        connection, peer = server.accept()
        peer = (peer[0].removeprefix("::ffff:"), peer[1])
        with connection:
            try:
                answer(connection, peer)
            except OSError as error:
                say(f"{peer[0]} went away: {error}")


def stop(number, _frame):
    """Process 1 has no default for signals: what it does not handle is ignored."""
    # Written past the buffers: the signal may have come in the middle of another line.
    os.write(1, f"{signal.Signals(number).name} received, bye\n".encode())
    os._exit(0)


def main():
    """Start, serve, stop."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, stop)
    try:
        server = listen()
    except OSError as error:
        sys.exit(f"cannot listen on port {PORT}: {error.strerror}")
    say(f"listening on port {PORT}")
    serve(server)


main()
