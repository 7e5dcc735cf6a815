/* timeline.js - the panels one below the other on one scale, and how a reader moves in them: drag to
 * zoom, wheel with Ctrl or Shift, keys, buttons; what is hovered, and pins. */
const Timeline = (() => {
    const { element } = Text;
    const OVERVIEW = 34, RULER = 24, TRAFFIC = 150, LATENCY = 190;

    /* What panels need to know of the loss windows. */
    function windowsOf(data) {
        return data.run.windows.map((of, i) => {
            const to = of.open ? data.end : of.recovery.to;
            const sureFrom = of.onset.to, sureTo = of.open ? data.end : of.recovery.from;
            return { number: i + 1, of, from: of.onset.from, to, sureFrom, sureTo: Math.max(sureTo, sureFrom),
                cause: of.cause.cause, colour: Lanes.causeColour(of.cause.cause) };
        });
    }

    function toolbar(data, scale, actions) {
        const button = (label, title, action) => element("button", { type: "button", title, "aria-label": title, onclick: action }, label);
        const streams = data.run.streams.length < 2 ? [] : data.run.streams.map((stream, i) => {
            const swatch = element("span", { class: "swatch" });
            swatch.style.setProperty("--of", `var(--s${i % 8})`);
            const box = element("input", { type: "checkbox", checked: true, onchange: () => actions.show(i, box.checked) });
            return element("label", {}, box, swatch, stream.name);
        });
        const range = element("span", { class: "range", "aria-live": "polite", id: "range" });
        const bar = element("div", { class: "bar", role: "toolbar", "aria-label": "What the timeline shows" },
            element("span", { class: "group" },
                button("\u2212", "Zoom out", () => scale.zoom(2)), button("+", "Zoom in", () => scale.zoom(0.5)),
                button("\u2190", "Earlier", () => scale.pan(-0.5)), button("\u2192", "Later", () => scale.pan(0.5)),
                button("Whole run", "Show the whole run", () => scale.all())),
            element("span", { class: "group" },
                data.run.change !== null && button("Change", "Show the change", () => actions.around(data.run.change, data.run.change)),
                data.run.windows.length > 0 && button("Next loss", "Show the next loss window", actions.nextWindow)),
            element("span", { class: "group", role: "group", "aria-label": "Streams in traffic and latency" }, streams), range);
        return { bar, range };
    }

    const title = (top, name, ...small) => {
        const node = element("div", { class: "panel-title" }, element("b", {}, name), small);
        node.style.top = `${top}px`;
        return node;
    };

    const swatched = (name, text) => {
        const swatch = element("span", { class: "swatch" });
        swatch.style.setProperty("--of", `var(--${name})`);
        return element("span", {}, swatch, text);
    };

    function legend(data) {
        const causes = [...new Set(data.run.windows.map(window => window.cause.cause))];
        return element("div", { class: "legend" },
            swatched("due", "offered"), swatched("good", "answered well"), swatched("lost", "lost"),
            swatched("pending", "pod created; unsent or unfinished requests"), swatched("ready", "pod or node ready, endpoints"), swatched("ending", "pod terminating, node cordoned"),
            causes.map(cause => swatched(Lanes.causeColour(cause), `window: ${cause}`)));
    }

    const keys = () => element("p", { class: "keys" },
        [["drag", "zoom"], ["double-click", "whole run"], ["Ctrl+wheel", "zoom"], ["Shift+wheel", "move"], ["click", "pin"],
            ["\u2190 \u2192", "move"], ["+ \u2212", "zoom"], ["0", "whole run"], ["n p", "next, previous event"], ["Enter", "pin it"], ["Esc", "clear pins"]]
            .map(([key, does]) => element("span", {}, element("kbd", {}, key), ` ${does}`)));

    /* Size CANVAS and return a context in CSS pixels. */
    function context(canvas, width, height) {
        const ratio = devicePixelRatio;
        canvas.width = Math.round(width * ratio);
        canvas.height = Math.round(height * ratio);
        canvas.style.width = `${width}px`;
        canvas.style.height = `${height}px`;
        const ctx = canvas.getContext("2d");
        ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
        return ctx;
    }

    /* The whole run in small, with the part that is shown. */
    function drawOverview(canvas, model, scale) {
        const ctx = context(canvas, scale.left + scale.width + scale.right, OVERVIEW);
        const { colour } = Charts, x = ns => scale.left + ns / scale.end * scale.width;
        const columns = Math.max(Math.floor(scale.width), 1);
        const due = new Float64Array(columns + 1), lost = new Float64Array(columns + 1);
        for (const { bins } of model.streams)
            for (let i = 0; i < bins.count; i++) {
                const at = Math.min(Math.floor(i * bins.width / scale.end * columns), columns);
                due[at] += bins.due[i];
                lost[at] += bins.lost[i];
            }
        const most = Math.max(...due, 1);
        for (let i = 0; i <= columns; i++) {
            ctx.fillStyle = colour("line");
            ctx.fillRect(scale.left + i, OVERVIEW - 4 - due[i] / most * 22, 1, due[i] / most * 22);
            if (lost[i] === 0) continue;
            ctx.fillStyle = colour("lost");
            ctx.fillRect(scale.left + i, OVERVIEW - 26, 1.5, 22);
        }
        ctx.globalAlpha = 0.5;
        ctx.fillStyle = colour("panel");
        ctx.fillRect(scale.left, 2, x(scale.from) - scale.left, OVERVIEW - 4);
        ctx.fillRect(x(scale.to), 2, scale.left + scale.width - x(scale.to), OVERVIEW - 4);
        ctx.globalAlpha = 1;
        ctx.strokeStyle = colour("accent");
        ctx.lineWidth = 1.5;
        ctx.strokeRect(x(scale.from), 3, Math.max(x(scale.to) - x(scale.from), 2), OVERVIEW - 6);
    }

    function drawRuler(canvas, scale) {
        const ctx = context(canvas, scale.left + scale.width + scale.right, RULER);
        const { times, decimals } = scale.ticks();
        ctx.font = Charts.font(11);
        ctx.textAlign = "center";
        for (const t of times) {
            ctx.fillStyle = Charts.colour("line");
            ctx.fillRect(scale.x(t), RULER - 6, 1, 6);
            ctx.fillStyle = Charts.colour("muted");
            const inside = scale.x(t) > scale.left + 14 && scale.x(t) < scale.left + scale.width - 10;
            if (inside) ctx.fillText((t / 1e9).toFixed(decimals), scale.x(t), RULER - 10);
        }
        ctx.textAlign = "left";
        ctx.fillText("seconds of run time", 14, RULER - 10);
    }

    /* What a dot or a failure is. */
    function requestItem(model, found) {
        const stream = model.streams[found.stream], name = model.run.streams[found.stream].name;
        if (found.failure !== undefined) {
            const { due, outcome, host, flow } = stream.failures, i = found.failure;
            return { at: due[i], title: `Request ${model.words.outcomes[outcome[i]]}`,
                lines: [["due", Text.exact(due[i])], ["stream", `${name}, flow ${flow[i]}`], ["pod", model.host(host[i]) || "unknown"]] };
        }
        const { dots } = stream, i = found.dot;
        return { at: dots.due[i], title: `Request ${dots.fine ? model.words.outcomes[dots.outcome[i]] : "answered"}`,
            lines: [["due", Text.exact(dots.due[i])], ["latency", Text.span(dots.latency[i])], ["stream", dots.fine ? `${name}, flow ${dots.flow[i]}` : name],
                dots.fine && ["pod", model.host(dots.host[i]) || "not named"]].filter(Boolean) };
    }

    function trafficItem(bin) {
        return { at: null, title: `${Text.span(bin.width)} from ${Text.time(bin.from)} s`,
            lines: [["offered", Text.count(bin.due)], ["answered well", Text.count(bin.good)], ["lost", Text.count(bin.lost)],
                ["rate", `${Text.count(Math.round(bin.due / bin.width * 1e9))} requests/s`]] };
    }

    /* ---- pins ---- */

    function makePins(scale, overlay) {
        const list = element("ol", { class: "pins", "aria-label": "Pinned events" });
        let pins = [];
        function draw() {
            for (const node of overlay.querySelectorAll(".pin")) node.remove();
            list.replaceChildren(...pins.map((pin, i) => {
                const line = element("div", { class: "pin" }, element("b", {}, String(i + 1)));
                line.style.left = `${scale.x(pin.at)}px`;
                if (pin.at >= scale.from && pin.at <= scale.to) overlay.append(line);
                const since = i > 0 ? `  (${Text.span(pin.at - pins[0].at)} after 1)` : "";
                return element("li", {}, element("b", {}, String(i + 1)), element("span", {}, Text.exact(pin.at) + since),
                    element("span", {}, [pin.title, ...pin.lines.filter(([name]) => ["why", "", "pod", "lost", "took", "latency"].includes(name)).map(([name, text]) => name ? `${name} ${text}` : text)].join(" \u00b7 ")),
                    element("button", { type: "button", "aria-label": `Remove pin ${i + 1}`, onclick: () => remove(pin) }, "\u00d7"));
            }));
        }
        function remove(pin) {
            pins = pins.filter(one => one !== pin);
            draw();
        }
        return {
            list, draw,
            toggle(item) {
                const there = pins.find(pin => pin.at === item.at && pin.title === item.title);
                pins = there ? pins.filter(pin => pin !== there) : [...pins, item].sort((a, b) => a.at - b.at);
                draw();
            },
            clear() {
                pins = [];
                draw();
            },
        };
    }

    /* ---- the whole ---- */

    function make(data) {
        const scale = new Scale(data.end);
        const hidden = new Set();
        const model = { ...data, windows: windowsOf(data), shown: () => data.run.streams.map((_, i) => i).filter(i => !hidden.has(i)) };
        const stack = element("div", { class: "stack", tabindex: "0", role: "application", "aria-label": "Timeline. Arrow keys move, plus and minus zoom, n and p go from event to event, Enter pins. The tables below have the same figures.", "aria-roledescription": "timeline" });
        const overview = element("canvas", { "aria-hidden": "true" }), ruler = element("canvas", { "aria-hidden": "true" }), lanes = element("canvas", { "aria-hidden": "true" });
        const overlay = element("div", { class: "overlay" }), tip = element("div", { class: "tip", id: "tip", "aria-hidden": "true" });
        const cursor = element("div", { class: "cursor" }), cursorTime = element("div", { class: "cursor-time" }), selection = element("div", { class: "selection" });
        const dots = element("small", { id: "dots" });
        const said = element("p", { class: "sr", role: "status", id: "said" });
        const trafficRoot = element("div", { "aria-hidden": "true" }), latencyRoot = element("div", { "aria-hidden": "true" });
        const top = { traffic: RULER, latency: RULER + TRAFFIC, lanes: RULER + TRAFFIC + LATENCY };
        let panels = null;

        overlay.append(cursor, cursorTime, selection);
        stack.append(ruler, trafficRoot, latencyRoot, lanes,
            title(top.traffic + 8, "Traffic", element("small", {}, "requests/s")),
            title(top.latency + 8, "Latency from due", dots, element("small", {}, "top: failed ones")),
            overlay, tip);

        const pins = makePins(scale, overlay);
        const actions = {
            show(index, on) {
                if (on) hidden.delete(index);
                else hidden.add(index);
                draw();
            },
            around(from, to) {
                const spare = Math.max((to - from) * 0.6, Math.min(data.end / 40, 0.5e9));
                scale.set(from - spare, to + spare);
            },
            nextWindow() {
                const middle = (scale.from + scale.to) / 2, whole = scale.to - scale.from > 0.95 * scale.end;
                const next = model.windows.find(window => !whole && (window.from + window.to) / 2 > middle + 1) || model.windows[0];
                actions.around(next.from, next.to);
            },
            showAt(from, to) {
                actions.around(from, to);
                document.getElementById("timeline").scrollIntoView({ block: "start" });
            },
        };
        const { bar, range } = toolbar(data, scale, actions);

        function size() {
            const width = stack.clientWidth;
            scale.left = width < 560 ? 110 : width < 900 ? 160 : 200;
            scale.right = 14;
            scale.width = Math.max(width - scale.left - scale.right, 50);
        }

        /* Made when the page is shown, and again when colours or the pixel ratio change. */
        function build() {
            Charts.forget();
            size();
            trafficRoot.replaceChildren();
            latencyRoot.replaceChildren();
            panels = {
                traffic: Charts.traffic(trafficRoot, model, scale, TRAFFIC),
                latency: Charts.latency(latencyRoot, model, scale, LATENCY),
                lanes: Lanes.make(lanes, model, scale),
            };
            draw();
        }

        function draw() {
            drawOverview(overview, model, scale);
            drawRuler(ruler, scale);
            panels.traffic.draw();
            panels.latency.draw();
            panels.lanes.draw();
            dots.textContent = panels.latency.dense() ? "the darker, the more" : "each request a dot";
            pins.draw();
            range.textContent = `${Text.time(scale.from)} \u2013 ${Text.time(scale.to)} s (${Text.span(scale.to - scale.from)})`;
        }

        /* ---- hover ---- */

        function find(x, y) {
            if (y >= top.lanes) return panels.lanes.at(x, y - top.lanes);
            if (x < scale.left) return null;
            if (y >= top.latency) {
                const found = panels.latency.at(x, y - top.latency);
                return found && requestItem(model, found);
            }
            const bin = y >= top.traffic && panels.traffic.at(scale.ns(x));
            return bin ? trafficItem(bin) : null;
        }

        function showTip(item, x, y) {
            tip.style.display = item ? "block" : "none";
            if (!item) return;
            tip.replaceChildren(element("b", {}, item.title),
                element("dl", {}, item.lines.map(([name, text]) => [element("dt", {}, name), element("dd", {}, text)])));
            const right = x > stack.clientWidth - tip.offsetWidth - 30;
            tip.style.left = `${right ? Math.max(x - tip.offsetWidth - 14, 4) : x + 14}px`;
            tip.style.top = `${Math.min(y + 14, Math.max(stack.clientHeight - tip.offsetHeight - 4, 0))}px`;
        }

        function showCursor(ns) {
            const on = ns !== null && ns >= scale.from && ns <= scale.to;
            cursor.style.display = cursorTime.style.display = on ? "block" : "none";
            if (!on) return;
            cursor.style.left = cursorTime.style.left = `${scale.x(ns)}px`;
            cursorTime.textContent = Text.exact(ns);
        }

        /* ---- pointer ---- */

        let drag = null;
        const place = event => {
            const box = stack.getBoundingClientRect();
            return [event.clientX - box.left, event.clientY - box.top];
        };
        stack.addEventListener("pointerdown", event => {
            if (event.button !== 0 || event.pointerType === "touch") return;
            const [x, y] = place(event);
            drag = { x, y, moved: false };
            stack.setPointerCapture(event.pointerId);
        });
        stack.addEventListener("pointermove", event => {
            const [x, y] = place(event);
            if (drag && Math.abs(x - drag.x) > 4 && drag.x >= scale.left) {
                drag.moved = true;
                selection.style.display = "block";
                selection.style.left = `${Math.max(Math.min(x, drag.x), scale.left)}px`;
                selection.style.width = `${Math.abs(Math.max(x, scale.left) - drag.x)}px`;
            }
            showCursor(x >= scale.left ? scale.ns(x) : null);
            showTip(drag && drag.moved ? null : find(x, y), x, y);
        });
        stack.addEventListener("pointerup", event => {
            const [x, y] = place(event), was = drag;
            drag = null;
            selection.style.display = "none";
            if (was && was.moved) {
                const ends = [scale.ns(was.x), scale.ns(Math.max(x, scale.left))].sort((a, b) => a - b);
                scale.set(...ends);
            } else if (was) {
                const item = find(x, y);
                if (item && item.at !== null) pins.toggle(item);
            }
        });
        stack.addEventListener("pointerleave", () => {
            showCursor(null);
            showTip(null);
        });
        stack.addEventListener("dblclick", () => scale.all());
        stack.addEventListener("wheel", event => {
            if (!event.ctrlKey && !event.shiftKey && !event.metaKey) return;
            event.preventDefault();
            const turn = event.deltaY || event.deltaX;
            if (event.shiftKey) scale.pan(turn / 1000);
            else scale.zoom(1.0025 ** turn, scale.ns(Math.max(place(event)[0], scale.left)));
        }, { passive: false });
        overview.addEventListener("pointerdown", event => {
            const ns = (event.offsetX - scale.left) / scale.width * scale.end, half = (scale.to - scale.from) / 2;
            scale.set(ns - half, ns + half);
        });

        /* ---- keys ---- */

        let current = -1;
        const stops = [...model.events.map(Lanes.eventItem), ...model.windows.map(Lanes.windowItem)].sort((a, b) => a.at - b.at);
        function step(by) {
            if (stops.length === 0) return;
            current = Math.min(Math.max(current + by, 0), stops.length - 1);
            const item = stops[current];
            if (item.at < scale.from || item.at > scale.to) {
                const half = (scale.to - scale.from) / 2;
                scale.set(item.at - half, item.at + half);
            }
            showCursor(item.at);
            showTip(item, scale.x(item.at), top.lanes);
            said.textContent = `${item.title}. ${item.lines.map(line => line.join(" ")).join(". ")}`;
        }
        const keyed = {
            ArrowLeft: () => scale.pan(-0.2), ArrowRight: () => scale.pan(0.2), "+": () => scale.zoom(0.5), "=": () => scale.zoom(0.5),
            "-": () => scale.zoom(2), 0: () => scale.all(), Home: () => scale.all(), n: () => step(1), p: () => step(-1),
            Enter: () => current >= 0 && pins.toggle(stops[current]),
            Escape: () => {
                pins.clear();
                showTip(null);
                showCursor(null);
            },
        };
        stack.addEventListener("keydown", event => {
            const action = keyed[event.key];
            if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
            event.preventDefault();
            action();
        });

        scale.onchange(() => requestAnimationFrame(draw));
        const root = element("div", { class: "card" }, bar, overview, stack, pins.list, said, legend(data), keys());
        function watch() {
            build();
            new ResizeObserver(() => {
                if (stack.clientWidth > 0 && stack.clientWidth !== scale.left + scale.width + scale.right) build();
            }).observe(stack);
            matchMedia("(prefers-color-scheme: dark)").addEventListener("change", build);
            /* The width of a sheet of A4 or letter within its margins. */
            matchMedia("print").addEventListener("change", ({ matches }) => {
                stack.style.width = matches ? "690px" : "";
                build();
            });
        }
        return { root, watch, scale, show: actions.showAt };
    }

    return { make };
})();
