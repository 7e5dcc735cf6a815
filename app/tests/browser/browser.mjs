/* browser.mjs - a page in Debian's chromium, and what it complained about. */
import { createRequire } from "node:module";
import { existsSync } from "node:fs";

const require = createRequire(new URL("../../report/html/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const axe = require("axe-core").source;

export const launch = () => chromium.launch({
    executablePath: ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync),
    args: process.getuid() === 0 ? ["--no-sandbox"] : [],
});

/* The page of FILE. `complaints` grows by each message of the console that is more than a note, each
 * error, and each address beside the file's own that was asked for. */
export async function open(browser, file, options = {}) {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options });
    const complaints = [];
    page.on("console", message => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
    page.on("pageerror", error => complaints.push(error.message));
    page.on("request", request => !request.url().startsWith("data:") && request.url() !== `file://${file}` && complaints.push(request.url()));
    await page.goto(`file://${file}`);
    await page.waitForFunction(() => performance.getEntriesByName("drawn").length > 0);
    return { page, complaints };
}

/* What is in the way of people with a keyboard, a screen reader, or little contrast. */
export async function barriers(page) {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
    return violations.map(one => `${one.id}: ${one.nodes.slice(0, 3).map(node => node.target.join(" ")).join(", ")}`);
}
