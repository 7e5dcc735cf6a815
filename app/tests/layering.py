#!/usr/bin/env python3
"""Hold the tree to the table of folders in docs/architecture.md, and to the limits of size.

    layering.py ROOT         check the tree; one line for each violation, exit status 1 if any
    layering.py --self-test  check made-up trees, each with one violation, which must be found
"""

import pathlib
import re
import sys
import tempfile

FILE_LINES = 800
FUNCTION_LINES = 70
LINE_COLUMNS = 100

ROW = re.compile(r"^\|\s*([a-z]+)/\s*\|[^|]*\|\s*([a-z -]+?)\s*\|$")
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]*)"')


def read_table(path):
    """The rows as {folder: set of folders, or None for everything}, and what is wrong with them."""
    table, problems = {}, []
    text = path.read_text() if path.exists() else ""
    section = re.search(r"^## Folders$(.*?)(?=^## |\Z)", text, re.M | re.S)
    for line in section.group(1).splitlines() if section else []:
        row = ROW.match(line)
        if row is None:
            continue
        folder, words = row.group(1), row.group(2).split()
        if words == ["everything"]:
            table[folder] = None
            continue
        permitted = set(words) - {"-"}
        for other in sorted(permitted - set(table)):
            problems.append(f"{path.name}: {folder}/ may use {other}/, which is no row above it")
        table[folder] = permitted
    if not table:
        problems.append(f"{path.name}: no table of folders in a section \"Folders\"")
    return table, problems


def check_includes(name, folder, lines, table):
    """FOLDER is None for a file directly in app/."""
    permitted = table.get(folder) if folder else None
    for number, line in enumerate(lines, 1):
        include = INCLUDE.match(line)
        if include is None:
            continue
        where = f"{name}:{number}"
        other, slash, _ = include.group(1).partition("/")
        if not slash or other in (".", ".."):
            yield f"{where}: \"{include.group(1)}\": write it from app/ on, as \"folder/name.h\""
        elif other == folder or (folder and folder not in table):
            continue
        elif other not in table:
            yield f"{where}: {other}/ has no row in the table of folders"
        elif permitted is not None and other not in permitted:
            yield f"{where}: {folder}/ may not use {other}/"
        elif other == "tests" and folder != "tests":
            yield f"{where}: only tests/ may use tests/"


def function_start(lines, brace):
    """The first line of the declaration whose body's brace stands alone in line BRACE."""
    start = brace
    while start > 0 and re.match(r"[^\s#/*}].*[^;]$|\s+[^\s*].*[^;]$", lines[start - 1]):
        start -= 1
    return start


def check_sizes(name, lines):
    if len(lines) > FILE_LINES:
        yield f"{name}: {len(lines)} lines; at most {FILE_LINES}"
    brace = None
    for index, line in enumerate(lines):
        if len(line) > LINE_COLUMNS:
            yield f"{name}:{index + 1}: {len(line)} columns; at most {LINE_COLUMNS}"
        if line == "{":
            brace = index
        elif line.startswith("}") and brace is not None:
            start = function_start(lines, brace)
            size = index - start + 1
            if size > FUNCTION_LINES:
                yield f"{name}:{start + 1}: a function of {size} lines; at most {FUNCTION_LINES}"
            brace = None


def check(root):
    app = root / "app"
    table, problems = read_table(root / "docs" / "architecture.md")
    for folder in sorted(path.name for path in app.iterdir() if path.is_dir()):
        if folder not in table:
            problems.append(f"app/{folder}/: no row in the table of folders")
    for path in sorted(app.rglob("*.[ch]")):
        inside = path.relative_to(app)
        folder = inside.parts[0] if len(inside.parts) > 1 else None
        lines = path.read_text(errors="replace").splitlines()
        name = f"app/{inside}"
        problems += check_includes(name, folder, lines, table)
        if folder != "tests":
            problems += check_sizes(name, lines)
    return problems


GOOD = {
    "docs/architecture.md": "# A\n\n## Folders\n\n| folder | what | may use |\n|---|---|---|\n"
    "| base/ | x | - |\n| net/ | x | base |\n| tests/ | x | everything |\n\n## B\n\n| c/ | x | - |\n",
    "app/base/a.h": "#include <stdio.h>\n",
    "app/net/n.c": '#include "net/n.h"\n#include "base/a.h"\n\nint n(int a,\n      int b)\n{\n'
    + "    a();\n" * 66 + "}\n",
    "app/tests/t.c": '#include "net/n.h"\n' + "x" * 200 + "\n" * 900,
    "app/main.c": '#include "net/n.h"\n' + "y" * 100 + "\n" * 799,
}

# What is put into the good tree, and a part of the one line that must be said then.
BAD = [
    ({"app/base/b.c": '\n#include "net/n.h"\n'}, "app/base/b.c:2: base/ may not use net/"),
    ({"app/net/sub/b.c": '#  include "tests/t.h"\n'}, "net/ may not use tests/"),
    ({"app/main.c": '#include "tests/t.h"\n'}, "only tests/ may use tests/"),
    ({"app/base/b.h": '#include "a.h"\n'}, "write it from app/ on"),
    ({"app/base/b.h": '#include "../net/n.h"\n'}, "write it from app/ on"),
    ({"app/main.c": '#include "c/c.h"\n'}, "c/ has no row"),
    ({"app/more/b.c": "\n"}, "app/more/: no row"),
    ({"app/base/b.c": "\n" * 801}, "801 lines; at most 800"),
    ({"app/base/b.c": "x" * 101}, "app/base/b.c:1: 101 columns"),
    ({"app/base/b.c": "/* A. */\nint b(void)\n{\n" + "    a();\n" * 68 + "}\n"},
     "app/base/b.c:2: a function of 71 lines"),
    ({"app/base/b.c": "int a;\nint b(int c,\n      int d)\n{\n" + "\n" * 67 + "}\n"},
     "app/base/b.c:2: a function of 71 lines"),
    ({"docs/architecture.md": "## Folders\n| base/ | x | net |\n| net/ | x | base |\n"
      "| tests/ | x | everything |\n"}, "base/ may use net/, which is no row above it"),
    ({"docs/architecture.md": "## Other\n"}, "no table of folders"),
]


def problems_of(files):
    with tempfile.TemporaryDirectory(prefix="seamline-layering-") as name:
        for path, text in files.items():
            target = pathlib.Path(name) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        return check(pathlib.Path(name))


def self_test():
    failures = [f"the good tree: {problem}" for problem in problems_of(GOOD)]
    for files, expected in BAD:
        problems = problems_of(GOOD | files)
        if not any(expected in problem for problem in problems):
            failures.append(f"\"{expected}\" was not said, but {problems}")
        if len(problems) > 1 and "table" not in expected:
            failures.append(f"\"{expected}\" was not all that was said, but {problems}")
    return failures


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    self_testing = sys.argv[1] == "--self-test"
    problems = self_test() if self_testing else check(pathlib.Path(sys.argv[1]))
    print("\n".join(problems) if problems else "nothing to say")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
