"""Proxies that ssm-lab's own is not: one that refuses, reached by TLS, or SOCKS5 with a password. Each leads wherever it is asked to, and keeps what
it was asked for in `targets`.

Standard library only."""

import base64
import socket
import ssl
import threading


class Proxy:
    scheme = None

    def __init__(self, case, user="user", password="pass"):
        self.user, self.password, self.targets = user, password, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        case.addCleanup(self.listener.close)
        threading.Thread(target=self._listen, daemon=True).start()

    def url(self, credentials):
        return "%s://%s@127.0.0.1:%d" % (self.scheme, credentials, self.port)

    def _listen(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            client = self.prepare(client)
            target = self.greet(client)
            if target is not None:
                self._relay(client, socket.create_connection(target))
        except (OSError, EOFError):
            pass
        finally:
            client.close()

    def prepare(self, client):
        return client

    def greet(self, client):
        """(host, port) to go to; None: refused."""
        raise NotImplementedError

    def _relay(self, client, server):
        threading.Thread(target=self._copy, args=(server, client), daemon=True).start()
        self._copy(client, server)

    def _copy(self, source, sink):
        try:
            for data in iter(lambda: source.recv(65536), b""):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def receive(stream, size):
    data = b""
    while len(data) < size:
        more = stream.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


class HttpProxy(Proxy):
    """CONNECT alone, with Basic authorization unless there is no user; `status`: what it answers to everything."""
    scheme = "http"

    def __init__(self, case, status=b"200 OK", **options):
        self.status = status
        super().__init__(case, **options)

    def greet(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            head += receive(client, 1)
        host, _, port = head.split()[1].decode().rpartition(":")
        self.targets.append((host, int(port)))
        status = self.status
        if self.user and b"Basic " + base64.b64encode(("%s:%s" % (self.user, self.password)).encode()) not in head:
            status = b"407 Proxy Authentication Required"
        if not status.startswith(b"200"):
            client.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")
            return None
        client.sendall(b"HTTP/1.1 200 OK\r\nDate: of the proxy\r\n\r\n")
        return host, int(port)


class HttpsProxy(HttpProxy):
    """The same inside TLS."""
    scheme = "https"

    def __init__(self, case, certificate, key, **options):
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(certificate, key)
        super().__init__(case, **options)

    def prepare(self, client):
        return self.context.wrap_socket(client, server_side=True)


class SocksProxy(Proxy):
    """RFC 1928 and 1929: CONNECT to a name or an IPv4 address, with user name and password."""
    scheme = "socks5h"

    def greet(self, client):
        _, count = receive(client, 2)
        receive(client, count)
        client.sendall(b"\x05\x02")
        _, length = receive(client, 2)
        user = receive(client, length)
        password = receive(client, receive(client, 1)[0])
        if (user.decode(), password.decode()) != (self.user, self.password):
            client.sendall(b"\x01\x01")
            return None
        client.sendall(b"\x01\x00")
        _, _, _, kind = receive(client, 4)
        host = receive(client, receive(client, 1)[0]).decode() if kind == 3 else socket.inet_ntoa(receive(client, 4))
        target = (host, int.from_bytes(receive(client, 2), "big"))
        self.targets.append(target)
        client.sendall(b"\x05\x00\x00\x01" + bytes(6))
        return target
