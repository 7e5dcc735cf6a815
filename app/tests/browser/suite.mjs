/* suite.mjs PAGES SEAMLINE [WORD]: pages of seamline in a real browser, as TAP; of the tests those named with WORD.
 *
 * PAGES is the program of pages.c: invented runs. runs/ has real ones, recorded on the lab with short
 * times, of which SEAMLINE makes the pages anew. KEEP_PAGES in the environment keeps them all. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { launch } from "./browser.mjs";
import { tests as compare } from "./compare.mjs";
import { tests as report } from "./report.mjs";

const [pages, seamline] = process.argv.slice(2, 4).map(path => resolve(path));
const word = process.argv[4] || "";
const folder = mkdtempSync(join(tmpdir(), "seamline-browser-"));
const runs = fileURLToPath(new URL("runs", import.meta.url));

function say(name, ...words) {
    for (const format of ["html", "json"])
        writeFileSync(join(folder, `${name}.${format}`), execFileSync(seamline, [...words, "-f", format], { cwd: folder, maxBuffer: 1e9, stdio: ["ignore", "pipe", "ignore"] }));
}

execFileSync(pages, [folder]);
for (const archive of readdirSync(runs).filter(name => name.endsWith(".tar.xz"))) {
    execFileSync("tar", ["-xJf", join(runs, archive)], { cwd: folder });
    const name = archive.replace(".tar.xz", "");
    say(name, "report", name);
}
say("graceful", "compare", "--force", "post-upgrade", "post-upgrade-graceful");

const tests = [...report, ...compare].filter(([name]) => name.includes(word));
const world = { browser: await launch(), folder };
console.log(`1..${tests.length}`);

/* Two at a time: each has pages of its own. */
const left = tests.values();
let done = 0;
async function work() {
    for (const [name, test] of left) {
        const began = performance.now();
        const problem = await test(world).then(() => null, error => error);
        console.log(`${problem ? "not ok" : "ok"} ${++done} - ${name}`);
        if (problem) {
            process.exitCode = 1;
            console.log(String(problem.stack).replace(/^/gm, "# "));
        }
        console.log(`# ${((performance.now() - began) / 1000).toFixed(1)} s`);
    }
}
await Promise.all([work(), work()]);
await world.browser.close();
if (process.env.KEEP_PAGES) console.log(`# ${folder}`);
else rmSync(folder, { recursive: true });
