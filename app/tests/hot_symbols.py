#!/usr/bin/env python3
"""Prove that what runs on a worker needs nothing that allocates, waits, prints or asks the kernel.

    hot_symbols.py BUILD            check the objects of hot-objects.txt in the build folder BUILD
    hot_symbols.py --self-test CC.. compile small objects with the compiler CC and check those

A symbol that a listed object needs must be defined by a listed object, or be in hot-symbols.txt, or in
the object's own list, whose file is named after it.
"""

import fnmatch
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent


def read_list(path):
    lines = (line.strip() for line in path.read_text().splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def object_of(build, source):
    """A folder's library may be made of several archives; the object is in one of them."""
    folder, _, name = source.partition("/")
    objects = f"*.a.p/{name.replace('/', '_')}.o"
    found = sorted((build / "app" / folder).glob(objects))
    return found[0] if found else build / "app" / folder / objects


def symbols(path, option):
    """Weak ones that are needed count as needed (option -u) as much as strong ones."""
    done = subprocess.run(["nm", "-P", option, str(path)], check=True, capture_output=True, text=True)
    return {line.split()[0].partition("@")[0] for line in done.stdout.splitlines() if line.strip()}


def check(objects, allowed, own={}):
    """OBJECTS is {name as printed: path}; OWN is {name: what it alone may need}."""
    missing = [f"{name}: listed, but there is no {path}: built under another name, or not at all?"
               for name, path in objects.items() if not path.exists()]
    if missing:
        return missing
    defined = set().union(*(symbols(path, "--defined-only") for path in objects.values()))
    problems = []
    for name, path in objects.items():
        for symbol in sorted(symbols(path, "-u") - defined):
            patterns = [*allowed, *own.get(name, ())]
            if not any(fnmatch.fnmatchcase(symbol, pattern) for pattern in patterns):
                problems.append(f"{name}: needs {symbol}, which neither a listed object defines "
                                "nor hot-symbols.txt allows")
    return problems


BAD = {
    "malloc": "void *malloc(unsigned long);\nvoid *f(void);\nvoid *f(void) { return malloc(5); }",
    "free": "void free(void *);\nvoid f(void *p);\nvoid f(void *p) { free(p); }",
    "puts": "int puts(const char *);\nint f(void);\nint f(void) { return puts(\"x\"); }",
    "pthread_mutex_lock": "int pthread_mutex_lock(void *);\nint f(void *p);\n"
                          "int f(void *p) { return pthread_mutex_lock(p); }",
    "clock_gettime": "int clock_gettime(int, void *);\nint f(void *p);\n"
                     "int f(void *p) { return clock_gettime(0, p); }",
    "curl_easy_perform": "int curl_easy_perform(void *);\nint f(void *p);\n"
                         "int f(void *p) { return curl_easy_perform(p); }",
    "own_of_the_slow_side": "int own_of_the_slow_side(void);\nint f(void);\n"
                            "int f(void) { return own_of_the_slow_side(); }",
}

GOOD = ("void *memcpy(void *, const void *, unsigned long);\nint other(void);\n"
        "int f(void *a, void *b, unsigned long n);\n"
        "int f(void *a, void *b, unsigned long n) { memcpy(a, b, n); return other(); }")
OTHER = "int other(void);\nint other(void) { return 1; }"


def self_test(compiler, allowed):
    failures = []
    with tempfile.TemporaryDirectory(prefix="seamline-hot-") as folder:
        def compiled(name, source):
            path = pathlib.Path(folder) / f"{name}.o"
            subprocess.run([*compiler, "-x", "c", "-O1", "-c", "-", "-o", str(path)], check=True,
                           input=source, text=True)
            return path

        good = {"good": compiled("good", GOOD), "other": compiled("other", OTHER)}
        failures += check(good, allowed)
        if len(check({"good": good["good"]}, allowed)) != 1:
            failures.append("a function of an object that is not listed was let through")
        if len(check({"good": pathlib.Path(folder) / "none.o"}, allowed)) != 1:
            failures.append("an object that does not exist was let through")
        puts = {"own": compiled("own", BAD["puts"])}
        failures += check(puts, allowed, {"own": ["puts"]})
        if len(check({**puts, "other": good["other"]}, allowed, {"other": ["puts"]})) != 1:
            failures.append("a symbol of another object's own list was let through")
        for symbol, source in BAD.items():
            problems = check({"bad": compiled("bad", source)}, allowed)
            if len(problems) != 1 or f"needs {symbol}," not in problems[0]:
                failures.append(f"{symbol} was let through: {problems}")
    return failures


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    allowed = read_list(HERE / "hot-symbols.txt")
    if sys.argv[1] == "--self-test":
        problems = self_test(sys.argv[2:], allowed)
    else:
        build = pathlib.Path(sys.argv[1])
        entries = [line.split() for line in read_list(HERE / "hot-objects.txt")]
        own = {source: read_list(HERE / lists[0]) for source, *lists in entries if lists}
        problems = check({source: object_of(build, source) for source, *_ in entries}, allowed, own)
    print("\n".join(problems) if problems else "nothing to say")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
