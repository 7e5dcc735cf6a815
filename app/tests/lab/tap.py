"""The checks of a test as TAP: a line for each, and the reason of one that failed."""
import os
import pathlib
import tempfile


def run(name, everything):
    """EVERYTHING(folder) yields (what, good, why), and puts back what it changed outside of FOLDER."""
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
        return
    number = 0
    with tempfile.TemporaryDirectory(prefix=f"seamline-{name}-", ignore_cleanup_errors=True) as folder:
        try:
            for what, good, why in everything(pathlib.Path(folder)):
                number += 1
                print(f"{'ok' if good else 'not ok'} {number} - {what}", flush=True)
                if not good:
                    tell(str(why))
            if number == 0:
                raise ValueError("there was nothing to check")
        except Exception as problem:  # Whatever it is, the checks after it were not made.
            number += 1
            print(f"not ok {number} - the run gave an account")
            tell(f"{problem!r}\n{getattr(problem, 'stderr', '') or ''}")
    print(f"1..{number}", flush=True)


def tell(text):
    for line in text.splitlines():
        print(f"# {line}")
