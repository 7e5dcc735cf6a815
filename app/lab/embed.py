"""embed.py NAME IN OUT: the text of IN as the C string NAME."""
import json
import pathlib
import sys

name, source, out = sys.argv[1:]
lines = pathlib.Path(source).read_text(encoding="ascii").splitlines()
pathlib.Path(out).write_text(
    f"extern const char {name}[];\nconst char {name}[] =\n" + "\n".join(json.dumps(line + "\n") for line in lines) + ";\n", encoding="ascii")
