#!/usr/bin/env python3
"""A websocket server that does what it is told, for the unit tests (ws_peer.h starts it).

It writes frames by hand, since a library would neither send a message byte by byte nor leave a ping unanswered. Commands
come as lines on standard input, what happens goes as lines to standard output. Connections are numbered from 1.

    text N TEXT          one frame            pieces N TEXT      the same frame in writes of one byte
    fragments N K TEXT   frames of K bytes with a ping after each
    fill N SIZE          one frame of SIZE x  ping N TEXT        raw N HEX
    close N CODE TEXT    a close frame        drop N             the connection is cut
    freeze N             nothing is read or written any more, as if the network were gone
    deaf N               neither pings nor close frames are answered
    status CODE          what the next upgrades are answered with, 0 for nothing at all
    greet TEXT           a frame in the same write as the answer to the next upgrades
"""
import base64
import hashlib
import socket
import ssl
import struct
import sys
import threading

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10

connections = {}
settings = {"status": 101, "greeting": b""}
output_lock = threading.Lock()


def say(*words):
    with output_lock:
        sys.stdout.buffer.write(b" ".join(w if isinstance(w, bytes) else str(w).encode() for w in words) + b"\n")
        sys.stdout.flush()


def frame(opcode, payload, final=True):
    size = len(payload)
    if size < 126:
        length = struct.pack("!B", size)
    elif size < 1 << 16:
        length = struct.pack("!BH", 126, size)
    else:
        length = struct.pack("!BQ", 127, size)
    return bytes([(0x80 if final else 0) | opcode]) + length + payload


class Connection:
    def __init__(self, number, sock):
        self.number, self.sock = number, sock
        self.deaf = False
        self.frozen = threading.Event()
        self.thawed = threading.Event()
        self.lock = threading.Lock()

    def read(self, count):
        data = b""
        while len(data) < count:
            if self.frozen.is_set():
                self.thawed.wait()
            chunk = self.sock.recv(count - len(data))
            if not chunk:
                raise EOFError
            data += chunk
        return data

    def write(self, data):
        if not self.frozen.is_set():
            with self.lock:
                self.sock.sendall(data)

    def upgrade(self):
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.read(1)
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        status = settings["status"]
        if status == 0:
            self.thawed.wait()
        if status != 101:
            location = b"Location: https://localhost:%d/\r\n" % settings["secure"] if status // 100 == 3 else b""
            self.write(b"HTTP/1.1 %d No\r\n%sContent-Length: 0\r\n\r\n" % (status, location))
            settings["status"] = status if status // 100 != 3 else 101
            raise EOFError
        accept = base64.b64encode(hashlib.sha1(headers["sec-websocket-key"].encode() + GUID).digest())
        self.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n" + settings["greeting"])
        extensions = headers.get("sec-websocket-extensions", "-")
        say("open", self.number, lines[0].split(" ")[1], headers["host"], extensions)

    def serve(self):
        try:
            self.upgrade()
            while self.one_frame():
                pass
        except (OSError, EOFError):
            pass
        if not self.frozen.is_set():
            say("eof", self.number)
        self.sock.close()

    def one_frame(self):
        first, second = self.read(2)
        size = second & 0x7F
        if size == 126:
            size, = struct.unpack("!H", self.read(2))
        elif size == 127:
            size, = struct.unpack("!Q", self.read(8))
        mask = self.read(4)
        assert second & 0x80, "a client masks"
        payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(self.read(size)))
        opcode = first & 0x0F
        if opcode == CLOSE:
            say("closed", self.number, struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else 0)
            if not self.deaf:
                self.write(frame(CLOSE, payload[:2]))
                return False
        elif opcode == PING and not self.deaf:
            say("ping", self.number)
            self.write(frame(PONG, payload))
        elif opcode == PONG:
            say("pong", self.number, payload)
        elif opcode in (0, TEXT):
            say("text", self.number, "whole" if first & 0x80 and opcode == TEXT else "part", payload)
        return True


def accept_all(listener, context):
    while True:
        sock, _ = listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=accepted, args=(sock, context), daemon=True).start()


def accepted(sock, context):
    if context:
        try:
            sock = context.wrap_socket(sock, server_side=True)
        except (OSError, EOFError):
            say("refused")
            return
    with output_lock:
        connection = Connection(len(connections) + 1, sock)
        connections[connection.number] = connection
    connection.serve()


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def proxied(sock, target):
    """Whatever name is asked for, the way leads to our own server."""
    head = b""
    while b"\r\n\r\n" not in head:
        head += sock.recv(1)
    words = head.split()
    login = [line for line in head.split(b"\r\n") if line.lower().startswith(b"proxy-authorization:")]
    say("proxy", words[1], login[0].split()[-1] if login else "-")
    upstream = socket.create_connection(target)
    sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    threading.Thread(target=pump, args=(upstream, sock), daemon=True).start()
    pump(sock, upstream)


def proxy_all(listener, target):
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=proxied, args=(sock, target), daemon=True).start()


def obey(line):
    word, _, rest = line.partition(b" ")
    if word == b"status":
        settings["status"] = int(rest)
        return
    if word == b"greet":
        settings["greeting"] = frame(TEXT, rest) if rest else b""
        return
    number, _, rest = rest.partition(b" ")
    connection = connections[int(number)]
    if word == b"text":
        connection.write(frame(TEXT, rest))
    elif word == b"pieces":
        for byte in frame(TEXT, rest):
            connection.write(bytes([byte]))
    elif word == b"fragments":
        size, _, text = rest.partition(b" ")
        parts = [text[i:i + int(size)] for i in range(0, len(text), int(size))]
        for i, part in enumerate(parts):
            connection.write(frame(0 if i else TEXT, part, i == len(parts) - 1) + frame(PING, b"between"))
    elif word == b"fill":
        connection.write(frame(TEXT, b"x" * int(rest)))
    elif word == b"ping":
        connection.write(frame(PING, rest))
    elif word == b"raw":
        connection.write(bytes.fromhex(rest.decode()))
    elif word == b"close":
        code, _, text = rest.partition(b" ")
        connection.write(frame(CLOSE, struct.pack("!H", int(code)) + text))
    elif word == b"drop":
        connection.sock.shutdown(socket.SHUT_RDWR)
    elif word == b"freeze":
        connection.frozen.set()
    elif word == b"deaf":
        connection.deaf = True


def main():
    certificate, key = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    secure, plain, proxy = listeners
    settings["secure"] = secure.getsockname()[1]
    threading.Thread(target=accept_all, args=(secure, context), daemon=True).start()
    threading.Thread(target=accept_all, args=(plain, None), daemon=True).start()
    threading.Thread(target=proxy_all, args=(proxy, secure.getsockname()), daemon=True).start()
    say("ready", *(listener.getsockname()[1] for listener in listeners))
    for line in sys.stdin.buffer:
        try:
            obey(line.rstrip(b"\n"))
        except OSError as error:
            say("failed", line.split()[0], error)


main()
