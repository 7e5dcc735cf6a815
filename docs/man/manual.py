"""Put a manual page together: manual.py PAGE.md PROGRAM... prints Markdown for lowdown -s -tman.

PAGE.md is Markdown. A line of it that is one of these is replaced:

    {{help PROGRAM ARGUMENT...}}   what the program prints for this; its options become a list
    {{commands PROGRAM}}           a section for each command of its help, by PROGRAM help COMMAND
    {{file PATH}}                  a file of docs/, without its title
    {{keys PATH}}                  a JSON Schema's keys, each with its type, default and sentence

Programs are given by their paths and found by their names.
"""
import json
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ITEM = re.compile(r'^( {2,6})(\S.*?)(?: {2,}(\S.*))?$')
NAMED = ('duration', 'rate', 'pace', 'size', 'name')  # Kinds of values that experiment.md explains.
MARKED = re.compile(r'([\\`*_{}\[\]<>#|~^=$&!])')


def plain(text):
    """Text that Markdown leaves as it is; `code` stays code."""
    parts = re.split(r'(`[^`]+`)', text)
    return ''.join(part if part.startswith('`') else MARKED.sub(r'\\\1', part) for part in parts)


def help_blocks(text, program):
    """A help text as blocks: ('text', str), ('code', [line]), ('item', term, [line], indent)."""
    blocks = [('end',)]
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        last = blocks[-1]
        usage = re.match('usage: (.*)', line, re.IGNORECASE)
        item = ITEM.match(line)
        if not line.strip():
            blocks.append(('end',))
        elif usage:
            blocks.append(('code', [usage[1]]))
        elif last[0] == 'item' and indent > last[3] + 4:
            last[2].append(line.strip())
        elif last[0] == 'code' and (last[1][-1].endswith('\\') or line.split()[0] == program):
            last[1].append(line)
        elif line.split()[0] == program:
            blocks.append(('code', [line]))
        elif item:
            blocks.append(('item', item[2], [item[3]] if item[3] else [], indent))
        elif last[0] == 'text':
            blocks[-1] = ('text', last[1] + ' ' + line)
        else:
            blocks.append(('text', line))
    return [block for block in blocks if block[0] != 'end']


def sentence(lines):
    """The lines of an item; one with columns of its own begins a new line."""
    out = ''
    for line in lines:
        columns = re.split(' {2,}', line)
        out += '' if not out else '  \n' if len(columns) > 1 else ' '
        out += plain((' - ' if len(columns) == 2 else ', ').join(columns))
    return out


def code(lines):
    """Fenced: an indented block would belong to a list before it."""
    least = min(len(line) - len(line.lstrip()) for line in lines[1:] or lines)
    lines = [line[least:] if line.startswith(' ' * least) else line for line in lines]
    return '\n'.join(['```'] + lines + ['```'])


def help_markdown(text, program):
    out = []
    for block in help_blocks(text, program):
        if block[0] == 'text':
            out.append(plain(block[1]))
        elif block[0] == 'code':
            out.append(code(block[1]))
        elif block[2]:
            out.append('**%s**\n: %s' % (plain(block[1]), sentence(block[2])))
        else:
            out.append('**%s**' % plain(block[1]))
    return '\n\n'.join(out)


def ask(program, *arguments):
    shown = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60)
    if shown.returncode != 0 or not shown.stdout:
        sys.exit('manual.py: %s %s: exit status %d: %s' %
                 (program, ' '.join(arguments), shown.returncode, shown.stderr))
    return shown.stdout


def page_commands(name, programs, heading):
    """The commands are the items of the general help that are a word, perhaps with operands."""
    out = []
    for block in help_blocks(ask(programs[name], '--help'), name):
        command = block[1].split()[0] if block[0] == 'item' else ''
        if command.isalpha() and command != 'help':
            text = help_markdown(ask(programs[name], 'help', command), name)
            out.append('%s\n\n%s' % (heading('%s %s' % (name, command)), text))
    return '\n\n'.join(out)


def page_file(path):
    """Its title is the page's; its sections (##) are subsections there."""
    title, rest = (HERE.parent / path).read_text().split('\n', 1)
    if not title.startswith('# '):
        sys.exit('manual.py: %s does not begin with its title' % path)
    return rest


def reference(schema, root):
    """What a $ref stands for, under the words that stand beside it."""
    while '$ref' in schema:
        target = root
        for part in schema['$ref'].split('/')[1:]:
            target = target[part]
        schema = {**target, **{key: schema[key] for key in schema if key != '$ref'}}
    return schema


def value_words(schema, root):
    """What a value may be, in words."""
    named = schema.get('$ref', '').rpartition('/')[2]
    schema = reference(schema, root)
    if 'const' in schema:
        return json.dumps(schema['const'])
    if 'enum' in schema:
        return ', '.join(json.dumps(value) for value in schema['enum'])
    for choice in ('anyOf', 'oneOf'):
        if choice in schema:
            words = [value_words(one, root) for one in schema[choice]]
            return ' or '.join(dict.fromkeys(word for word in words if word))
    kind = named if named in NAMED else schema.get('type', '')
    kind = ' or '.join(kind) if isinstance(kind, list) else kind
    limits = [name + ' ' + str(schema[key]) for key, name in (
        ('minimum', 'at least'), ('exclusiveMinimum', 'more than'), ('maximum', 'at most'),
        ('exclusiveMaximum', 'less than')) if key in schema]
    if kind == 'array':
        inner = value_words(schema.get('items', {}), root)
        kind = 'array of ' + inner if inner and inner != 'object' else 'array'
        if 'maxItems' in schema:
            limits.append('at most %d' % schema['maxItems'])
    return ', '.join([kind] + limits if kind else limits)


def keys(schema, root, path, seen):
    """Each key below the schema, in its order: (path, schema, whether it must be given)."""
    schema = reference(schema, root)
    if id(schema.get('properties')) in seen:
        return
    below = seen | {id(schema.get('properties'))} if 'properties' in schema else seen
    for name, one in schema.get('properties', {}).items():
        here = path + '.' + name if path else name
        yield here, reference(one, root), name in schema.get('required', [])
        yield from keys(one, root, here, below)
    if isinstance(schema.get('additionalProperties'), dict):
        here = (path + '.' if path else '') + 'NAME'
        yield here, reference(schema['additionalProperties'], root), False
        yield from keys(schema['additionalProperties'], root, here, below)
    if isinstance(schema.get('items'), dict):
        yield from keys(schema['items'], root, path + '[]', below)
    parts = [one for word in ('anyOf', 'oneOf', 'allOf') for one in schema.get(word, [])]
    parts += [schema[word] for word in ('then', 'else') if isinstance(schema.get(word), dict)]
    for one in parts:
        yield from keys(one, root, path, below)


def page_keys(path):
    root = json.loads((HERE.parent.parent / path).read_text())
    known = {}
    for name, schema, must in keys(root, root, '', frozenset()):
        entry = known.setdefault(name, {'values': [], 'sentences': [], 'must': False})
        words = value_words(schema, root)
        if 'default' in schema:
            words += '; default ' + json.dumps(schema['default'])
        for kind, text in (('values', words), ('sentences', schema.get('description', ''))):
            if text and text not in entry[kind]:
                entry[kind].append(text)
        entry['must'] |= must
    out = []
    for name, entry in known.items():
        if '.' not in name and any(other.startswith((name + '.', name + '[')) for other in known):
            out.append('## ' + name)
        words = ' or '.join(entry['values']) + ('; required' if entry['must'] else '')
        out.append('**%s**\n: %s' % (plain(name), plain(' '.join(entry['sentences'] + ['(%s)' % words]))))
    return '\n\n'.join(out)


def expand(path, programs, heading):
    """The page's Markdown; heading() makes that of a command of its name."""
    out = []
    for line in pathlib.Path(path).read_text().splitlines():
        match = re.fullmatch(r'\{\{(help|commands|file|keys) (.*)\}\}', line)
        if match is None:
            out.append(line)
        elif match[1] == 'help':
            name, *arguments = match[2].split()
            out.append(help_markdown(ask(programs[name], *arguments), name))
        elif match[1] == 'commands':
            out.append(page_commands(match[2], programs, heading))
        elif match[1] == 'file':
            out.append(page_file(match[2]))
        else:
            out.append(page_keys(match[2]))
    return '\n'.join(out) + '\n'


def main():
    programs = {pathlib.Path(path).name: path for path in sys.argv[2:]}
    print(expand(sys.argv[1], programs, lambda words: '# ' + words.upper()), end='')


if __name__ == '__main__':
    main()
