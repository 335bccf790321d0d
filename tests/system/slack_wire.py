"""A client of Slack in its barest form, to test the fake with: calls of the Web API, and a WebSocket whose every byte is ours."""

import base64
import http.client
import json
import os
import socket
import ssl
import struct
import time
import urllib.parse

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Api:
    """One call each: (status, headers, what was said as JSON or as bytes)."""

    def __init__(self, slack):
        self.slack = slack
        self.context = ssl.create_default_context(cafile=str(slack.ca_file))

    def send(self, path, body=b"", headers=None, method="POST"):
        connection = http.client.HTTPSConnection("localhost", self.slack.port, context=self.context, timeout=20)
        try:
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            read = reply.read()
        finally:
            connection.close()
        try:
            return reply.status, reply.headers, json.loads(read)
        except ValueError:
            return reply.status, reply.headers, read

    def call(self, method, token="bot", type="application/json; charset=utf-8", **args):
        """What was said. Arguments go as JSON or as a form, by the type."""
        return self.call_whole(method, token, type, **args)[2]

    def call_whole(self, method, token="bot", type="application/json; charset=utf-8", **args):
        words = {"bot": self.slack.bot_token, "app": self.slack.app_token}
        headers = {"Content-Type": type} if type else {}
        if token:
            headers["Authorization"] = f"Bearer {words.get(token, token)}"
        if "form" in type:
            body = urllib.parse.urlencode({k: v if isinstance(v, str) else json.dumps(v) for k, v in args.items()})
        else:
            body = json.dumps(args)
        return self.send(f"/api/{method}", body.encode(), headers)

    def form(self, method, **args):
        return self.call(method, type="application/x-www-form-urlencoded", **args)

    def post(self, text="hello", channel="C0DEPLOYS", **args):
        return self.call("chat.postMessage", channel=channel, text=text, **args)

    def open(self, more="", url=None):
        """A connection to Socket Mode. Raises ConnectionError if the upgrade is refused."""
        return Link(self, (url or self.call("apps.connections.open", token="app", type="application/x-www-form-urlencoded")["url"]) + more)


class Link:
    def __init__(self, api, url):
        parts = urllib.parse.urlsplit(url)
        plain = socket.create_connection((parts.hostname, parts.port), timeout=10)
        self.socket = api.context.wrap_socket(plain, server_hostname=parts.hostname)
        self.buffer, self.pings, self.fragments = b"", 0, 0
        self.socket.sendall(
            f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        head = self._until(b"\r\n\r\n")
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise ConnectionError(head.decode())

    def _until(self, end):
        while end not in self.buffer:
            self._more()
        found, self.buffer = self.buffer.split(end, 1)
        return found

    def _take(self, count):
        while len(self.buffer) < count:
            self._more()
        found, self.buffer = self.buffer[:count], self.buffer[count:]
        return found

    def _more(self):
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the connection ended")
        self.buffer += data

    def frame(self):
        """(final, opcode, payload)"""
        first, length = self._take(2)
        if length == 126:
            length = struct.unpack("!H", self._take(2))[0]
        elif length == 127:
            length = struct.unpack("!Q", self._take(8))[0]
        return bool(first & 0x80), first & 0x0F, self._take(length)

    def message(self, timeout=20):
        """The next message, put together; pings are answered on the way. ("close", code) at the end."""
        end, whole = time.monotonic() + timeout, b""
        while True:
            self.socket.settimeout(max(end - time.monotonic(), 0.001))
            final, opcode, payload = self.frame()
            if opcode == PING:
                self.pings += 1
                self.write(PONG, payload)
            elif opcode == CLOSE:
                return "close", struct.unpack("!H", payload[:2])[0]
            elif opcode != PONG:
                whole += payload
                self.fragments += 1
                if final:
                    return json.loads(whole)

    def quiet(self, seconds=0.3):
        """True if no message comes in that time."""
        try:
            self.message(seconds)
            return False
        except TimeoutError:
            return True

    def write(self, opcode, payload, final=True):
        length = len(payload)
        size = bytes([0x80 | length]) if length < 126 else b"\xfe" + struct.pack("!H", length)
        if length > 65535:
            size = b"\xff" + struct.pack("!Q", length)
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[i & 3] for i, byte in enumerate(payload))
        self.socket.sendall(bytes([(0x80 if final else 0) | opcode]) + size + mask + masked)

    def send(self, said):
        self.write(TEXT, json.dumps(said).encode())

    def ack(self, envelope, **more):
        self.send({"envelope_id": envelope["envelope_id"], **more})

    def close(self):
        self.socket.close()
