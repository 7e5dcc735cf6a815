"""Make the docs a site of static pages: site.py README.md OUT DEPFILE CSS... -- PROGRAM...

README.md is the first page, and its section "Documentation" the table of contents: `### GROUP` and below it
`- [TITLE](docs/PAGE.md): sentence`, in the order of the site. Pages are Markdown as manual.py puts it together, made HTML by
lowdown and set into template.html. Links between pages are made to fit; other files that they link to are copied.
No page needs a script or the network.
"""
import html
import os
import pathlib
import re
import shutil
import string
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'man'))
import manual  # noqa: E402 (it stands beside)

LOWDOWN = ['lowdown', '-thtml', '--html-no-head-ids', '--html-no-num-ent', '--out-no-smarty', '--parse-no-metadata',
           '--parse-no-super', '--parse-no-strike']
HEADING = re.compile(r'<h([1-6])>(.*?)</h\1>', re.S)
ENTRY = re.compile(r'- \[([^\]]+)\]\(([^)]+)\)')


def contents(readme):
    """[(group, [(title, path)])] of the section "Documentation"; paths are relative to the README."""
    part = re.search(r'^## Documentation\n(.*?)(?=^## |\Z)', readme.read_text(), re.M | re.S)
    if part is None:
        sys.exit('site.py: %s has no section "Documentation"' % readme)
    groups = []
    for line in part[1].splitlines():
        entry = ENTRY.match(line)
        if line.startswith('### '):
            groups.append((line[4:], []))
        elif entry and groups:
            groups[-1][1].append((entry[1], os.path.normpath(entry[2])))
    return groups


def place(source):
    """Where a page of the tree stands in the site."""
    if source == 'README.md':
        return 'index.html'
    inner = source.removeprefix('docs/').removeprefix('site/')
    return str(pathlib.PurePosixPath(inner).with_suffix('.html'))


def anchor(text):
    """As a forge makes it of a heading."""
    text = html.unescape(re.sub(r'<[^>]*>', '', text)).lower()
    return re.sub(r'[^\w\- ]', '', text).replace(' ', '-')


class Page:
    """A page of the site, as HTML without what stands around it."""

    def __init__(self, root, source, programs):
        self.source, self.place, self.sections = source, place(source), []
        text = manual.expand(root / source, programs, lambda words: '## ' + words)
        shown = subprocess.run(LOWDOWN, input=text, capture_output=True, text=True, timeout=60, check=True)
        self.taken = {}
        body = HEADING.sub(self.heading, shown.stdout)
        body = re.sub(r'<td.*?</td>', lambda cell: cell[0].replace('\\|', '|'), body, flags=re.S)
        body = body.replace('<th></th>', '<td></td>')  # A column without a heading has none to read out.
        self.body = body.replace('<table>', '<div class="scroll"><table>').replace('</table>', '</table></div>')

    def heading(self, match):
        level, text = int(match[1]), match[2]
        name = anchor(text)
        self.taken[name] = self.taken.get(name, 0) + 1
        if self.taken[name] > 1:
            name += '-%d' % (self.taken[name] - 1)
        if level == 1:
            self.title = re.sub(r'<[^>]*>', '', text)
        elif level == 2:
            self.sections.append((name, text))
        return '<h%d id="%s">%s</h%d>' % (level, name, text, level)

    def link(self, target):
        """A place of the site, as a link from this page."""
        return os.path.relpath(target, os.path.dirname(self.place) or '.')

    def rewrite(self, pages, root):
        """Links of the sources become links of the site; returns the other files that they lead to."""
        copied = set()

        def one(match):
            target, _, name = html.unescape(match[1]).partition('#')
            if re.match(r'[a-z]+:', target) or not target:
                return match[0]
            path = os.path.normpath(os.path.join(os.path.dirname(self.source), target))
            if path in pages:
                target = self.link(pages[path].place)
            else:
                if not (root / path).is_file():
                    sys.exit('site.py: %s: a link to %s, which is no file' % (self.source, target))
                copied.add(path)
                target = self.link(place(path) if path.endswith('.md') else path.removeprefix('docs/'))
            return 'href="%s"' % html.escape(target + ('#' + name if name else ''))

        self.body = re.sub(r'href="([^"]*)"', one, self.body)
        return copied


def list_of(page, groups, pages):
    """The table of contents, as it stands beside this page."""
    out = ['<p><a href="%s"%s>seamline</a></p>' % (page.link('index.html'), here(page, 'README.md'))]
    for number, (group, entries) in enumerate(groups):
        out.append('<h2 id="group-%d">%s</h2>\n<ul aria-labelledby="group-%d">' % (number, html.escape(group), number))
        for title, source in entries:
            link = page.link(pages[source].place)
            out.append('<li><a href="%s"%s>%s</a></li>' % (link, here(page, source), html.escape(title)))
        out.append('</ul>')
    return '\n'.join(out)


def here(page, source):
    return ' aria-current="page"' if page.source == source else ''


def sections_of(page):
    """What is on this page, where that is much."""
    if len(page.sections) < 3 or page.source == 'README.md':
        return ''
    items = ''.join('<li><a href="#%s">%s</a></li>\n' % section for section in page.sections)
    return '<nav class="sections" aria-label="On this page">\n<ul>\n%s</ul>\n</nav>' % items


def neighbours(page, order, pages):
    out = []
    at = order.index(page.source)
    for step, rel, words in ((-1, 'prev', 'Before'), (1, 'next', 'Next')):
        if 0 <= at + step < len(order):
            other = pages[order[at + step]]
            out.append('<a rel="%s" href="%s"><span>%s</span> %s</a>' % (rel, page.link(other.place), words, other.title))
    return '\n'.join(out)


def main():
    split = sys.argv.index('--')
    readme, out, depfile, *styles = map(pathlib.Path, sys.argv[1:split])
    programs = {pathlib.Path(path).name: path for path in sys.argv[split + 1:]}
    root = readme.resolve().parent
    groups = contents(readme)
    order = ['README.md'] + [source for _, entries in groups for _, source in entries]
    pages = {source: Page(root, source, programs) for source in order}
    template = string.Template((HERE / 'template.html').read_text())
    shutil.rmtree(out, ignore_errors=True)
    copied = set()
    for page in pages.values():
        copied |= page.rewrite(pages, root)
        target = out / page.place
        target.parent.mkdir(parents=True, exist_ok=True)
        body, sections = page.body, sections_of(page)
        if sections:
            body = body.replace('</h1>', '</h1>\n' + sections, 1)
        target.write_text(template.substitute(
            title=page.title if page.source == 'README.md' else page.title + ' - seamline',
            styles='\n'.join('<link rel="stylesheet" href="%s">' % page.link(style.name) for style in styles),
            contents=list_of(page, groups, pages), body=body, neighbours=neighbours(page, order, pages)))
    for path in copied:
        target = out / path.removeprefix('docs/')
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / path, target)
    for style in styles:
        shutil.copyfile(style, out / style.name)
    read = [root / path for path in order + sorted(copied)] + [HERE / 'template.html'] + styles
    depfile.write_text('%s: %s\n' % (out, ' '.join(str(path).replace(' ', '\\ ') for path in read)))


if __name__ == '__main__':
    main()
