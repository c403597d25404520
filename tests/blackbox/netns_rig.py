"""netns_rig - what a test does in a network namespace."""
import ctypes
import os
import threading

CLONE_NEWNET = 0x40000000


def call_in(path, function):
    """function() in a thread that is in the namespace at path: one is a thread's own, and a socket stays where it was made. Returns what it does."""
    got = []

    def go():
        try:
            with open(path) as namespace:
                if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), f"setns: {os.strerror(ctypes.get_errno())}")
            got.append(function())
        except Exception as error:  # for who called, below
            got.append(error)

    thread = threading.Thread(target=go)
    thread.start()
    thread.join()
    if isinstance(got[0], Exception):
        raise got[0]
    return got[0]
