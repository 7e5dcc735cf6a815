"""The site of the docs: links lead somewhere, every document is in it, and its pages need neither script nor network.

site.py ROOT SITE
"""
import html.parser
import json
import os
import pathlib
import re
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import checks  # noqa: E402 (they stand beside)
import manual_pages  # noqa: E402

EMPTY = {'meta', 'link', 'br', 'hr', 'img'}
OUTSIDE = re.compile(r'[a-z]+:')


class Page(html.parser.HTMLParser):
    """What a page has: its links, names, headings; and what is wrong with its elements."""

    def __init__(self, text):
        super().__init__()
        self.open, self.links, self.loaded, self.names, self.headings, self.wrong = [], [], [], [], [], []
        self.language, self.title, self.navigation = '', '', []
        self.feed(text)
        self.wrong += ['<%s> is not closed' % tag for tag in self.open]

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if 'id' in attributes:
            self.names.append(attributes['id'])
        if tag == 'a':
            self.links.append(attributes.get('href', ''))
        elif tag == 'link':
            self.loaded.append(attributes['href'])
        elif 'src' in attributes:
            self.loaded.append(attributes['src'])
        elif tag == 'html':
            self.language = attributes.get('lang', '')
        elif tag == 'nav':
            self.navigation.append(attributes.get('aria-label', ''))
        if tag == 'script' or any(name.startswith('on') for name in attributes):
            self.wrong.append('a script')
        if re.fullmatch('h[1-6]', tag) and 'nav' not in self.open:
            self.headings.append(int(tag[1]))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append('</%s> closes another element' % tag)

    def handle_data(self, data):
        if self.open and self.open[-1] == 'title':
            self.title += data


def read(site):
    """{place: Page} of all pages."""
    return {str(path.relative_to(site)): Page(path.read_text()) for path in sorted(site.rglob('*.html'))}


def target(place, link):
    """The place that a link of a page leads to, and the name there."""
    path, _, name = link.partition('#')
    return os.path.normpath(os.path.join(os.path.dirname(place), path)) if path else place, name


def broken(site, pages):
    """Links that lead nowhere."""
    for place, page in pages.items():
        for link in page.links + page.loaded:
            if OUTSIDE.match(link):
                if link in page.loaded:
                    yield '%s loads %s' % (place, link)
                continue
            to, name = target(place, link)
            if not (site / to).is_file() or to.startswith('..'):
                yield '%s: %s' % (place, link)
            elif name and name not in pages[to].names:
                yield '%s: %s: no such name there' % (place, link)


def unreachable(pages):
    """Pages to which no way leads from the first."""
    known, left = set(), ['index.html']
    while left:
        place = left.pop()
        if place in pages and place not in known:
            known.add(place)
            left += [target(place, link)[0] for link in pages[place].links if not OUTSIDE.match(link)]
    return sorted(set(pages) - known)


def malformed(pages):
    """Elements, names, titles and headings that are not as they should be."""
    titles = {}
    for place, page in pages.items():
        wrong = list(page.wrong)
        wrong += ['name %s twice' % name for name in set(page.names) if page.names.count(name) > 1]
        if page.headings[:1] != [1] or page.headings.count(1) != 1:
            wrong.append('not one first heading')
        wrong += ['a heading of level %d below one of %d' % (b, a)
                  for a, b in zip(page.headings, page.headings[1:]) if b > a + 1]
        wrong += [] if page.language == 'en' else ['no language']
        wrong += ['a navigation without a name'] if '' in page.navigation else []
        wrong += ['the title of %s' % titles[page.title]] if page.title in titles else []
        titles[page.title] = place
        yield from ('%s: %s' % (place, one) for one in wrong)


def left_out(root, pages):
    """Documents that have no page."""
    documents = {path.relative_to(root / 'docs') for path in (root / 'docs').rglob('*.md')}
    places = {str(path.with_suffix('.html')).removeprefix('site/') for path in documents if path.parts[0] != 'man'}
    return sorted(places - set(pages))


def keys_missed(root, site, schema, page):
    """Keys of a schema that a page has not."""
    schema = json.loads((root / 'config' / schema).read_text())
    text = re.sub(r'<[^>]*>', '', (site / page).read_text())
    return manual_pages.missing(manual_pages.schema_keys(schema, set()), text)


def not_in(text, words):
    return [word for word in words if word not in text]


def made_up():
    """Faults on purpose: how many of them are missed?"""
    with tempfile.TemporaryDirectory() as folder:
        site = pathlib.Path(folder)
        (site / 'index.html').write_text('<h1>a</h1><a href="b.html#no">x</a><a href="none.html">x</a><p>')
        (site / 'b.html').write_text('<h1 id="b">b</h1><h3>c</h3><link href="https://a.example/x.css"><script></script>')
        (site / 'alone.html').write_text('<html lang="en"><h1>d</h1><p id="e"></p><p id="e"></p></html>')
        pages = read(site)
        found = '\n'.join([*broken(site, pages), *unreachable(pages), *malformed(pages)])
    return not_in(found, ['b.html#no', 'none.html', 'loads https', 'alone.html', '<p> is not closed', 'level 3 below',
                          'a script', 'name e twice', 'no language'])


def main():
    root, site = map(pathlib.Path, sys.argv[1:3])
    pages = read(site)
    styles = ''.join(path.read_text() for path in site.glob('*.css'))
    return 0 if checks.tell([
        ('there are pages', [] if len(pages) > 20 else sorted(pages)),
        ('links lead somewhere, and nothing is loaded from elsewhere', list(broken(site, pages))),
        ('all pages can be reached from the first', unreachable(pages)),
        ('pages are well formed, with headings in order, and without scripts', list(malformed(pages))),
        ('every document has a page', left_out(root, pages)),
        ('both colour schemes, and paper', not_in(styles, ['prefers-color-scheme: dark', '@media print'])),
        ('every key of an experiment is there', keys_missed(root, site, 'experiment.schema.json', 'keys.html')),
        ('every key of a machine file is there', keys_missed(root, site, 'machine.schema.json', 'machine-keys.html')),
        ('made-up faults are found', made_up()),
    ]) else 1


if __name__ == '__main__':
    sys.exit(main())
