/* lanes.js - rows on the shared axis: windows, steps, changes, services' endpoints, pods, nodes, the
 * tester. A row has a label, a height and how to draw it; what it draws it also tells as a hit, an
 * area with the facts that are shown on hover and kept by a pin. */
const Lanes = (() => {
    const CAUSES = {
        "endpoint-removal-race": "ending", "killed-not-graceful": "ending", "killed-grace-too-short": "ending",
        "killed-sigterm-ignored": "ending", "ready-too-early": "early", "stale-upstream": "proxy",
        "drained-node-in-balancer": "proxy", "no-ready-endpoint": "few", "too-few-replicas": "few",
        "rollout-stuck": "few", "connection-tracking": "way", "backend-overload": "way", "network": "way",
        "tester": "tester",
    };
    const causeColour = cause => `cause-${CAUSES[cause] || "unexplained"}`;

    /* TEXT cut in its middle to WIDTH px of CTX's font. */
    function cut(ctx, text, width) {
        if (ctx.measureText(text).width <= width) return text;
        let keep = text.length - 1;
        while (keep > 2 && ctx.measureText(`${text.slice(0, Math.ceil(keep / 2))}\u2026${text.slice(-Math.floor(keep / 2))}`).width > width) keep--;
        return `${text.slice(0, Math.ceil(keep / 2))}\u2026${text.slice(-Math.floor(keep / 2))}`;
    }

    /* TEXT cut at its end; nothing when less than four letters would be left. */
    function start(ctx, text, width) {
        if (ctx.measureText(text).width <= width) return text;
        let keep = text.length - 1;
        while (keep > 3 && ctx.measureText(`${text.slice(0, keep)}\u2026`).width > width) keep--;
        return keep > 3 ? `${text.slice(0, keep)}\u2026` : "";
    }

    /* ---- facts ---- */

    const within = event => event.from < event.at && event.from > 0
        ? [["not before", Text.exact(event.from)], ["not after", Text.exact(event.at)]]
        : [["at", Text.exact(event.at)]];

    const eventItem = event => ({
        at: event.at, title: `${event.kind}${event.object ? ` ${event.object}` : ""}`,
        lines: [...within(event), event.node && ["node", event.node], event.text && ["", event.text],
            event.unseen && ["unseen", Text.span(event.at - event.from)]].filter(Boolean),
    });

    const windowItem = window => ({
        at: window.from, title: `Loss window ${window.number}: ${window.cause}`,
        lines: [["onset", `${Text.bracket(window.of.onset)} s`],
            ["recovery", window.of.open ? "not over at the end" : `${Text.bracket(window.of.recovery)} s`],
            ["duration", window.of.open ? `at least ${Text.span(window.of.duration.from)}`
                : `${Text.span(window.of.duration.from)} to ${Text.span(window.of.duration.to)}`],
            ["lost", Text.plural(window.of.lost, "request", "requests")], ["why", window.of.cause.text]],
    });

    /* ---- drawing ---- */

    class Painter {
        constructor(ctx, scale) {
            this.ctx = ctx;
            this.scale = scale;
            this.hits = [];
        }

        seen(from, to) {
            return to >= this.scale.from && from <= this.scale.to;
        }

        hit(x0, x1, row, item) {
            this.hits.push({ x0, x1, y0: row.top, y1: row.top + row.height, item });
        }

        /* From FROM to TO ns, at least 2 px wide. Returns its ends in px. */
        box(from, to, y, height, colour, radius = 2) {
            const least = this.scale.left, most = least + this.scale.width;
            const x0 = Math.max(this.scale.x(from), least - 4), x1 = Math.min(Math.max(this.scale.x(to), x0 + 2), most + 4);
            this.ctx.fillStyle = colour;
            this.ctx.beginPath();
            this.ctx.roundRect(x0, y, Math.max(x1 - x0, 2), height, Math.min(radius, (x1 - x0) / 2));
            this.ctx.fill();
            return [x0, x1];
        }

        text(text, x, y, colour, width) {
            this.ctx.fillStyle = colour;
            this.ctx.fillText(width ? cut(this.ctx, text, width) : text, x, y);
        }

        mark(at, row, colour, item, size = 4) {
            if (!this.seen(at, at)) return;
            const x = this.scale.x(at), y = row.top + row.height / 2, ctx = this.ctx;
            ctx.fillStyle = colour;
            ctx.beginPath();
            ctx.moveTo(x, y - size);
            ctx.lineTo(x + size, y);
            ctx.lineTo(x, y + size);
            ctx.lineTo(x - size, y);
            ctx.fill();
            this.hit(x - size, x + size, row, item);
        }

        /* A step line over [{at, n}], filled to the row's floor. */
        steps(points, most, y, height, colour) {
            const { ctx, scale } = this;
            const level = n => y + height - n / Math.max(most, 1) * height;
            let at = 0;
            while (at + 1 < points.length && points[at + 1].at < scale.from) at++;
            if (points.length === 0) return;
            ctx.beginPath();
            let x = Math.max(scale.x(points[at].at), scale.left);
            ctx.moveTo(x, y + height);
            let last = y + height;
            for (; at < points.length && points[at].at <= scale.to; at++) {
                x = Math.max(scale.x(points[at].at), scale.left);
                ctx.lineTo(x, last);
                last = level(points[at].n);
                ctx.lineTo(x, last);
            }
            ctx.lineTo(scale.left + scale.width, last);
            ctx.lineTo(scale.left + scale.width, y + height);
            ctx.globalAlpha = 0.3;
            ctx.fillStyle = colour;
            ctx.fill();
            ctx.globalAlpha = 1;
        }
    }

    /* ---- the rows ---- */

    const { colour } = Charts;

    function windowsRow(model) {
        return {
            label: "Loss windows", height: 26,
            draw(p, row) {
                for (const window of model.windows) {
                    if (!p.seen(window.from, window.to)) continue;
                    p.ctx.globalAlpha = 0.4;
                    const [x0, x1] = p.box(window.from, window.to, row.top + 4, 18, colour(window.colour));
                    p.ctx.globalAlpha = 1;
                    if (window.sureTo > window.sureFrom) p.box(window.sureFrom, window.sureTo, row.top + 19, 4, colour(window.colour));
                    else p.box(window.sureFrom, window.sureFrom, row.top + 4, 18, colour(window.colour));
                    p.text(start(p.ctx, window.cause, x1 - x0 - 12), x0 + 6, row.top + 17, colour("ink"));
                    p.hit(x0, x1, row, windowItem(window));
                }
                if (model.windows.length === 0) p.text("none: nothing was lost", p.scale.left + 8, row.top + 17, colour("muted"));
            },
        };
    }

    function stepsRow(model) {
        const steps = [];
        for (const event of model.events) {
            if (event.kind === "step-start") steps.push({ name: event.object, from: event.at, to: model.end, verb: event.text });
            const open = steps.filter(step => step.name === event.object).pop();
            if (event.kind === "step-end" && open) Object.assign(open, { to: event.at, how: event.text });
        }
        return {
            label: "Steps", height: 26,
            draw(p, row) {
                steps.forEach((step, i) => {
                    if (!p.seen(step.from, step.to)) return;
                    const [x0, x1] = p.box(step.from, step.to, row.top + 4, 18, colour(i % 2 ? "line" : "accent-soft"));
                    const left = Math.max(x0, p.scale.left) + 6;
                    p.text(start(p.ctx, step.name || step.verb, x1 - left - 3), left, row.top + 17, colour("ink"));
                    p.hit(x0, x1, row, {
                        at: step.from, title: `Step ${step.name || step.verb}`,
                        lines: [["does", step.verb], ["from", Text.exact(step.from)], ["to", Text.exact(step.to)],
                            ["took", Text.span(step.to - step.from)], step.how && ["", step.how]].filter(Boolean),
                    });
                });
            },
        };
    }

    function marksRow(model, label, kinds, hue) {
        const events = model.events.filter(event => kinds.includes(event.kind));
        return events.length === 0 ? null : {
            label, height: 22,
            draw(p, row) {
                for (const event of events) p.mark(event.at, row, colour(hue(event)), eventItem(event));
            },
        };
    }

    /* Was it there when the cluster was first looked at? Then it has no first bound, and no step had begun. */
    function finder(model) {
        const began = model.events.find(event => event.kind === "step-start")?.at ?? 0;
        return (from, to) => from === 0 && to <= began;
    }

    /* How many endpoints of a Service are ready, by what its slices said; none before the first. */
    function endpointRows(model) {
        const services = new Map(), found = finder(model);
        for (const event of model.events) {
            if (!event.kind.startsWith("endpoint-")) continue;
            const name = event.text.replace(/^service /, "");
            if (!services.has(name)) services.set(name, { ready: new Set(), points: [{ at: 0, n: 0 }], events: [] });
            const service = services.get(name);
            if (event.kind === "endpoint-ready") service.ready.add(event.object);
            else service.ready.delete(event.object);
            service.points.push({ at: found(event.from, event.at) ? 0 : event.at, n: service.ready.size });
            service.events.push([event, service.ready.size]);
        }
        return [...services].map(([name, { points, events }]) => {
            const most = Math.max(...points.map(point => point.n), 1);
            return {
                label: name, height: 22,
                draw(p, row) {
                    p.steps(points, most, row.top + 3, 17, colour("ready"));
                    p.hit(p.scale.left, p.scale.left + p.scale.width, row, { at: null, title: `${name}: ready endpoints`, lines: [["at most", String(most)]] });
                    for (const [event, n] of events) {
                        if (!p.seen(event.at, event.at)) continue;
                        const item = eventItem(event);
                        item.lines.push(["ready then", `${n} of at most ${most}`]);
                        const x = p.scale.x(event.at);
                        p.ctx.fillStyle = colour({ "endpoint-ready": "ready", "endpoint-terminating": "ending" }[event.kind] || "pending");
                        p.ctx.fillRect(x - 0.75, row.top + 3, 1.5, 17);
                        p.hit(x - 2, x + 2, row, item);
                    }
                },
            };
        });
    }

    /* The nodes that changed or that pods were on. Until a node's first change it was as the run found it. */
    function nodeRows(model) {
        const nodes = new Map();
        for (const pod of model.run.pods) if (pod.node && !nodes.has(pod.node)) nodes.set(pod.node, []);
        for (const event of model.events) {
            if (event.kind !== "node-changed") continue;
            if (!nodes.has(event.object)) nodes.set(event.object, []);
            nodes.get(event.object).push(event);
        }
        const hue = text => text.startsWith("not Ready") ? "lost" : text.includes("cordoned") ? "ending" : "ready";
        return [...nodes].sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true })).map(([name, events]) => ({
            label: name, height: 20,
            draw(p, row) {
                const states = [{ at: 0, text: "as found: no change of it was seen before" }, ...events];
                states.forEach((state, i) => {
                    const end = i + 1 < states.length ? states[i + 1].at : model.end;
                    if (!p.seen(state.at, end)) return;
                    const [x0, x1] = p.box(state.at, end, row.top + 6, 8, colour(i === 0 ? "line" : hue(state.text)));
                    const item = i === 0 ? { at: null, lines: [] } : eventItem(state);
                    p.hit(x0, x1, row, { ...item, title: `Node ${name}: ${state.text}` });
                });
            },
        }));
    }

    /* Open connections by pod: [{at, n}], and when connections broke. */
    function livesByPod(model) {
        const { connections: all, words } = model;
        const lives = new Map();
        const broken = new Set(["reset", "closed", "stalled", "unreachable", "bad-answer"]);
        for (let i = 0; i < all.count; i++) {
            const host = model.host(all.host[i]);
            if (host === null || all.connected[i] < 0) continue;
            if (!lives.has(host)) lives.set(host, { changes: [], broken: [] });
            const life = lives.get(host);
            life.changes.push([all.connected[i], 1], [all.ended[i], -1]);
            const end = words.ends[all.end[i]];
            if (broken.has(end)) life.broken.push({ at: all.ended[i], id: all.id[i], end, stream: model.run.streams[all.stream[i]]?.name, flow: all.flow[i] });
        }
        for (const life of lives.values()) {
            let n = 0;
            life.points = life.changes.sort((a, b) => a[0] - b[0]).map(([at, change]) => ({ at, n: n += change }));
            life.most = Math.max(...life.points.map(point => point.n), 1);
            delete life.changes;
        }
        return lives;
    }

    const PHASES = [["created", "ready", "pending", "created, not ready"], ["ready", "terminating", "ready", "ready"],
        ["terminating", "gone", "ending", "terminating"]];

    function drawPhases(p, row, pod, model, life, found) {
        const at = name => !pod[name] ? null : name !== "gone" && found(pod[name].from, pod[name].to) ? 0 : pod[name].to;
        for (const [from, to, hue, words] of PHASES) {
            if (at(from) === null) continue;
            const later = PHASES.map(([name]) => at(name)).concat(at("gone")).filter(t => t !== null && t > at(from));
            const end = at(to) ?? (later.length ? Math.min(...later) : model.end);
            if (!p.seen(at(from), end)) continue;
            const [x0, x1] = p.box(at(from), end, row.top + 3, 8, colour(hue));
            p.hit(x0, x1, { top: row.top, height: 12 }, {
                at: at(from), title: `${pod.name}: ${words}`,
                lines: [["since", `${Text.bracket(pod[from])} s`], ["for", Text.span(end - at(from))],
                    pod.node && ["node", pod.node],
                    ["connections", `${pod.broken} broken, ${pod.lasting} lasting`],
                    ["requests", `${Text.count(pod.requests)}, ${Text.count(pod.lost)} lost`]].filter(Boolean),
            });
        }
        if (at("gone") !== null) p.mark(at("gone"), { top: row.top, height: 14 }, colour("ink"), {
            at: at("gone"), title: `${pod.name}: gone`, lines: [["seen", `${Text.bracket(pod.gone)} s`], pod.node && ["node", pod.node]].filter(Boolean),
        }, 3.5);
        if (!life) return;
        p.steps(life.points, life.most, row.top + 13, 10, colour("good"));
        let last = -9;
        for (const one of life.broken) {
            const x = p.scale.x(one.at);
            if (!p.seen(one.at, one.at) || x - last < 0.5) continue;
            last = x;
            p.ctx.fillStyle = colour("lost");
            p.ctx.fillRect(x - 0.75, row.top + 13, 1.5, 10);
            p.hit(x - 1, x + 1, { top: row.top + 12, height: 13 }, {
                at: one.at, title: `Connection ${one.id} ${one.end}`,
                lines: [["at", Text.exact(one.at)], ["pod", pod.name], ["stream", `${one.stream}, flow ${one.flow}`]],
            });
        }
    }

    function podRows(model) {
        const lives = livesByPod(model), found = finder(model);
        return model.run.pods.map(pod => ({
            label: pod.name, height: 27, detail: pod.node,
            draw: (p, row) => drawPhases(p, row, pod, model, lives.get(pod.name), found),
        }));
    }

    function testerRow(model) {
        const gaps = model.events.filter(event => event.unseen);
        return {
            label: "Tester: stalls, drops", height: 22,
            draw(p, row) {
                let last = -9;
                for (const [from, to, kind, count] of model.faults) {
                    if (!p.seen(from, to)) continue;
                    const x = p.scale.x(from), end = p.scale.x(to);
                    if (Math.max(end, x + 1) - last < 1) continue;
                    last = Math.max(end, x + 1);
                    const [x0, x1] = p.box(from, to, row.top + 5, 12, colour("cause-tester"), 0);
                    p.hit(x0, x1, row, { at: from, title: `Tester: ${kind}`, lines: [["from", Text.exact(from)], ["to", Text.exact(to)], ["for", Text.span(to - from)], count > 1 && ["count", Text.count(count)]].filter(Boolean) });
                }
                for (const gap of gaps) {
                    if (!p.seen(gap.from, gap.at)) continue;
                    p.ctx.globalAlpha = 0.35;
                    const [x0, x1] = p.box(gap.from, gap.at, row.top + 2, 18, colour("undecided"), 0);
                    p.ctx.globalAlpha = 1;
                    p.hit(x0, x1, row, eventItem(gap));
                }
                if (model.faults.length + gaps.length === 0) p.text("none", p.scale.left + 8, row.top + 15, colour("muted"));
            },
        };
    }

    /* Rows of each kind at most; what is beyond is told. */
    const MOST = { endpoints: 16, nodes: 32, pods: 200 };

    function leftOut(data) {
        const more = { "Services' endpoints": endpointRows(data).length - MOST.endpoints, "nodes": nodeRows(data).length - MOST.nodes, "pods": data.run.pods.length - MOST.pods };
        return Object.entries(more).filter(([, n]) => n > 0).map(([name, n]) => `${Text.count(n)} more ${name}`).join(", ");
    }

    function rows(model) {
        const heading = label => ({ heading: true, label, height: 28, draw() {} });
        const endpoints = endpointRows(model).slice(0, MOST.endpoints), pods = podRows(model).slice(0, MOST.pods), nodes = nodeRows(model).slice(0, MOST.nodes);
        return [
            windowsRow(model), stepsRow(model),
            marksRow(model, "Changes", ["change"], event => event.ours ? "accent" : "ending"),
            marksRow(model, "Rollout", ["rollout-progress", "rollout-complete", "rollout-failed"],
                event => event.kind === "rollout-failed" ? "lost" : event.kind === "rollout-progress" ? "due" : "ready"),
            marksRow(model, "Services", ["service-changed"], () => "accent"),
            testerRow(model),
            ...endpoints.length ? [heading("Ready endpoints"), ...endpoints] : [],
            ...nodes.length ? [heading("Nodes"), ...nodes] : [],
            ...pods.length ? [heading("Pods: phase, and open connections below"), ...pods] : [],
        ].filter(Boolean);
    }

    /* ---- the panel ---- */

    function make(canvas, model, scale) {
        const all = rows(model);
        let height = 0;
        for (const row of all) {
            row.top = height;
            height += row.height;
        }
        let hits = [];

        function label(p, row) {
            p.ctx.font = row.heading ? `600 ${Charts.font(12)}` : Charts.font(12);
            p.text(row.label, 14, row.top + (row.heading ? 19 : row.height / 2 + 4), colour(row.heading ? "ink" : "muted"), row.heading ? 400 : scale.left - 26);
        }

        function draw() {
            const ratio = devicePixelRatio, ctx = canvas.getContext("2d");
            const width = scale.left + scale.width + scale.right;
            if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
                canvas.width = Math.round(width * ratio);
                canvas.height = Math.round(height * ratio);
                canvas.style.width = `${width}px`;
                canvas.style.height = `${height}px`;
            }
            ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
            ctx.clearRect(0, 0, width, height);
            const p = new Painter(ctx, scale);
            Charts.bands(ctx, model, scale, 0, height, 1);
            ctx.fillStyle = colour("grid");
            for (const t of scale.ticks().times) ctx.fillRect(scale.x(t), 0, 1, height);
            for (const row of all) {
                ctx.fillStyle = colour("grid");
                ctx.fillRect(row.heading ? 0 : scale.left, row.top, width, 1);
                label(p, row);
                ctx.save();
                ctx.beginPath();
                ctx.rect(scale.left, row.top, scale.width, row.height);
                ctx.clip();
                ctx.font = Charts.font(11.5);
                row.draw(p, row);
                ctx.restore();
            }
            hits = p.hits;
        }

        /* What is at a point, the narrowest first; the name of the row when it is on a label. */
        function at(x, y) {
            if (x < scale.left) {
                const row = all.find(one => y >= one.top && y < one.top + one.height && !one.heading);
                return row ? { title: row.label, lines: row.detail ? [["node", row.detail]] : [], at: null } : null;
            }
            let best = null;
            for (const hit of hits)
                if (x >= hit.x0 - 3 && x <= hit.x1 + 3 && y >= hit.y0 && y < hit.y1 &&
                    (best === null || hit.x1 - hit.x0 < best.x1 - best.x0)) best = hit;
            return best ? best.item : null;
        }
        return { draw, at, height };
    }

    return { make, causeColour, eventItem, windowItem, leftOut };
})();
