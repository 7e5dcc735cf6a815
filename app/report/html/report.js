/* report.js - the page from top to bottom. */
(() => {
    const { element, span, time, count, share } = Text;
    const VERDICTS = { "met": ["\u2713", "Met"], "not-met": ["\u2717", "Not met"], "undecided": ["?", "Undecided"] };

    function badge(verdict, words) {
        const [sign, name] = VERDICTS[verdict] || ["\u2013", "Nothing was expected"];
        return element("span", { class: `badge ${VERDICTS[verdict] ? verdict : "none"}` }, element("span", { "aria-hidden": "true" }, sign), words || name);
    }

    /* ---- the top ---- */

    function verdict(data) {
        const { run } = data;
        const expected = run.expectations.length > 0;
        const met = run.expectations.filter(one => one.verdict === "met").length;
        const words = !expected ? null : run.verdict === "met" ? `Met: ${run.expectations.length} of ${run.expectations.length} expectations`
            : run.verdict === "not-met" ? `Not met: ${met} of ${run.expectations.length} expectations held` : null;
        const lasted = run.ended ? `lasted ${span(run.ended)}` : "its end is not recorded";
        return element("div", { class: `verdict card ${expected ? run.verdict : "none"}` },
            element("h1", {}, run.experiment, badge(expected ? run.verdict : "none", words)),
            element("p", { class: "sentence", id: "sentence" }, data.sentence),
            element("p", { class: "when" }, `Started ${run.started.replace(/\.\d+Z$/, "Z").replace("T", " ")}, ${lasted}; seamline ${run.seamline}.`,
                run.lab && " The lab is an imitation: one kernel, one clock, no switch, no CNI."),
            [!run.final && "The run was killed: what is here is partial.", run.interrupted && "The run was interrupted: what is here is partial.",
                run.failure && `The run ended early: ${run.failure}`].filter(Boolean).map(text => element("p", { class: "notice" }, text)));
    }

    function figure(unit, value) {
        return unit === "ns" ? span(value) : unit === "count" ? count(value) : String(Number(value.toPrecision(6)));
    }

    const COMPARE = { equals: "=", atMost: "\u2264", atLeast: "\u2265" };

    function expectations(run) {
        const line = one => {
            const bound = figure(one.unit, one.bound), written = String(one.expected);
            const held = written === bound || /^[\d.]+\s*(ns|us|ms|s|m)?$/.test(written) ? written : `${written} (${bound})`;
            return element("li", {}, badge(one.verdict),
                element("span", {}, element("b", {}, figure(one.unit, one.value)), ` ${one.figure} of ${one.stream}`,
                    element("span", { class: "muted" }, `, expected ${COMPARE[one.compare] || one.compare} ${held}`, one.from && `, from step ${one.from} on`, one.why && ` \u2013 ${one.why}`)));
        };
        return element("div", { class: "card" }, element("h2", {}, "Expectations"),
            run.expectations.length === 0 ? element("p", { class: "muted" }, "The experiment expects nothing. Write down what must hold under \u201cexpect\u201d, and this run can pass or fail.")
                : element("ul", { class: "expectations" }, run.expectations.map(line)));
    }

    /* ---- what limits the measurement ---- */

    function limits(data) {
        const { run } = data, { tester } = run, rows = [];
        const add = (name, text, bad = false) => rows.push(element("dt", {}, name), element("dd", { class: bad ? "bad" : null }, text));
        add("Tester's stalls", tester.stalls === 0 ? "none" : `${count(tester.stalls)}, longest ${span(tester.stallLongest)}, in all ${span(tester.stallTotal)}`, tester.stallLongest > 10e6);
        const drops = Object.entries(tester.faults).filter(([kind]) => kind !== "worker stall");
        add("Tester's drops", drops.length === 0 ? "none" : drops.map(([kind, n]) => `${kind} ${count(n)}`).join(", "), drops.length > 0);
        const unsent = run.streams.reduce((sum, stream) => sum + stream.outcomes.unsent, 0), due = run.streams.reduce((sum, stream) => sum + stream.due, 0);
        add("Unsent", unsent === 0 ? "none: every due request was sent or its flow was blocked" : `${count(unsent)} requests (${share(unsent, due)}), by the tester's own fault`, unsent > 0);
        add("Clock", `run time is UTC to within ${span(tester.clockError)}`);
        if (run.serverClock) add("API server's clock", `between ${span(run.serverClock.least)} and ${span(run.serverClock.most)} ahead of ours`);
        add("Unseen", tester.unseen === 0 ? "nothing: each watch that broke off went on from where it was" : `watches were broken for ${span(tester.unseen)}`, tester.unseen > 0);
        const bound = [!run.final && "the run's end is missing", tester.recordsRefused > 0 && `full logs refused ${count(tester.recordsRefused)} records`,
            tester.damagedBytes > 0 && `${count(tester.damagedBytes)} bytes of logs are damaged or cut`, tester.timelineCut && "the timeline's last line is cut",
            tester.timelineRefused > 0 && `${count(tester.timelineRefused)} events did not fit the timeline`,
            run.streams.some(stream => !stream.sumsHold) && "the sum of outcomes does not hold"].filter(Boolean);
        if (tester.unread) add("Missing", tester.unread.join("; "), true);
        if (bound.length > 0) add("Only a bound", bound.join("; "), true);
        return element("div", { class: "card" }, element("h2", {}, "What limits this measurement"), element("dl", { class: "limits" }, rows));
    }

    /* ---- sections ---- */

    function section(id, heading, about, ...children) {
        return element("section", { id, "aria-labelledby": `${id}-h` }, element("h2", { id: `${id}-h` }, heading),
            about && element("p", { class: "about" }, about), element("div", { class: "grid" }, children));
    }

    function drawn(data) {
        const notes = [];
        data.streams.forEach(({ dots, failures }, i) => {
            const { name, record } = data.run.streams[i];
            if (dots.oneIn > 1) notes.push(`Of ${name}'s good answers one in ${count(dots.oneIn)} is a dot; counts are of all.`);
            if (data.run.streams[i].logged < data.run.streams[i].due) notes.push(`${name} recorded ${record === "full" ? "a part of its requests" : `\u201c${record}\u201d`}: its dots are a sample; counts are of all.`);
            if (failures.leftOut > 0) notes.push(`${count(failures.leftOut)} runs of failures of ${name} are in its counts, but not drawn one by one.`);
        });
        const rows = Lanes.leftOut(data);
        if (rows) notes.push(`${rows} have no row of their own on the timeline.`);
        if (data.totals.events > data.events.length) notes.push(`Only the first ${count(data.events.length)} of ${count(data.totals.events)} events are drawn.`);
        if (data.totals.faults > data.faults.length) notes.push(`Only the first ${count(data.faults.length)} of ${count(data.totals.faults)} faults of the tester are drawn.`);
        if (data.connections.leftOut > 0) notes.push(`${count(data.connections.leftOut)} connections are in the counts, but not drawn.`);
        return notes.length > 0 && element("p", { class: "notice" }, notes.join(" "));
    }

    function contents(sections) {
        document.getElementById("contents").append(...sections.map(node => element("a", { href: `#${node.id}` }, node.querySelector("h2").textContent)));
    }

    function page(data) {
        const { run } = data;
        const timeline = Timeline.make(data);
        const sections = [
            section("timeline", "Timeline", null, drawn(data), timeline.root),
            section("windows", "Loss windows", "From the last proof of life to the first good answer: each end is a bracket, within which it happened. Press an onset to see it on the timeline.", Tables.windows(data, timeline), run.windows.length > 0 && Tables.causes(data)),
            section("pods", "Pods", "By first appearance; a time of the cluster's is when it was known at the latest.", Tables.pods(data)),
            section("connections", "Connections", null, Tables.connections(data), Tables.failed(data, timeline)),
            section("requests", "Requests", "Unsent is the tester's own; blocked is the service's doing: its flow had no usable connection, or its predecessor was still unanswered.", Tables.outcomes(data), Tables.answers(data)),
            section("latency", "Latency", "From due, so that waiting for a slow predecessor counts; and from sent.", Tables.latencies(data)),
            section("events", "Events", null, Tables.events(data, timeline)),
            section("tester", "The tester itself", null, Tables.tester(data), run.tester.notes && element("div", { class: "card notes" }, run.tester.notes.trim())),
            section("plan", "The plan", "The experiment as resolved, every default written out.", element("details", { class: "plan card" }, element("summary", {}, "experiment.json"), element("pre", { tabindex: "0" }, JSON.stringify(data.plan, null, 2)))),
        ];
        document.title = `${run.experiment}: ${(VERDICTS[run.expectations.length > 0 ? run.verdict : ""] || ["", "report"])[1].toLowerCase()}`;
        document.getElementById("crumbs").textContent = `${run.experiment} \u00b7 ${run.environment || "no cluster"}`;
        document.getElementById("main").replaceChildren(verdict(data),
            element("div", { class: "pair" }, expectations(run), limits(data)), element("div", { class: "streams" }, Tables.streams(data)), ...sections);
        contents(sections);
        timeline.watch();
        /* On paper everything is open. */
        addEventListener("beforeprint", () => document.querySelectorAll("details").forEach(node => { node.open = true; }));
        window.seamline = { data, scale: timeline.scale };
    }

    page(Data.read());
    performance.mark("drawn");
})();
