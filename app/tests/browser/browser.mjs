/* browser.mjs - a page in Debian's chromium, what it shows, and what it complained about. */
import { createRequire } from "node:module";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const require = createRequire(new URL("../../report/html/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const axe = require("axe-core").source;

export const launch = () => chromium.launch({
    executablePath: ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync),
    args: process.getuid() === 0 ? ["--no-sandbox"] : [],
});

/* A world is {browser, folder}: of each run or comparison there, NAME.html is its page, and NAME.json the
 * account that the page is of. */
export const file = (world, name) => join(world.folder, `${name}.html`);
export const account = (world, name) => JSON.parse(readFileSync(join(world.folder, `${name}.json`)));

/* The page of NAME. `complaints` grows by each message of the console that is more than a note, each
 * error, and each address beside the file's own that was asked for. */
export async function open(world, name, options = {}) {
    const page = await world.browser.newPage({ viewport: { width: 1280, height: 900 }, ...options });
    const complaints = [], url = `file://${file(world, name)}`;
    page.on("console", message => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
    page.on("pageerror", error => complaints.push(error.message));
    page.on("request", request => !request.url().startsWith("data:") && request.url() !== url && complaints.push(request.url()));
    await page.goto(url);
    await page.waitForFunction(() => performance.getEntriesByName("drawn").length > 0);
    return { page, complaints };
}

/* What is in the way of people with a keyboard, a screen reader, or little contrast; by RULES alone when given. */
export async function barriers(page, rules) {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(only => globalThis.axe.run(document, { resultTypes: ["violations"], ...only && { runOnly: only } }), rules);
    return violations.map(one => `${one.id}: ${one.nodes.slice(0, 3).map(node => node.target.join(" ")).join(", ")}`);
}

/* The page is light or dark as the reader's system is, and has no barrier in either. */
export async function schemes(page, assert) {
    for (const [colorScheme, rules] of [["light", undefined], ["dark", ["color-contrast"]]]) {
        await page.emulateMedia({ colorScheme });
        await settle(page);
        const paper = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
        assert.equal(Number(paper.match(/\d+/)[0]) > 128, colorScheme === "light");
        assert.deepEqual(await barriers(page, rules), [], colorScheme);
    }
}

/* Drawing follows in the next frame. */
export const settle = page => page.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))));

/* The cells of a table by its caption: rows of {column: text}. */
export const cells = (page, caption) => page.locator("table").filter({ has: page.locator("caption", { hasText: caption }) }).evaluate(table => {
    const names = [...table.tHead.rows[0].cells].map(cell => cell.textContent);
    return [...table.tBodies[0].rows].map(row => Object.fromEntries([...row.cells].map((cell, i) => [names[i], cell.textContent])));
});

/* TEXT without the thin spaces between groups of digits. */
export const plain = text => text.replace(/[\u202f\u2009]/g, "");
