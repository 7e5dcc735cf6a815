"""Manual pages name every option of every help text, and every key of the experiment's schema.

manual_pages.py ROOT SEAMLINE SEAMLINE-LAB PAGE...
"""
import json
import pathlib
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import checks  # noqa: E402 (it stands beside)

OPTION = re.compile(r'(?<![\w-])--?[a-zA-Z][\w-]*')
FONT = re.compile(r'\\f(?:\(..|\[[^]]*\]|.)')


def printed(command):
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return shown.stdout + shown.stderr


def options(text):
    return set(OPTION.findall(text))


def section(text, title):
    """Of a page, what stands below a heading; nothing when there is none."""
    parts = re.split(r'^\.SH\n(.*)$', text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2])).get(title, '')


def text_of(page):
    """What roff prints, as far as words go."""
    roff = FONT.sub('', pathlib.Path(page).read_text())
    return roff.replace('\\-', '-').replace('\\&', '').replace('\\(dq', '"')


def commands(seamline):
    """Those of the general help: lines of two spaces, a word, and a sentence."""
    general = printed([seamline, '--help'])
    names = re.findall(r'^  ([a-z]+) .*  \S', general, re.MULTILINE)
    return [name for name in names if name not in ('help', 'seamline')]


def schema_keys(part, known):
    """Each property's name, wherever it stands."""
    if isinstance(part, list):
        for one in part:
            schema_keys(one, known)
    elif isinstance(part, dict):
        if isinstance(part.get('properties'), dict):
            known.update(part['properties'])
        for one in part.values():
            schema_keys(one, known)
    return known


def missing(wanted, text):
    return sorted(word for word in wanted
                  if not re.search(r'(?<![\w-])' + re.escape(word) + r'(?![\w-])', text))


def main():
    root, seamline, lab = sys.argv[1:4]
    pages = {pathlib.Path(page).name: text_of(page) for page in sys.argv[4:]}
    found = []
    names = commands(seamline)
    # A run, a report: were these not found, nothing below would be looked at.
    found.append(('the general help has commands', [] if {'run', 'report'} <= set(names) else names))
    for name in names:
        wanted = options(printed([seamline, 'help', name]))
        found.append(('seamline.1 has the options of %s' % name,
                       missing(wanted, section(pages['seamline.1'], 'SEAMLINE ' + name.upper()))))
        if not wanted:
            found.append(('%s has options' % name, [name]))
    wanted = options(printed([lab, '--help']))
    found.append(('seamline-lab.1 has its options',
                   missing(wanted, section(pages['seamline-lab.1'], 'OPTIONS'))))
    found.append(('seamline-lab has options', [] if '--profile' in wanted else ['--profile']))
    for page, name in (('seamline-experiment.5', 'experiment'), ('seamline-machine.5', 'machine')):
        keys = section(pages[page], 'ALL KEYS')
        schema = json.loads(pathlib.Path(root, 'config/%s.schema.json' % name).read_text())
        found.append(('%s has every key of the schema' % page, missing(schema_keys(schema, set()), keys)))
    found.append(('a key that is none is missed', [] if missing({'noSuchKey'}, keys) else ['noSuchKey']))
    return 0 if checks.tell(found) else 1


if __name__ == '__main__':
    sys.exit(main())
