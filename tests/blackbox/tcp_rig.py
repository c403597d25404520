"""tcp_rig - servers of a test's own, that deal with each connection in a thread."""
import socket
import threading
import time


class Tcp:
    """A listener that lets `behave(connection)` deal with each connection, in a thread of its own, and closes it afterwards. path: on a Unix
    socket there."""

    def __init__(self, stack, behave, port=0, address="127.0.0.1", path=None):
        self.behave = behave
        if path:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(path)
            self.listener.listen(512)
        else:
            self.listener = socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                                                 backlog=512)
            self.port = self.listener.getsockname()[1]
        self.times, self.now, self.most = [], 0, 0
        self.lock = threading.Lock()
        threading.Thread(target=self.serve, daemon=True).start()
        stack.callback(self.close)

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.one, args=(connection,), daemon=True).start()

    def one(self, connection):
        with self.lock:
            self.times.append(time.monotonic())
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            with connection:
                connection.settimeout(20)
                self.behave(connection)
        except OSError:
            pass
        with self.lock:
            self.now -= 1

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()


def hang_up(*sockets):
    for s in sockets:
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def join(near, far, held=lambda way: None, heard=lambda way, data: data):
    """What one says the other hears, until one of them ends; held(way) waits, before what goes towards "far" or "near" goes on, as heard(way,
    data) has it."""
    def pump(a, b, way):
        try:
            while data := a.recv(65536):
                held(way)
                b.sendall(heard(way, data))
        except OSError:
            pass
        held(way)
        hang_up(a, b)
    for s in (near, far):
        s.settimeout(None)
    back = threading.Thread(target=pump, args=(far, near, "near"), daemon=True)
    back.start()
    pump(near, far, "far")
    back.join()
