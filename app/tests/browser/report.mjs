/* report.mjs - report.html: what it shows is what run.json says, and what a reader does with it. */
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { account, cells, file, open, plain, schemes, settle } from "./browser.mjs";

/* ---- what is shown ---- */

async function figures(world, name) {
    const run = account(world, name);
    const { page, complaints } = await open(world, name);
    await page.evaluate(() => document.querySelectorAll(".more button").forEach(button => button.click()));
    const rows = { "Events of the cluster and of the run": await page.evaluate(() => seamline.data.events.length),
        "Connections that broke, and attempts that failed": run.connections.filter(one => !["lasting", "unfinished", "done"].includes(one.end)).length };
    for (const [caption, n] of Object.entries(rows))
        if (n > 0) assert.equal((await cells(page, caption)).length, n, caption);
    const outcomes = await cells(page, "Outcomes");
    assert.equal(outcomes.length, run.streams.length);
    run.streams.forEach((stream, i) => {
        assert.equal(outcomes[i].Stream, stream.name);
        assert.equal(plain(outcomes[i].Due), String(stream.due));
        assert.equal(plain(outcomes[i].Lost), String(stream.lost));
        for (const [outcome, n] of Object.entries(stream.outcomes))
            if (n > 0) assert.equal(plain(outcomes[i][outcome]), String(n), outcome);
    });
    const streams = await cells(page, "Streams, and how finely they were measured");
    assert.deepEqual(streams.map(row => [row.Stream, plain(row.Due), plain(row.Lost), plain(row["Broken connections"])]),
        run.streams.map(stream => [stream.name, String(stream.due), String(stream.lost), String(stream.connections.broken)]));
    const windows = await page.locator("#windows table").first().locator("tbody tr").count().catch(() => 0);
    assert.equal(windows, run.windows.length);
    if (run.windows.length > 0) {
        const causes = await cells(page, "What caused them");
        run.windows.forEach((window, i) => assert.ok(causes[i].Cause.startsWith(window.cause.cause) && causes[i].Evidence === window.cause.text));
    } else assert.match(await page.locator("#windows .empty").innerText(), /Nothing was lost/);
    if (run.pods.length > 0) {
        const pods = await cells(page, "Pods and their connections");
        assert.deepEqual(pods.map(pod => [pod.Pod, plain(pod.Broken), plain(pod.Lasting), plain(pod.Lost)]),
            run.pods.map(pod => [pod.name, String(pod.broken), String(pod.lasting), String(pod.lost)]));
    }
    const connections = await cells(page, "Connections by stream");
    assert.deepEqual(connections.map(row => plain(row.Established)), run.streams.map(stream => String(stream.connections.established)));
    const badges = await page.locator(".expectations .badge").allInnerTexts();
    assert.deepEqual(badges.map(text => text.split(/\s/).slice(1).join(" ").toLowerCase()), run.expectations.map(one => one.verdict.replace("-", " ")));
    /* What is drawn is made of the same requests. */
    const drawn = await page.evaluate(() => seamline.data.streams.map(({ bins }) => ["due", "lost"].map(name => bins[name].reduce((sum, n) => sum + n, 0))));
    assert.deepEqual(drawn, run.streams.map(stream => [stream.due, stream.lost]));
    assert.deepEqual(complaints, []);
    await page.close();
}

/* The verdict, and the sentence with the counts that matter. */
async function verdict(world, name) {
    const run = account(world, name);
    const { page } = await open(world, name);
    const words = { "met": "Met", "not-met": "Not met", "undecided": "Undecided" };
    const heading = await page.locator(".verdict h1").innerText();
    assert.ok(heading.startsWith(run.experiment) && heading.includes(run.expectations.length > 0 ? words[run.verdict] : "Nothing was expected"), heading);
    const sentence = await page.locator("#sentence").innerText();
    const sum = figure => run.streams.reduce((n, stream) => n + stream[figure], 0);
    const counts = run.streams.length > 2 ? [[sum("lost"), sum("due")]] : run.streams.map(stream => [stream.lost, stream.due]);
    for (const [lost, due] of counts)
        assert.match(sentence, new RegExp(due === 0 ? "sent nothing" : `lost ${lost > 0 ? lost : "nothing"} of ${due}`));
    const { broken, established } = run.streams[0].connections;
    if (established > 0 && run.streams[0].name === "held") assert.ok(sentence.includes(`${broken} of ${established} connections`), sentence);
    await schemes(page, assert);
    await page.close();
}

/* What the timeline tells at points of it: [ns, y], of a row's label where ns is null. */
const told = (page, ...points) => page.evaluate(all => {
    const stack = document.querySelector(".stack"), tip = document.getElementById("tip"), box = stack.getBoundingClientRect();
    return all.map(([ns, y]) => {
        stack.dispatchEvent(new PointerEvent("pointermove", { clientX: box.left + (ns === null ? 20 : seamline.scale.x(ns)), clientY: box.top + y }));
        return tip.style.display === "block" ? tip.innerText.replace(/\u2009|\u202f/g, "") : "";
    });
}, points);

/* Each window is where it was, with its cause; each pod has its row, with its phases. */
async function drawn(world, name) {
    const run = account(world, name);
    const { page, complaints } = await open(world, name);
    const seconds = ns => (ns / 1e9).toFixed(6);
    const lanes = 24 + 150 + 190;
    for (const [i, window] of run.windows.entries()) {
        const to = window.open ? run.ended : window.recovery.to;
        await page.evaluate(range => seamline.scale.set(...range), [window.onset.from - 1e6, to + 1e6]);
        await settle(page);
        const [tip] = await told(page, [(window.onset.from + to) / 2, lanes + 13]);
        assert.ok(tip.startsWith(`Loss window ${i + 1}: ${window.cause.cause}`) && tip.includes(seconds(window.onset.from)) && tip.includes(`${window.lost} request`), tip);
    }
    await page.evaluate(() => seamline.scale.all());
    await settle(page);
    const { height } = await page.locator(".stack").boundingBox();
    const rows = new Map(), heights = [];
    for (let y = lanes + 2; y < height; y += 4) heights.push(y);
    (await told(page, ...heights.map(y => [null, y]))).forEach((tip, i) => {
        const label = tip.split("\n")[0];
        if (!rows.has(label)) rows.set(label, heights[i] + 4);
    });
    assert.deepEqual(run.pods.filter(pod => !rows.has(pod.name)), [], "each pod has its row");
    assert.deepEqual(run.pods.filter(pod => pod.node && !rows.has(pod.node)), [], "and its node");
    for (const event of await page.evaluate(() => seamline.data.events.filter(one => one.kind === "node-changed"))) {
        const [tip, first] = await told(page, [event.at + 1e9, rows.get(event.object)], [run.ended / 100, rows.get(event.object)]);
        assert.ok(tip.startsWith(`Node ${event.object}: ${event.text}`), tip);
        assert.match(first, /as found/);
    }
    for (const pod of run.pods.filter(one => one.ready && one.terminating)) {
        const [tip] = await told(page, [(pod.ready.to + pod.terminating.to) / 2, rows.get(pod.name)]);
        assert.ok(tip.startsWith(`${pod.name}: ready`) && tip.includes(seconds(pod.ready.to)), `${pod.name}: ${tip}`);
        assert.ok(tip.includes(`${pod.broken} broken, ${pod.lasting} lasting`), tip);
    }
    assert.deepEqual(complaints, []);
    await page.close();
}

/* ---- what is done ---- */

const view = page => page.evaluate(() => [seamline.scale.from, seamline.scale.to]);
const x = (page, ns) => page.evaluate(at => seamline.scale.x(at), ns);

async function stack(page) {
    const box = await page.locator(".stack").boundingBox();
    return { at: async (ns, y) => [box.x + await x(page, ns), box.y + y], box };
}

async function zoom(world) {
    const { page } = await open(world, "story");
    await page.locator(".stack").scrollIntoViewIfNeeded();
    const whole = await view(page);
    assert.deepEqual(whole, [0, 12e9]);
    const { at } = await stack(page);
    const [from, to] = [await at(6e9, 100), await at(6.5e9, 100)];
    await page.mouse.move(...from);
    await page.mouse.down();
    await page.mouse.move(...to, { steps: 4 });
    await page.mouse.up();
    const dragged = await view(page);
    assert.ok(Math.abs(dragged[0] - 6e9) < 2e7 && Math.abs(dragged[1] - 6.5e9) < 2e7, String(dragged));
    await settle(page);
    assert.match(await page.locator("#range").innerText(), /^[56]\.\d{6}.*\(\d+\.?\d* ms\)$/);
    await page.mouse.dblclick(...await at(6.2e9, 100));
    assert.deepEqual(await view(page), whole);
    for (let i = 0; i < 30; i++) await page.getByRole("button", { name: "Zoom in" }).click();
    const [a, b] = await view(page);
    assert.equal(Math.round(b - a), 2000, "two microseconds are the least");
    await page.getByRole("button", { name: "Show the whole run" }).click();
    assert.deepEqual(await view(page), whole);
    await page.mouse.move(...await at(6e9, 100));
    await page.keyboard.down("Control");
    await page.mouse.wheel(0, -400);
    await page.keyboard.up("Control");
    await page.waitForFunction(() => seamline.scale.to - seamline.scale.from < 11e9);
    await page.close();
}

async function hover(world) {
    const { page } = await open(world, "story");
    await page.locator(".stack").scrollIntoViewIfNeeded();
    await page.evaluate(() => seamline.scale.set(6.0e9, 6.3e9));
    await settle(page);
    const { at } = await stack(page);
    await page.mouse.move(...await at(6.105e9, 24 + 150 + 12));
    assert.match(plain(await page.locator("#tip").innerText()), /Request refused[\s\S]*6\.105000000 s/);
    const [px, py] = await at(6.2e9, 24 + 150 + 190 + 13);
    await page.mouse.move(px, py);
    assert.match(await page.locator("#tip").innerText(), /Loss window 1[\s\S]*5\.800000/);
    assert.match(await page.locator(".cursor-time").innerText(), /^6\.(199|200)/);
    await page.mouse.move(...await at(6.2e9, 100));
    assert.match(await page.locator("#tip").innerText(), /offered\s+\d+/);
    await page.close();
}

async function pin(world) {
    const { page } = await open(world, "story");
    await page.locator(".stack").scrollIntoViewIfNeeded();
    const { at } = await stack(page);
    await page.mouse.click(...await at(6.0e9, 24 + 150 + 190 + 13));
    const pins = page.getByRole("list", { name: "Pinned events" });
    assert.match(plain(await pins.innerText()), /1\s+5\.800000000 s/);
    assert.equal(await page.locator(".overlay .pin").count(), 1);
    await page.locator(".stack").focus();
    await page.keyboard.press("Escape");
    assert.equal(await pins.locator("li").count(), 0);
    await page.close();
}

async function keyboard(world) {
    const { page } = await open(world, "story");
    const reached = [];
    for (let i = 0; i < 60 && !reached.includes("stack"); i++) {
        await page.keyboard.press("Tab");
        reached.push(await page.evaluate(() => document.activeElement.getAttribute("aria-label")?.startsWith("Timeline.") ? "stack" : document.activeElement.textContent));
    }
    assert.equal(reached[0], "Skip the timeline");
    assert.ok(reached.includes("stack"), "the timeline can be reached by Tab");
    await page.keyboard.press("+");
    assert.deepEqual(await view(page), [3e9, 9e9]);
    await page.keyboard.press("ArrowRight");
    assert.deepEqual((await view(page)).map(Math.round), [4.2e9, 10.2e9]);
    await page.keyboard.press("0");
    assert.deepEqual(await view(page), [0, 12e9]);
    await page.keyboard.press("n");
    assert.match(await page.locator("#said").innerText(), /^run-start/);
    for (let i = 0; i < 4; i++) await page.keyboard.press("n");
    assert.match(await page.locator("#said").innerText(), /^change deployment\/mserver.*5\.0/);
    await page.keyboard.press("Enter");
    assert.match(await page.locator(".pins").innerText(), /change deployment\/mserver/);
    await page.close();
}

/* What was there before the run is drawn from its beginning; what has no place is told. */
async function before(world) {
    const { page, complaints } = await open(world, "lossless");
    assert.match(plain(await page.locator("#timeline .notice").innerText()), /31 more pods have no row/);
    const names = await page.evaluate(() => seamline.data.run.pods.map(pod => pod.name));
    const { height } = await page.locator(".stack").boundingBox();
    const [label, phase] = await told(page, [null, height - 20], [0.1e9, height - 20]);
    assert.equal(label.split("\n")[0], names[199]);
    assert.ok(phase.startsWith(`${names[199]}: ready`), phase);
    assert.deepEqual(complaints, []);
    await page.close();
}

/* Every part has a heading and a name; what canvases show is in tables too. */
async function reader(world) {
    const { page } = await open(world, "story");
    for (const name of ["Timeline", "Loss windows", "Pods", "Connections", "Requests", "Latency", "Events", "The tester itself", "The plan"]) {
        assert.equal(await page.getByRole("heading", { name, level: 2, exact: true }).count(), 1, name);
        assert.equal(await page.getByRole("region", { name, exact: true }).count() >= 1, true, name);
    }
    assert.equal(await page.getByRole("heading", { level: 1 }).count(), 1);
    assert.equal(await page.getByRole("toolbar").count(), 1);
    assert.equal(await page.locator("canvas:not([aria-hidden] canvas):not([aria-hidden])").count(), 0);
    assert.match(await page.getByRole("application").getAttribute("aria-label"), /tables below have the same figures/);
    await page.close();
}

async function links(world) {
    const { page } = await open(world, "story");
    await page.locator("#windows button.link").first().click();
    const [from, to] = await view(page);
    assert.ok(from < 5.8e9 && from > 4e9 && to > 6.45e9 && to < 8e9);
    await page.getByRole("button", { name: "Show the next loss window" }).click();
    assert.ok((await view(page))[0] > 6.5e9);
    await page.getByRole("checkbox", { name: "held" }).uncheck();
    await settle(page);
    await page.close();
}

/* A loss of three in a thousand has its pixels when the whole run is shown. */
async function seen(world) {
    const { page } = await open(world, "million");
    const found = await page.evaluate(() => [...document.querySelectorAll(".stack .uplot canvas")].map(canvas => {
        const x = Math.round(seamline.scale.x(7.005e9) * devicePixelRatio);
        const { data } = canvas.getContext("2d").getImageData(x - 3, 0, 7, canvas.height);
        let n = 0;
        for (let i = 0; i < data.length; i += 4) n += data[i] > 150 && data[i + 1] < 110 && data[i + 2] < 40 && data[i + 3] > 200;
        return n;
    }));
    assert.ok(found.every(n => n > 4), `lost in traffic and latency: ${found}`);
    await page.close();
}

async function big(world) {
    assert.ok(statSync(file(world, "million")).size < 10e6, "below 10 MB");
    const page = await world.browser.newPage({ viewport: { width: 1280, height: 900 } });
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("Performance.enable", { timeDomain: "threadTicks" }); /* Not what a busy machine adds. */
    await page.goto(`file://${file(world, "million")}`);
    await page.waitForFunction(() => performance.getEntriesByName("drawn").length > 0);
    const { metrics } = await devtools.send("Performance.getMetrics");
    const took = metrics.find(metric => metric.name === "TaskDuration").value;
    console.log(`# a million requests: ${(statSync(file(world, "million")).size / 1e6).toFixed(1)} MB, ${took.toFixed(2)} s of processor time to the first picture`);
    assert.ok(took < 2, `first picture after ${took} s of the processor's`);
    assert.equal(await page.evaluate(() => seamline.data.streams[1].dots.count), 999000);
    assert.equal(await page.locator("#dots").innerText(), "the darker, the more");
    /* Down to single requests, each to the microsecond. */
    await page.evaluate(() => seamline.scale.set(2e9, 2e9 + 50e3));
    await settle(page);
    const dots = await page.evaluate(() => {
        const { due } = seamline.data.streams[1].dots;
        return [...due.slice(Data.lower(due, seamline.scale.from), Data.lower(due, seamline.scale.to))];
    });
    assert.equal(await page.locator("#dots").innerText(), "each request a dot");
    assert.deepEqual(dots, [0, 1, 2, 3, 4].map(n => 2e9 + n * 1e4));
    await page.close();
}

async function hostile(world) {
    const { page, complaints } = await open(world, "hostile");
    const evil = "<img src=x onerror=window.hit=1>\"'&";
    assert.equal(await page.evaluate(() => window.hit), undefined);
    assert.equal(await page.locator("img, iframe, a[href^=javascript]").count(), 0);
    assert.ok((await page.locator("#pods tbody").innerText()).includes(evil));
    assert.ok((await page.locator("#events").innerText()).includes(`</script>${evil}`));
    assert.ok((await page.locator("#tester .notes").innerText()).includes(`<style>*{display:none}</style>${evil}`));
    assert.deepEqual(complaints, []);
    await page.close();
}

async function print(world) {
    const { page } = await open(world, "story", { colorScheme: "light" });
    const pdf = await page.pdf({ format: "A4" });
    assert.ok(pdf.length > 30000, "the pages have something on them");
    await page.emulateMedia({ media: "print" });
    await page.setViewportSize({ width: 720, height: 1000 });
    await settle(page);
    assert.equal(await page.locator("#plan details").getAttribute("open"), "", "the plan is open on paper");
    assert.equal(await page.getByRole("toolbar").getByRole("button").count(), 0, "no buttons on paper");
    const wide = await page.evaluate(() => Math.max(...[...document.querySelectorAll("canvas")].map(canvas => canvas.getBoundingClientRect().right)));
    assert.ok(wide <= 720, `the timeline fits the paper: ${wide}`);
    await page.close();
}

async function narrow(world) {
    const { page, complaints } = await open(world, "story", { viewport: { width: 390, height: 800 } });
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= 390, "nothing but tables scrolls sideways");
    assert.deepEqual(complaints, []);
    await page.close();
}

/* ---- all ---- */

const recorded = ["upgrade", "seamlessness", "ingress-scale", "node-drain", "post-upgrade"];

export const tests = [
    ...["story", "empty", "lossless", "killed", ...recorded].map(name => [`${name}: figures are those of run.json`, world => figures(world, name)]),
    ...["story", "empty", "lossless", "killed", ...recorded].map(name => [`${name}: the verdict, without barriers in light and dark`, world => verdict(world, name)]),
    ...["story", ...recorded].map(name => [`${name}: windows and pods on the timeline`, world => drawn(world, name)]),
    ["zoom", zoom], ["hover", hover], ["pin", pin], ["keyboard", keyboard], ["what was there before", before], ["screen reader", reader], ["links and buttons", links],
    ["losses are seen in the whole run", seen], ["a million requests", big], ["hostile names", hostile], ["print", print], ["narrow", narrow],
];
