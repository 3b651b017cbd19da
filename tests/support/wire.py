"""A TCP relay on loopback in front of a server: a network that can go silent. While it is cut, every byte, every end and
every new connection waits; nobody is told."""

import socket
import threading


class Wire:
    def __init__(self, port):
        self.destination = ("127.0.0.1", port)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self._is_whole = threading.Event()
        self._is_whole.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        self._is_whole.clear()

    def mend(self):
        self._is_whole.set()

    def close(self):
        self.mend()
        self.listener.close()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
                self._is_whole.wait()
                far = socket.create_connection(self.destination)
            except OSError:
                return
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source, sink):
        try:
            while piece := source.recv(65536):
                self._is_whole.wait()
                sink.sendall(piece)
            self._is_whole.wait()
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            self._is_whole.wait()
            for end in (source, sink):
                end.close()
