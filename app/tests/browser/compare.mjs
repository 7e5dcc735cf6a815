/* compare.mjs - the page of `seamline compare -f html`: what it shows is what its JSON says. */
import assert from "node:assert/strict";
import { account, cells, open, plain, schemes } from "./browser.mjs";

const UNITS = { "ns": 1, "\u00b5s": 1e3, "ms": 1e6, "s": 1e9, "%": 0.01 };
const WORDS = { "worse": "worse", "better": "better", "slight": "differs, under the threshold", "not-found": "no difference found", "not-judged": "not judged" };

/* The numbers of a cell, each in its unit: "1.5 ms 1.2 ms ... 2 ms" */
const numbers = text => [...plain(text).matchAll(/([+-]?[\d.]+(?:e[+-]?\d+)?)(?: (ns|\u00b5s|ms|s|%))?/g)].map(([, number, unit]) => Number(number) * (UNITS[unit] ?? 1));

/* To the digits that are shown. */
function near(shown, meant, what) {
    assert.equal(shown.length, 3, `${what}: ${shown}`);
    [meant.value, meant.low, meant.high].forEach((value, i) =>
        assert.ok(Math.abs(shown[i] - value) <= Math.max(Math.abs(value) * 6e-3, 0.6e-9), `${what}: ${shown[i]} is not ${value}`));
}

async function figures(world, name) {
    const compared = account(world, name);
    const { page, complaints } = await open(world, name);
    const streams = [...new Set(compared.figures.map(row => row.stream))];
    assert.deepEqual(await page.locator("caption").allInnerTexts(), streams.map(stream => `Stream ${stream}`));
    for (const stream of streams) {
        const rows = await cells(page, `Stream ${stream}`);
        const meant = compared.figures.filter(row => row.stream === stream);
        assert.deepEqual(rows.map(row => row.Figure), meant.map(row => row.figure));
        meant.forEach((row, i) => {
            const what = `${stream}.${row.figure}`;
            for (const [column, of] of [["Base", row.base], ["New", row.new], ["Change", row.change]])
                if (of === null) assert.equal(rows[i][column], "\u2013", what);
                else near(numbers(rows[i][column]), of, `${what}, ${column}`);
            assert.ok(rows[i].Verdict.startsWith(WORDS[row.verdict]), `${what}: ${rows[i].Verdict}`);
            assert.equal(rows[i]["p, corrected"], row.corrected ? String(Number(row.adjusted.toPrecision(2))) : "\u2013", what);
        });
    }
    const verdict = await page.locator(".verdict").innerText();
    for (const row of compared.figures.filter(one => ["worse", "better"].includes(one.verdict)))
        assert.ok(verdict.includes(`${row.stream}.${row.figure}`), `${row.stream}.${row.figure} is ${row.verdict}`);
    assert.match(verdict, compared.regressions > 0 ? new RegExp(`${compared.regressions} regression`) : /no regression found/i);
    const notices = (await page.locator(".notice").allInnerTexts()).join("\n");
    for (const text of [...compared.objections, ...compared.warnings]) assert.ok(notices.includes(text), text);
    assert.equal(await page.evaluate(() => window.hit), undefined);
    assert.equal(await page.locator("img, iframe").count(), 0);
    await schemes(page, assert);
    assert.deepEqual(complaints, []);
    await page.close();
}

/* Each stream's table can be scrolled by keys, and has a name. */
async function keyboard(world) {
    const { page } = await open(world, "repeats");
    const streams = [...new Set(account(world, "repeats").figures.map(row => row.stream))], reached = [];
    for (let i = 0; i < streams.length; i++) {
        await page.keyboard.press("Tab");
        reached.push(await page.evaluate(() => document.activeElement.getAttribute("aria-label")));
    }
    assert.deepEqual(reached, streams.map(stream => `Stream ${stream}`));
    assert.equal(await page.getByRole("heading", { level: 1 }).count(), 1);
    await page.close();
}

/* On a sheet of A4 and on a telephone nothing is cut off. */
async function fits(world) {
    const { page } = await open(world, "repeats", { viewport: { width: 390, height: 800 } });
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= 390, "nothing but tables scrolls sideways");
    await page.emulateMedia({ media: "print" });
    await page.setViewportSize({ width: 720, height: 1000 });
    const right = await page.evaluate(() => Math.max(...[...document.querySelectorAll("td, th, .plot")].map(node => node.getBoundingClientRect().right)));
    assert.ok(right <= 720, `the tables fit the paper: ${right}`);
    assert.ok((await page.pdf({ format: "A4" })).length > 10000, "the pages have something on them");
    await page.close();
}

export const tests = [
    ["compare: two sets of repeats, figures as in its JSON", world => figures(world, "repeats")],
    ["compare: two recorded runs, figures as in its JSON", world => figures(world, "graceful")],
    ["compare: keyboard", keyboard],
    ["compare: paper and narrow screens", fits],
];
