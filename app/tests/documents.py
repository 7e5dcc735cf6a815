"""Links between the documents lead somewhere, the recipes of docs/extending.md name files that are there, and
docs/tcp.md has each packet script with what it proves, by which RFC.

documents.py ROOT
"""
import pathlib
import re
import sys

LINK = re.compile(r'\[[^\]]*\]\(([^)\s]+)\)')
PATH = re.compile(r'`((?:app|config|docs|drivers-cfg|scripts)/[\w./-]*)`')


def prose(text):
    """Without blocks of code, in which brackets are no links."""
    return '\n'.join(line for line in re.sub(r'^```.*?^```', '', text, flags=re.M | re.S).split('\n')
                     if not line.startswith('    '))


def anchors(text):
    """As a forge makes them of headings: letters, digits and _ in lower case, - for spaces."""
    headings = re.findall(r'^#+ (.*)$', text, re.M)
    return {re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-') for heading in headings}


def broken(path, text):
    """The links of a document that lead nowhere."""
    for link in LINK.findall(prose(text)):
        if re.match(r'[a-z]+:', link):
            continue
        name, _, anchor = link.partition('#')
        target = path.parent / name if name else path
        if not target.exists():
            yield link
        elif anchor and anchor not in anchors(target.read_text() if name else text):
            yield link


def missing(root, text):
    """NAME stands for one that the reader chooses."""
    return [path for path in PATH.findall(text) if 'NAME' not in path and not (root / path).exists()]


def misplaced(root):
    """Packet scripts whose row in docs/tcp.md is not what they say, that cite no RFC and are no limit of our
    own, and rows without a script."""
    text = (root / 'docs/tcp.md').read_text()
    own = text[text.index('### Limits'):]
    rows = dict(re.findall(r'^\| ([a-z0-9-]+) \| ([^|]*) \|$', text, re.M))
    for path in sorted((root / 'app/tests/packets/scripts').glob('*.pkt')):
        says = path.read_text().split('\n')[0].removeprefix('# ')
        if rows.pop(path.stem, None) != says:
            yield f'{path.stem}: {says}'
        elif 'RFC ' not in says and f'| {path.stem} |' not in own:
            yield f'{path.stem} cites no RFC'
    yield from (f'{name}: no such script' for name in rows if name != 'script')


def main():
    root = pathlib.Path(sys.argv[1])
    documents = [root / 'README.md'] + sorted((root / 'docs').rglob('*.md'))
    documents = [path for path in documents if 'man' not in path.parts[len(root.parts):]]
    recipes = root / 'docs/extending.md'
    checks = [(f'links of {path.relative_to(root)}', list(broken(path, path.read_text()))) for path in documents]
    checks.append(('files that extending.md names', missing(root, recipes.read_text())))
    checks.append(('packet scripts in tcp.md', list(misplaced(root))))
    made_up = '[a](no-such.md) [b](#no-such-heading) [c](lab.md#no-such) `app/no-such.c`'
    found = len(list(broken(recipes, made_up))) + len(missing(root, made_up))
    checks.append(('four made-up ones are missed', [] if found == 4 else [f'{found} were']))
    print(f'1..{len(checks)}')
    for number, (what, wrong) in enumerate(checks, 1):
        print(f"{'not ok' if wrong else 'ok'} {number} - {what}")
        for one in wrong:
            print(f'# {one}')
    return any(wrong for _, wrong in checks)


if __name__ == '__main__':
    sys.exit(main())
