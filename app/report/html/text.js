/* text.js - figures as text, and elements. Everything from outside becomes text nodes, never markup. */
const Text = (() => {
    /* Four digits, as report.txt prints lengths of time. */
    function span(ns) {
        if (ns === null || ns === undefined) return "\u2013";
        const abs = Math.abs(ns);
        if (abs < 1000) return `${Math.round(ns)} ns`;
        const [value, unit] = abs < 999.95e3 ? [ns / 1e3, "\u00b5s"]
            : abs < 999.95e6 ? [ns / 1e6, "ms"] : [ns / 1e9, "s"];
        const size = Math.abs(value);
        const decimals = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 3;
        return `${String(Number(value.toFixed(decimals)))} ${unit}`;
    }

    /* Run time in seconds, to the microsecond. */
    const time = ns => ns === null || ns === undefined ? "\u2013" : (ns / 1e9).toFixed(6);

    /* To the nanosecond, in groups of three: "12.345 678 901 s". */
    function exact(ns) {
        const whole = Math.floor(ns / 1e9);
        const rest = String(Math.round(ns - whole * 1e9)).padStart(9, "0");
        return `${whole}.${rest.slice(0, 3)}\u2009${rest.slice(3, 6)}\u2009${rest.slice(6)} s`;
    }

    const bracket = of => of === null || of === undefined ? "\u2013" : of.from === of.to
        ? time(of.to) : `${time(of.from)} \u2026 ${time(of.to)}`;

    const count = n => n === null || n === undefined ? "\u2013"
        : String(n).replace(/\B(?=(\d{3})+$)/g, "\u202f");

    const plural = (n, one, many) => `${count(n)} ${n === 1 ? one : many}`;

    const share = (part, whole) => whole > 0 ? `${Number((100 * part / whole).toPrecision(3))} %` : "\u2013";

    /* element("td", {class: "n"}, "text", otherElement): children that are no nodes become text. */
    function element(tag, attributes, ...children) {
        const node = document.createElement(tag);
        for (const [name, value] of Object.entries(attributes || {})) {
            if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
            else if (value !== null && value !== undefined && value !== false)
                node.setAttribute(name, value === true ? "" : value);
        }
        node.append(...children.flat(Infinity).filter(child => child !== null && child !== undefined && child !== false));
        return node;
    }

    return { span, time, exact, bracket, count, plural, share, element };
})();
