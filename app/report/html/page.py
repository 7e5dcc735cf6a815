"""page.py NAME SKELETON OUT FILE...: a page of HTML as the C object NAME (report/html_page.h).

A line `@@x.css@@` of SKELETON stands for the FILE of that name, and the line `@@data@@` for what is
put in at run time.
"""
import pathlib
import re
import sys


def whole(skeleton, files):
    """The page, its FILES (by name) put in."""
    def put_in(match):
        text = files[match[1]].read_text(encoding="utf-8")
        if re.search("</(script|style)", text):
            sys.exit(f"{files[match[1]]}: it would end the element that it stands in")
        return text
    return re.sub(r"^@@(?!data@@)([\w.]+)@@\n", put_in, skeleton.read_text(encoding="utf-8"), flags=re.M)


def array(name, text):
    """TEXT as a C array without an end."""
    octets = text.encode()
    rows = [",".join(map(str, octets[at:at + 40])) for at in range(0, len(octets), 40)]
    return f"static const char {name}[] = {{\n" + ",\n".join(rows) + "};\n"


def main(name, skeleton, out, *files):
    page = whole(pathlib.Path(skeleton), {pathlib.Path(file).name: pathlib.Path(file) for file in files})
    before, after = page.split("@@data@@\n")
    if not (before + after).isascii():
        sys.exit(f"{skeleton}: write what is not ASCII as an escape")
    pathlib.Path(out).write_text(
        '#include "report/html_page.h"\n'
        + array("before", before) + array("after", after)
        + f"const struct html_page {name} = {{before, sizeof(before), after, sizeof(after)}};\n", encoding="ascii")


main(*sys.argv[1:])
