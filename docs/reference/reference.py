"""Hold docs/reference.md to the lists of words that the programs use.

    reference.py WORDS FILE          write the tables of FILE anew
    reference.py --check WORDS FILE  change nothing; TAP

WORDS is the program that prints the lists. Each list has a section of its name in FILE, with a table. Words, their order, and
sentences where the list has them, come from the list; the other cells, and all text around the tables, are kept.
"""
import pathlib
import re
import subprocess
import sys

UNWRITTEN = '?'


def read_lists(text):
    """{list: [(word, sentence)]}, in order."""
    lists = {}
    for line in text.splitlines():
        name, word, sentence = line.split('\t')
        lists.setdefault(name, []).append((word, sentence))
    return lists


def cells(line):
    return [cell.strip() for cell in line.strip().strip('|').split('|')]


def row(parts):
    return '| ' + ' | '.join(parts) + ' |'


def table(lines, words):
    """A table's lines anew: its head is kept, and what stands beside each word."""
    head = lines[:2]
    width = len(cells(head[0]))
    kept = {cells(line)[0].strip('`'): cells(line)[1:] for line in lines[2:]}
    out = list(head)
    for word, sentence in words:
        rest = (kept.get(word, []) + [UNWRITTEN] * width)[:width - 1]
        if sentence:
            rest[0] = sentence
        out.append(row(['`%s`' % word] + rest))
    return out


def section(text, words):
    """A section anew; without a table, it gets one of two columns."""
    lines = text.split('\n')
    at = [number for number, line in enumerate(lines) if line.startswith('|')]
    if not at:
        return '\n'.join(lines[:-1] + table([row(['word', 'what it is']), '|---|---|'], words) + ['', ''])
    return '\n'.join(lines[:at[0]] + table([lines[number] for number in at], words) + lines[at[-1] + 1:])


def rewrite(text, lists):
    """FILE anew, and what is wrong with it."""
    parts = re.split(r'^(## .*\n)', text, flags=re.MULTILINE)
    known = {}
    for number in range(1, len(parts), 2):
        name = parts[number][3:].strip()
        known[name] = True
        if name in lists:
            parts[number + 1] = section(parts[number + 1], lists[name])
    wrong = ['no section "%s"' % name for name in lists if name not in known]
    return ''.join(parts), wrong


def check(text, lists):
    """What is wrong with FILE, as lines."""
    made, wrong = rewrite(text, lists)
    for old, new in zip(text.split('\n'), made.split('\n')):
        if old != new:
            wrong.append('not up to date: "%s" should be "%s"' % (old, new))
            break
    if made.count('\n') != text.count('\n'):
        wrong.append('not up to date: another number of lines')
    wrong += ['unwritten: ' + line for line in made.split('\n')
              if line.startswith('|') and any(cell in ('', UNWRITTEN) for cell in cells(line))]
    return wrong


def main():
    words, path = sys.argv[-2], pathlib.Path(sys.argv[-1])
    lists = read_lists(subprocess.run([words], capture_output=True, text=True, check=True).stdout)
    text = path.read_text()
    if sys.argv[1] != '--check':
        made, wrong = rewrite(text, lists)
        path.write_text(made)
        sys.exit('\n'.join(wrong))
    first = next(iter(lists))
    more = {**lists, first: lists[first] + [('no-such-word', '')]}
    other = {**lists, first: [(lists[first][0][0], 'Another sentence.')] + lists[first][1:]}
    results = [
        ('docs/reference.md has all words; else: ninja reference', check(text, lists)),
        ('a word that it lacks is missed', [] if check(text, more) else ['it was not']),
        ('a sentence that changed is missed', [] if check(text, other) else ['it was not']),
        ('a list that it lacks is missed', [] if check(text, {**lists, 'New': [('a', 'b')]}) else ['it was not']),
    ]
    print('1..%d' % len(results))
    for number, (what, wrong) in enumerate(results, 1):
        print('%s %d - %s' % ('not ok' if wrong else 'ok', number, what))
        for line in wrong:
            print('# ' + line)
    sys.exit(any(wrong for _, wrong in results))


if __name__ == '__main__':
    main()
