/* compare.js - the page of a comparison, from compare's JSON. */
(() => {
    const { element, span, count, plural } = Text;
    const data = JSON.parse(document.getElementById("data").textContent);
    const WORDS = {
        "worse": ["worse", "not-met"], "better": ["better", "met"],
        "slight": ["differs, under the threshold", "undecided"],
        "not-found": ["no difference found", null], "not-judged": ["not judged", null],
    };

    function figure(row, value, sign) {
        const before = sign && value > 0 ? "+" : "";
        if (row.unit === "ns") return before + span(value);
        if (row.unit === "ratio") return `${before}${Number((100 * value).toPrecision(3))} %`;
        return before + String(Number(value.toPrecision(4)));
    }

    const limits = (row, of, sign) => of === null ? "\u2013" : [figure(row, of.value, sign), " ",
        element("span", { class: "limits" }, `${figure(row, of.low, sign)} \u2026 ${figure(row, of.high, sign)}`)];

    function svg(tag, attributes, ...children) {
        const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
        for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
        node.append(...children);
        return node;
    }

    /* Both intervals on one axis, from the least to the greatest end. */
    function plot(row) {
        const sides = [["base", row.base, 10], ["next", row.new, 24]].filter(([, of]) => of !== null);
        const ends = sides.flatMap(([, of]) => [of.low, of.high, of.value]);
        const low = Math.min(...ends), wide = Math.max(...ends) - low;
        const x = value => wide > 0 ? 8 + 184 * (value - low) / wide : 100;
        return svg("svg", { class: "plot", viewBox: "0 0 200 34", "aria-hidden": "true" },
            ...sides.flatMap(([name, of, y]) => [
                svg("line", { class: `${name} whisker`, x1: x(of.low), x2: x(of.high), y1: y, y2: y }),
                svg("circle", { class: name, cx: x(of.value), cy: y, r: 4 }),
            ]));
    }

    function verdict(row) {
        const [text, badge] = WORDS[row.verdict];
        return badge === null ? [text, row.why ? element("span", { class: "limits" }, ` (${row.why})`) : null]
            : element("span", { class: `badge ${badge}` }, text);
    }

    const stream = name => element("section", {}, Tables.table(`Stream ${name}`, [
        { name: "Figure", text: row => row.figure },
        { name: "Base", n: true, text: row => limits(row, row.base, false) },
        { name: "New", n: true, text: row => limits(row, row.new, false) },
        { name: "Both intervals", text: plot },
        { name: "Change", n: true, text: row => limits(row, row.change, true) },
        { name: "p, corrected", n: true, text: row => row.corrected ? String(Number(row.adjusted.toPrecision(2))) : "\u2013" },
        { name: "Verdict", text: verdict },
    ], data.figures.filter(row => row.stream === name), "Nothing was compared."));

    const names = verdict => data.figures.filter(row => row.verdict === verdict).map(row => `${row.stream}.${row.figure}`).join(", ");

    function sentence() {
        const worse = data.regressions === 0 ? "No regression found"
            : `${plural(data.regressions, "regression", "regressions")}: ${names("worse")}`;
        return data.improvements === 0 ? worse
            : `${worse}; ${plural(data.improvements, "improvement", "improvements")}: ${names("better")}`;
    }

    function badge() {
        const [sign, words, kind] = data.regressions > 0 ? ["\u2717", "Worse", "not-met"]
            : ["\u2713", data.improvements > 0 ? "Better" : "Not worse", "met"];
        return element("span", { class: `badge ${kind}` }, element("span", { "aria-hidden": "true" }, sign), words);
    }

    const side = (name, runs) => [element("dt", {}, name),
        element("dd", {}, `${plural(runs.length, "run", "runs")}: ${runs.slice(0, 6).join(", ")}${runs.length > 6 ? " \u2026" : ""}`)];

    const remarks = [
        ...data.objections.map(text => `Not alike: ${text}`), ...data.warnings,
        data.test === "within" && "One run on each side: how much runs vary is not known. Intervals are of what happened within; what is worse may be the run, and not what was changed.",
        data.runsWanted > 0 && `Too few runs: whatever is in them, no difference can be found at this level. ${data.runsWanted} runs on each side can show one.`,
    ].filter(Boolean);

    document.title = `${sentence()} \u2013 seamline`;
    document.getElementById("crumbs").textContent = "comparison";
    document.getElementById("main").replaceChildren(
        element("div", { class: "verdict card" },
            badge(),
            element("h1", {}, sentence()),
            element("dl", {}, side("Base", data.base), side("New", data.new),
                element("dt", {}, "Judged by"),
                element("dd", {}, `${data.test === "runs" ? "rank sum test over the runs" : "Fisher's exact test and permutation of seconds, within the two runs"}; level ${data.level} over ${plural(data.corrected, "figure", "figures")} (Holm); intervals of ${count(Number((100 * (1 - data.level)).toPrecision(4)))} %`))),
        ...remarks.length > 0 ? [element("ul", { class: "notice" }, remarks.map(text => element("li", {}, text)))] : [],
        element("p", { class: "legend" }, element("span", { class: "base" }, "\u25cf"), " base  ", element("span", { class: "next" }, "\u25cf"), " new, each with its interval, on an axis of its own for each figure"),
        ...[...new Set(data.figures.map(row => row.stream))].map(stream));
    performance.mark("drawn");
})();
