/* site.mjs - the docs as a site, in a real browser: no barriers in either colour scheme, nothing but tables and code
 * scrolls sideways on a telephone, and paper gets the page alone.
 *
 * usage: site.mjs SITE
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { barriers, launch } from "./browser.mjs";

const site = resolve(process.argv[2]);
const pages = readdirSync(site, { recursive: true }).filter(name => name.endsWith(".html")).sort();
const everyKind = ["index.html", "experiment.html", "commands.html"];

async function opened(browser, name, options) {
    const page = await browser.newPage(options);
    await go(page, name);
    return page;
}

const go = (page, name) => page.goto(`file://${join(site, name)}`);

/* Browsers let the keyboard reach what scrolls by themselves: without a stop at each piece of code. */
const barriersOf = async page => (await barriers(page)).filter(one => !one.startsWith("scrollable-region-focusable"));

async function accessible(browser) {
    const page = await opened(browser, "index.html", { viewport: { width: 1280, height: 900 } });
    for (const name of everyKind) {
        await go(page, name);
        assert.deepEqual(await barriersOf(page), [], name);
    }
    await page.close();
}

async function dark(browser) {
    const page = await opened(browser, "quick-start.html", { viewport: { width: 1280, height: 900 }, colorScheme: "dark" });
    const light = await page.evaluate(() => getComputedStyle(document.body).color.match(/\d+/g).map(Number).every(part => part > 128));
    assert.ok(light, "light letters");
    for (const name of ["quick-start.html", "situations/node-drain.html"]) {
        await go(page, name);
        assert.deepEqual(await barriersOf(page), [], name);
    }
    await page.close();
}

async function narrow(browser) {
    const page = await opened(browser, "index.html", { viewport: { width: 390, height: 800 } });
    for (const name of pages) {
        await go(page, name);
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= 390, name);
    }
    await page.close();
}

async function contents(browser) {
    const page = await opened(browser, "quick-start.html", { viewport: { width: 1280, height: 900 } });
    await page.getByRole("navigation", { name: "All pages" }).getByRole("link", { name: "Draining a node" }).click();
    assert.match(page.url(), /situations\/node-drain\.html$/);
    await page.getByRole("link", { name: "Next" }).click();
    assert.match(page.url(), /situations\/post-upgrade\.html$/);
    assert.equal(await page.locator("[aria-current=page]").textContent(), "POSTs during an upgrade");
    await page.close();
}

async function paper(browser) {
    const page = await opened(browser, "lab.html", { viewport: { width: 720, height: 1000 } });
    await page.emulateMedia({ media: "print" });
    assert.equal(await page.getByRole("navigation").count(), 0, "nothing to click on");
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= 720, "tables and code fit");
    await page.close();
}

const tests = [["no barriers", accessible], ["dark", dark], ["on a telephone", narrow], ["contents", contents], ["on paper", paper]];
const browser = await launch();
console.log(`1..${tests.length}`);
for (const [i, [name, test]] of tests.entries()) {
    try {
        await test(browser);
        console.log(`ok ${i + 1} - ${name}`);
    } catch (error) {
        process.exitCode = 1;
        console.log(`not ok ${i + 1} - ${name}`);
        console.log(String(error.stack).replace(/^/gm, "# "));
    }
}
await browser.close();
