/* tables.js - the figures of run.json as tables. */
const Tables = (() => {
    const { element, span, time, bracket, count, share } = Text;
    const ROWS = 30; /* Shown at first. */

    /* COLUMNS: [{name, text(row), n: right-aligned, bad(row), wide}], ROWS of anything. */
    function table(caption, columns, rows, empty) {
        if (rows.length === 0) return element("p", { class: "empty" }, empty);
        const cell = (column, row, first) => {
            const text = column.text(row);
            const classes = [column.n && "n", column.wide && "wide", column.bad && column.bad(row) && "bad",
                column.n && text === "0" && "zero"].filter(Boolean).join(" ");
            return element(first ? "th" : "td", { class: classes || null, scope: first ? "row" : null }, text);
        };
        const line = row => element("tr", {}, columns.map((column, i) => cell(column, row, i === 0)));
        const body = element("tbody", {}, rows.slice(0, ROWS).map(line));
        const head = columns.map(column => element("th", { scope: "col", class: [column.n && "n", column.wide && "wide"].filter(Boolean).join(" ") || null }, column.name));
        const left = rows.length - ROWS;
        const more = left > 0 && element("div", { class: "more" }, element("span", { class: "paper" }, `${Text.plural(left, "more row is", "more rows are")} in the page on a screen.`), element("button", {
            type: "button", onclick: event => {
                body.append(...rows.slice(ROWS).map(line));
                event.target.parentNode.remove();
            },
        }, `Show all ${count(rows.length)}`));
        return element("div", { class: "table card", tabindex: "0", role: "region", "aria-label": caption },
            element("table", {}, element("caption", {}, caption), element("thead", {}, element("tr", {}, head)), body), more);
    }

    /* A time that shows itself on the timeline when it is pressed. */
    const go = (text, show) => element("button", { type: "button", class: "link", title: "Show it on the timeline", onclick: show }, text);

    /* What matters most of each stream, and how finely it was measured. */
    function streams(data) {
        const { run } = data;
        const pace = ({ rate, flows }) => rate > 0 ? span(1e9 / rate) + (flows > 1 ? `, of a flow ${span(1e9 * flows / rate)}` : "") : "as answers come";
        const noise = ({ due, lost, p99 }) => due === 0 ? "no steady traffic" : lost === due ? `all ${count(due)} lost` : `${count(lost)} of ${count(due)} lost, p99 ${span(p99)}`;
        return table("Streams, and how finely they were measured", [
            { name: "Stream", text: stream => stream.name },
            { name: "Due", n: true, text: stream => count(stream.due) },
            { name: "Lost", n: true, text: stream => count(stream.lost), bad: stream => stream.lost > 0 },
            { name: "Broken connections", n: true, text: stream => count(stream.connections.broken), bad: stream => stream.connections.broken > 0 },
            { name: "Latency p50", n: true, text: stream => span(stream.latencyFromDue.p50) },
            { name: "p99", n: true, text: stream => span(stream.latencyFromDue.p99) },
            { name: "Resolution: a request every", text: pace },
            { name: "Onsets known to", text: ({ onsetWidth: of }) => of.count === 0 ? "\u2013" : of.count === 1 ? span(of.max) : `${span(of.p50)}, widest ${span(of.max)}` },
            { name: run.change === null ? "Noise floor, while steady" : "Noise floor, before the change", text: stream => noise(stream.baseline), bad: ({ baseline }) => baseline.lost > 0 || (baseline.due === 0 && run.change !== null) },
        ], run.streams, "The run had no stream.");
    }

    function windows(data, timeline) {
        const { run } = data;
        const lengthOf = window => window.open ? "not over at the end"
            : `${span(window.duration.from)} \u2026 ${span(window.duration.to)}`;
        const rows = run.windows.map((window, i) => ({ window, i }));
        return table("Loss windows of the run", [
            { name: "No.", text: row => String(row.i + 1) },
            { name: "Onset (s)", text: ({ window }) => go(bracket(window.onset), () => timeline.show(window.onset.from, window.open ? data.end : window.recovery.to)) },
            { name: "Recovery (s)", text: ({ window }) => window.open ? "open" : bracket(window.recovery), bad: ({ window }) => window.open },
            { name: "Duration", text: ({ window }) => lengthOf(window) },
            { name: "Lost", n: true, text: ({ window }) => count(window.lost) },
            { name: "Flows hit", n: true, text: ({ window }) => count(window.flows) },
            { name: "By loss / rate", wide: true, text: ({ window }) => Object.entries(window.durationByLoss).map(([name, ns]) => `${name} ${span(ns)}`).join(", ") || "\u2013" },
            { name: "Pods lost", wide: true, text: ({ window }) => window.pods.length > 6 ? `${window.pods.slice(0, 6).join(", ")} and ${window.pods.length - 6} more` : window.pods.join(", ") || "nobody answered" },
            { name: "Resolution", wide: true, text: ({ window }) => `arrivals ${span(window.arrivalUncertainty)}, stalls ${span(window.stalls)}`, bad: ({ window }) => window.tester },
        ], rows, "Nothing was lost: there is no loss window.");
    }

    function causes(data) {
        const rows = data.run.windows.map((window, i) => ({ window, i }));
        return table("What caused them, and what speaks for it", [
            { name: "No.", text: row => String(row.i + 1) },
            { name: "Cause", wide: true, text: ({ window }) => [element("b", {}, window.cause.cause), element("span", { class: "under" }, data.words.causes[window.cause.cause] || "")] },
            { name: "Confidence", text: ({ window }) => window.cause.confidence },
            { name: "Event", text: ({ window }) => window.cause.kind ? [`${window.cause.kind} ${window.cause.object}`, element("span", { class: "under" }, `${bracket(window.cause.at)} s`)] : "\u2013" },
            { name: "Evidence", wide: true, text: ({ window }) => window.cause.text },
        ], rows, "No window, no cause.");
    }

    function pods(data) {
        const ends = pod => Object.entries(pod.ends).filter(([, n]) => n > 0).map(([name, n]) => `${name} ${n}`).join(", ") || "\u2013";
        const at = name => pod => pod[name] ? time(pod[name].to) : "\u2013";
        return table("Pods and their connections", [
            { name: "Pod", text: pod => pod.name },
            { name: "Node", text: pod => pod.node || "\u2013" },
            { name: "Broken", n: true, text: pod => count(pod.broken), bad: pod => pod.broken > 0 },
            { name: "Lasting", n: true, text: pod => count(pod.lasting) },
            { name: "Requests", n: true, text: pod => count(pod.requests) },
            { name: "Lost", n: true, text: pod => count(pod.lost), bad: pod => pod.lost > 0 },
            { name: "Connections ended by", text: ends },
            { name: "Failed connects (inferred)", n: true, text: pod => count(pod.inferredFailedConnects) },
            ...["created", "ready", "terminating", "gone"].map(name => ({ name: `${name[0].toUpperCase()}${name.slice(1)} (s)`, n: true, text: at(name) })),
            { name: "Last new connection (s)", n: true, text: pod => pod.lastNewConnection ? time(pod.lastNewConnection) : "\u2013" },
            { name: "Windows", n: true, text: pod => count(pod.windows.length) },
        ], data.run.pods, "No pod answered, and the cluster told of none.");
    }

    /* Other than the lasting and the unfinished ones. */
    function failed(data, timeline) {
        const rows = data.run.connections.filter(one => !["lasting", "unfinished", "done"].includes(one.end));
        const cut = data.totals.connections - data.run.connections.length;
        const about = cut > 0 && element("p", { class: "notice" }, `Of ${count(data.totals.connections)} connections the first ${count(data.run.connections.length)} are here; run.json has all.`);
        return [about, table("Connections that broke, and attempts that failed", [
            { name: "Connection", text: one => String(one.id) },
            { name: "Stream", text: one => one.stream },
            { name: "Flow", n: true, text: one => String(one.flow) },
            { name: "Addresses", text: one => element("code", {}, one.tuple) },
            { name: "End", text: one => one.connected === null ? `${one.end} (never up)` : one.end, bad: () => true },
            { name: "Pod", text: one => one.pod === null ? "unknown" : one.podIs === "inferred" ? `${one.pod} (inferred)` : one.pod },
            { name: "Opened (s)", n: true, text: one => time(one.opened) },
            { name: "Ended (s)", n: true, text: one => go(time(one.ended), () => timeline.show(one.ended, one.ended)) },
            { name: "Lived", n: true, text: one => span(one.ended - one.opened) },
            { name: "Sent", n: true, text: one => count(one.sent) },
            { name: "Answered", n: true, text: one => count(one.received) },
            { name: "Blocked", n: true, text: one => count(one.blocked) },
            { name: "Sent again", n: true, text: one => count(one.retransmits) },
        ], rows, "No connection broke, and no attempt to connect failed.")];
    }

    function outcomes(data) {
        const { streams } = data.run;
        const used = data.words.outcomes.filter(name => streams.some(stream => stream.outcomes[name] > 0));
        return table("Outcomes: every due request has exactly one", [
            { name: "Stream", text: stream => stream.name },
            { name: "Target", text: stream => element("code", {}, stream.target) },
            { name: "Due", n: true, text: stream => count(stream.due) },
            ...used.map(name => ({ name, n: true, text: stream => count(stream.outcomes[name]),
                bad: stream => stream.outcomes[name] > 0 && data.words.lost[data.words.outcomes.indexOf(name)] })),
            { name: "Lost", n: true, text: stream => count(stream.lost), bad: stream => stream.lost > 0 },
            { name: "Lost of due", n: true, text: stream => share(stream.lost, stream.due) },
            { name: "Sum holds", text: stream => stream.sumsHold ? "yes" : "NO", bad: stream => !stream.sumsHold },
        ], streams, "The run had no stream.");
    }

    function answers(data) {
        const rows = data.run.streams.flatMap(stream => [
            ...Object.entries(stream.statuses).map(([status, n]) => ({ stream: stream.name, what: `status ${status}`, n })),
            ...Object.entries(stream.badAnswers).map(([why, n]) => ({ stream: stream.name, what: `bad answer: ${why}`, n }))]);
        return rows.length === 0 ? null : table("HTTP answers", [
            { name: "Stream", text: row => row.stream }, { name: "Answer", text: row => row.what }, { name: "Count", n: true, text: row => count(row.n) },
        ], rows, "");
    }

    function connections(data) {
        const ends = of => Object.entries(of).map(([name, n]) => `${name} ${n}`).join(", ") || "\u2013";
        return table("Connections by stream", [
            { name: "Stream", text: stream => stream.name },
            { name: "Established", n: true, text: stream => count(stream.connections.established) },
            { name: "Lasting", n: true, text: stream => count(stream.connections.lasting) },
            { name: "Broken", n: true, text: stream => count(stream.connections.broken), bad: stream => stream.connections.broken > 0 },
            { name: "Broken by", text: stream => ends(stream.connections.brokenBy) },
            { name: "Done", n: true, text: stream => count(stream.connections.done) },
            { name: "Unfinished", n: true, text: stream => count(stream.connections.unfinished) },
            { name: "Failed connects", n: true, text: stream => count(stream.connections.failedConnects), bad: stream => stream.connections.failedConnects > 0 },
            { name: "Failed by", text: stream => ends(stream.connections.failedBy) },
        ], data.run.streams, "The run had no stream.");
    }

    function latencies(data) {
        const kinds = [["latencyFromDue", "latency from due"], ["latencyFromSent", "latency from sent"], ["sendLag", "sent after due"],
            ["connectTime", "time to connect"], ["tlsTime", "TLS handshake"], ["onsetWidth", "width of onset brackets"], ["interruption", "interruption of a flow"]];
        const rows = data.run.streams.flatMap(stream => kinds.filter(([key]) => stream[key].count > 0)
            .map(([key, name]) => ({ stream: stream.name, name, exact: stream.exactLatencies, of: stream[key] })));
        return table("Percentiles", [
            { name: "Stream", text: row => row.stream },
            { name: "Of", text: row => row.name },
            { name: "Values", n: true, text: row => count(row.of.count) },
            ...[["min", "Min"], ["p50", "p50"], ["p90", "p90"], ["p95", "p95"], ["p99", "p99"], ["p999", "p99.9"], ["max", "Max"], ["mean", "Mean"]]
                .map(([key, name]) => ({ name, n: true, text: row => span(row.of[key]) })),
            { name: "Made of", text: row => row.exact ? "all values" : "histograms (at most 1/128 above)" },
        ], rows, "Nothing was answered: there are no latencies.");
    }

    function events(data, timeline) {
        const rows = data.events;
        const cut = data.totals.events - rows.length;
        return [cut > 0 && element("p", { class: "notice" }, `${count(cut)} more events are in cluster.jsonl.`), table("Events of the cluster and of the run", [
            { name: "Not after (s)", text: event => go(time(event.at), () => timeline.show(event.at, event.at)) },
            { name: "Not before (s)", n: true, text: event => event.from > 0 ? time(event.from) : "\u2013" },
            { name: "Event", text: event => event.kind },
            { name: "Object", text: event => event.object || "\u2013" },
            { name: "Node", text: event => event.node || "\u2013" },
            { name: "Ours", text: event => event.ours ? "yes" : "" },
            { name: "Details", wide: true, text: event => event.text },
        ], rows, "Nothing is on the timeline.")];
    }

    function tester(data) {
        const { ports, queues } = data.run.tester;
        return [table("NIC ports", [
            { name: "Port", text: port => port.name }, { name: "Driver", text: port => port.driver },
            ...[["rxPackets", "Received"], ["txPackets", "Sent"], ["imissed", "imissed"], ["rxNombuf", "rx_nombuf"], ["txRefused", "Tx refused"], ["dropped", "Dropped"], ["mbufsMissing", "Buffers missing"]]
                .map(([key, name]) => ({ name, n: true, text: port => count(port[key]), bad: port => port[key] > 0 && !key.endsWith("Packets") && key !== "dropped" })),
            { name: "Arrivals stamped by", text: port => port.arrivals },
        ], ports, "No NIC port was used."), queues.length > 1 && table("Workers and their queues", [
            { name: "Port", text: queue => ports[queue.port]?.name ?? String(queue.port) }, { name: "Queue", n: true, text: queue => String(queue.queue) }, { name: "Core", n: true, text: queue => String(queue.core) },
            ...[["rxPackets", "Received"], ["txPackets", "Sent"], ["handedOut", "Handed over"], ["handedIn", "Taken over"], ["handoverFull", "Hand-over full"], ["stalls", "Stalls"]]
                .map(([key, name]) => ({ name, n: true, text: queue => count(queue[key]) })),
        ], queues, "")];
    }

    return { table, streams, windows, causes, pods, failed, outcomes, answers, connections, latencies, events, tester };
})();
