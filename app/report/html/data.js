/* data.js - the page's data: columns of numbers (report/column.h) become typed arrays. */
const Data = (() => {
    const FAILURES = 400000; /* Drawn one by one. */

    /* The numbers of a column; with STEPS each is the sum of all up to it. */
    function column(base64, count, steps = false) {
        const octets = atob(base64);
        const out = new Float64Array(count);
        let at = 0, last = 0;
        for (let i = 0; i < count; i++) {
            let value = 0, weight = 1, octet;
            do {
                octet = octets.charCodeAt(at++);
                value += (octet & 127) * weight;
                weight *= 128;
            } while (octet > 127);
            if (steps) {
                last += value % 2 === 0 ? value / 2 : -(value + 1) / 2;
                value = last;
            }
            out[i] = value;
        }
        return out;
    }

    /* Index of the first of rising VALUES that is not below LIMIT. */
    function lower(values, limit) {
        let low = 0, high = values.length;
        while (low < high) {
            const middle = (low + high) >> 1;
            if (values[middle] < limit) low = middle + 1;
            else high = middle;
        }
        return low;
    }

    function bins(of) {
        const names = ["due", "good", "lost"];
        return Object.fromEntries([["width", of.width], ["count", of.count],
            ...names.map(name => [name, column(of[name], of.count)])]);
    }

    function dots(of) {
        const due = column(of.due, of.count, true), latency = column(of.latency, of.count);
        const fine = of.unit === 1;
        if (!fine)
            for (let i = 0; i < of.count; i++) {
                due[i] *= of.unit;
                latency[i] *= of.unit;
            }
        const level = new Float32Array(of.count);
        for (let i = 0; i < of.count; i++) level[i] = Math.log10(Math.max(latency[i], 100));
        return {
            count: of.count, oneIn: of.oneIn, unit: of.unit, due, latency, level, fine,
            outcome: fine ? column(of.outcome, of.count) : null,
            host: fine ? column(of.host, of.count) : null,
            flow: fine ? column(of.flow, of.count) : null,
        };
    }

    /* Every request that was not good, by due. */
    function failures(of) {
        const first = column(of.first, of.count, true);
        const [step, members, outcome, host, flow] = ["step", "members", "outcome", "host", "flow"]
            .map(name => column(of[name], of.count));
        let total = 0;
        for (const n of members) total += n;
        const most = total > FAILURES ? 1 : Infinity; /* Of too many, the first of each run. */
        const order = [];
        for (let i = 0; i < of.count; i++)
            for (let k = 0; k < Math.min(members[i], most); k++) order.push([first[i] + k * step[i], i]);
        order.sort((a, b) => a[0] - b[0]);
        const pick = values => Uint32Array.from(order, entry => values[entry[1]]);
        return {
            count: total, leftOut: of.leftOut, due: Float64Array.from(order, entry => entry[0]),
            outcome: pick(outcome), host: pick(host), flow: pick(flow),
        };
    }

    function stream(of, figures) {
        const one = { bins: bins(of.bins), dots: dots(of.dots), failures: failures(of.folds), figures };
        /* Every single request is here: counts can be made for any stretch of time. */
        one.whole = one.dots.oneIn === 1 && one.failures.leftOut === 0 &&
            one.dots.count + one.failures.due.length === figures.due;
        return one;
    }

    function connections(of) {
        const names = ["connected", "ended", "end", "host", "stream", "id", "flow"];
        const out = { count: of.count, leftOut: of.leftOut, opened: column(of.opened, of.count, true) };
        for (const name of names) out[name] = column(of[name], of.count);
        for (let i = 0; i < of.count; i++) {
            out.connected[i] = out.connected[i] === 0 ? -1 : out.opened[i] + out.connected[i] - 1;
            out.ended[i] += out.opened[i];
        }
        return out;
    }

    function event(of, index) {
        const [from, at, kind, object, node, text, ours, unseen] = of;
        return { index, from, at, kind, object, node, text, ours, unseen };
    }

    function read() {
        const data = JSON.parse(document.getElementById("data").textContent);
        data.events = data.events.map(event);
        data.streams = data.series.map((one, i) => stream(one, data.run.streams[i]));
        delete data.series;
        data.connections = connections(data.connections);
        data.host = id => id > 0 ? data.words.hosts[id - 1] : null;
        data.end = Math.max(data.run.ended || 0, 1e6,
            ...data.streams.map(one => one.bins.due.reduce((last, n, i) => n > 0 ? i + 1 : last, 0) * one.bins.width),
            ...data.events.slice(-1).map(last => last.at));
        return data;
    }

    return { read, lower, column };
})();
