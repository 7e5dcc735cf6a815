"""One at a time: tests that use the lab at its default place take their turn by this lock."""
import contextlib
import fcntl


@contextlib.contextmanager
def turn():
    with open("/run/seamline-lab.test.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
