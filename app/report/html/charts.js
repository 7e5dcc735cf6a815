/* charts.js - the two panels that have a vertical scale: traffic and latency. uPlot draws axes,
 * grid and lines; dots, losses and windows are drawn here. */
const Charts = (() => {
    const DOTS_MOST = 6000;      /* In view; more are drawn as density. */
    const CELL = 2;              /* px of density. */
    const SHADES = [0.34, 0.43, 0.52, 0.61, 0.7, 0.8, 0.9, 1];
    const STRIP = 14;            /* px above the latencies, for requests without a good answer. */

    /* A CSS colour by its variable's name. What was looked up is kept until forget(). */
    const colours = new Map();
    function colour(name) {
        if (!colours.has(name)) colours.set(name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim());
        return colours.get(name);
    }
    const forget = () => colours.clear();
    const streamColour = index => colour(`s${index % 8}`);
    const font = size => `${size}px ${colour("sans")}`;

    function options(scale, height, extra) {
        const axis = { stroke: () => colour("muted"), font: font(11), ticks: { show: false },
            grid: { stroke: () => colour("grid"), width: 1 }, border: { show: false } };
        return {
            width: scale.left + scale.width + scale.right, height, padding: [8, scale.right, 8, 0],
            pxAlign: 0, legend: { show: false }, cursor: { show: false }, ...extra,
            scales: { x: { time: false, range: () => [scale.from / 1e9, scale.to / 1e9] }, ...extra.scales },
            axes: [
                { ...axis, size: 0, values: () => [], splits: () => scale.ticks().times.map(t => t / 1e9) },
                { ...axis, size: scale.left, gap: 8, ...extra.axis },
            ],
        };
    }

    /* Loss windows behind everything, in CTX's own pixels. */
    function bands(ctx, model, scale, top, height, ratio) {
        for (const window of model.windows) {
            const from = Math.max(window.from, scale.from), to = Math.min(window.to, scale.to);
            if (from >= to && !(window.to >= scale.from && window.from <= scale.to)) continue;
            ctx.fillStyle = colour(window.colour);
            ctx.globalAlpha = 0.13;
            ctx.fillRect(scale.x(from) * ratio, top, Math.max((scale.x(to) - scale.x(from)) * ratio, ratio), height);
        }
        ctx.globalAlpha = 1;
    }

    /* ---- traffic ---- */

    /* A bin's width for this view: some pixels wide, and of ten requests where that is possible. */
    function binWidth(model, scale, shown) {
        const perPixel = (scale.to - scale.from) / scale.width;
        let rate = 0;
        for (const i of shown) rate += model.run.streams[i].due;
        rate /= model.end;
        const wanted = Math.min(Math.max(10 / Math.max(rate, 1e-12), 3 * perPixel), 24 * perPixel);
        const coarse = Math.max(...shown.map(i => model.streams[i].bins.width), 0);
        const single = shown.every(i => model.streams[i].whole);
        if (wanted >= coarse) return { width: Math.ceil(wanted / coarse) * coarse, single: false };
        return single ? { width: wanted, single } : { width: coarse, single: false };
    }

    /* Counts by bin from the prepared ones. */
    function addBins(sums, stream, first, width) {
        const { bins } = stream;
        const per = Math.round(width / bins.width);
        for (let i = 0; i < sums.due.length; i++)
            for (let k = 0; k < per; k++) {
                const at = (first + i) * per + k;
                if (at >= bins.count || at < 0) continue;
                for (const name of ["due", "good", "lost"]) sums[name][i] += bins[name][at];
            }
    }

    /* And from single requests. */
    function addSingle(sums, stream, first, width, lost) {
        const from = first * width, to = (first + sums.due.length) * width;
        const { dots, failures } = stream;
        for (let i = Data.lower(dots.due, from); i < dots.count && dots.due[i] < to; i++) {
            const at = Math.min(Math.floor((dots.due[i] - from) / width), sums.due.length - 1);
            sums.due[at]++;
            sums.good[at]++;
        }
        for (let i = Data.lower(failures.due, from); i < failures.due.length && failures.due[i] < to; i++) {
            const at = Math.min(Math.floor((failures.due[i] - from) / width), sums.due.length - 1);
            sums.due[at]++;
            sums.lost[at] += lost[failures.outcome[i]] ? 1 : 0;
        }
    }

    function count(model, scale) {
        const shown = model.shown();
        if (shown.length === 0) return { times: [], due: [], good: [], lost: [], width: 1 };
        const { width, single } = binWidth(model, scale, shown);
        const first = Math.floor(scale.from / width);
        const length = Math.floor(scale.to / width) - first + 1;
        const sums = { width, first, due: new Float64Array(length), good: new Float64Array(length), lost: new Float64Array(length) };
        for (const i of shown)
            if (single) addSingle(sums, model.streams[i], first, width, model.words.lost);
            else addBins(sums, model.streams[i], first, width);
        sums.times = Array.from(sums.due, (_, i) => (first + i) * width);
        return sums;
    }

    function traffic(root, model, scale, height) {
        let sums = count(model, scale);
        const rates = () => [
            [...sums.times, (sums.first + sums.times.length) * sums.width].map(t => t / 1e9),
            ...["due", "good"].map(name => {
                const values = Array.from(sums[name], n => n / sums.width * 1e9);
                return [...values, values[values.length - 1] ?? null];
            }),
        ];
        function drawLost(u) {
            const ctx = u.ctx, ratio = devicePixelRatio;
            const zero = u.valToPos(0, "y", true);
            ctx.save();
            ctx.beginPath();
            ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
            ctx.clip();
            ctx.fillStyle = colour("lost");
            for (let i = 0; i < sums.lost.length; i++) {
                if (sums.lost[i] === 0) continue;
                const top = u.valToPos(sums.lost[i] / sums.width * 1e9, "y", true);
                const x = scale.x(sums.times[i]) * ratio, w = sums.width / (scale.to - scale.from) * scale.width * ratio;
                const tall = Math.max(zero - top, 5 * ratio); /* Never too small to be seen. */
                ctx.fillRect(x, zero - tall, Math.max(w, 2 * ratio), tall);
            }
            ctx.restore();
        }
        const stepped = uPlot.paths.stepped({ align: 1 });
        const u = new uPlot(options(scale, height, {
            scales: { y: { range: (_, min, max) => [0, (max || 1) * 1.12] } },
            axis: { values: (_, values) => values.map(v => v >= 1e6 ? `${v / 1e6} M` : v >= 1e4 ? `${v / 1e3} k` : String(v)) , space: 34 },
            series: [{}, { stroke: () => colour("due"), width: 1, paths: stepped, points: { show: false } },
                { stroke: () => colour("good"), fill: () => `color-mix(in srgb, ${colour("good")} 24%, transparent)`, width: 1, paths: stepped, points: { show: false } }],
            hooks: {
                drawClear: [v => bands(v.ctx, model, scale, v.bbox.top, v.bbox.height, devicePixelRatio)],
                draw: [drawLost],
            },
        }), [[0], [0], [0]], root);
        return {
            u,
            draw() {
                sums = count(model, scale);
                u.setData(rates());
            },
            /* What the bin under the cursor holds. */
            at(ns) {
                const i = Math.floor(ns / sums.width) - sums.first;
                return i >= 0 && i < sums.times.length
                    ? { from: sums.times[i], width: sums.width, due: sums.due[i], good: sums.good[i], lost: sums.lost[i] } : null;
            },
        };
    }

    /* ---- latency ---- */

    function levels(model) {
        let low = Infinity, high = -Infinity;
        for (const { dots } of model.streams)
            for (const level of dots.level) {
                if (level < low) low = level;
                if (level > high) high = level;
            }
        if (low > high) [low, high] = [3, 6];
        const spare = Math.max((high - low) * 0.06, 0.08);
        return [low - spare, high + spare];
    }

    function latency(root, model, scale, height) {
        const [low, high] = levels(model);
        const y = (u, level) => u.bbox.top + STRIP * devicePixelRatio +
            (1 - (level - low) / (high - low)) * (u.bbox.height - STRIP * devicePixelRatio);

        function range(stream) {
            const { dots } = stream;
            return [Data.lower(dots.due, scale.from), Data.lower(dots.due, scale.to)];
        }

        /* More than can be told apart? */
        const dense = () => model.shown().map(i => range(model.streams[i])).reduce((sum, [from, to]) => sum + to - from, 0) > DOTS_MOST;

        function circles(u, stream, index) {
            const ratio = devicePixelRatio, ctx = u.ctx, [from, to] = range(stream);
            ctx.fillStyle = streamColour(index);
            ctx.globalAlpha = 0.75;
            for (let i = from; i < to; i++) {
                ctx.beginPath();
                ctx.arc(scale.x(stream.dots.due[i]) * ratio, y(u, stream.dots.level[i]), 1.8 * ratio, 0, 7);
                ctx.fill();
            }
            ctx.globalAlpha = 1;
        }

        /* Cells of CELL px, the darker the more requests are in one. */
        function density(u, stream, index) {
            const side = CELL * devicePixelRatio, ctx = u.ctx, [from, to] = range(stream);
            const columns = Math.ceil(u.bbox.width / side) + 1, rows = Math.ceil(u.bbox.height / side) + 1;
            const cells = new Uint32Array(columns * rows);
            const perNs = scale.width * devicePixelRatio / (scale.to - scale.from) / side;
            const top = y(u, high) - u.bbox.top, bottom = y(u, low) - u.bbox.top;
            const perLevel = (bottom - top) / (high - low) / side, zero = top / side;
            let most = 1;
            for (let i = from; i < to; i++) {
                const cx = (stream.dots.due[i] - scale.from) * perNs | 0;
                const cy = zero + (high - stream.dots.level[i]) * perLevel | 0;
                const n = ++cells[cy * columns + cx];
                if (n > most) most = n;
            }
            ctx.fillStyle = streamColour(index);
            const shade = n => Math.min(SHADES.length - 1, Math.floor(Math.log(n) / Math.log(most + 1) * SHADES.length));
            const lists = SHADES.map(() => []);
            for (let i = 0; i < cells.length; i++) if (cells[i] > 0) lists[shade(cells[i])].push(i);
            lists.forEach((list, k) => {
                ctx.globalAlpha = SHADES[k];
                for (const i of list)
                    ctx.fillRect(u.bbox.left + i % columns * side, u.bbox.top + Math.floor(i / columns) * side, side, side);
            });
            ctx.globalAlpha = 1;
        }

        /* A mark for each pixel in which a request got no good answer. */
        function failures(u, stream) {
            const ratio = devicePixelRatio, ctx = u.ctx, { due, outcome } = stream.failures;
            for (const lost of [false, true]) {
                ctx.fillStyle = colour(lost ? "lost" : "pending");
                let last = -1;
                for (let i = Data.lower(due, scale.from); i < due.length && due[i] <= scale.to; i++) {
                    const x = Math.round(scale.x(due[i]) * ratio);
                    if (model.words.lost[outcome[i]] !== lost || x === last) continue;
                    last = x;
                    ctx.fillRect(x - ratio, u.bbox.top, 2 * ratio, (STRIP - 4) * ratio);
                }
            }
        }

        function draw(u) {
            const ctx = u.ctx;
            ctx.save();
            ctx.beginPath();
            ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
            ctx.clip();
            const shown = model.shown();
            for (const i of shown) (dense() ? density : circles)(u, model.streams[i], i);
            for (const i of shown) failures(u, model.streams[i]);
            ctx.restore();
        }

        /* uPlot's own scale is linear in the level: its axis then needs round latencies. */
        const rounds = [];
        for (let decade = Math.floor(low); decade <= high; decade++)
            for (const n of high - low > 2.2 ? [1] : high - low > 1 ? [1, 3] : [1, 2, 5]) rounds.push(decade + Math.log10(n));
        const spread = (high - low) * (height - 16) / Math.max(height - 16 - STRIP, 1);
        const u = new uPlot(options(scale, height, {
            scales: { y: { range: () => [low, low + spread] } },
            axis: { splits: () => rounds.filter(level => level >= low && level <= high), values: (_, values) => values.map(v => Text.span(10 ** v)) },
            series: [{}, { show: false }],
            hooks: {
                drawClear: [v => bands(v.ctx, model, scale, v.bbox.top, v.bbox.height, devicePixelRatio)],
                draw: [draw],
            },
        }), [[0], [0]], root);

        /* The request nearest to a point of the panel, within 8 px. */
        function at(px, py) {
            const ratio = devicePixelRatio;
            let best = null, distance = 8;
            const slack = 8 / scale.width * (scale.to - scale.from);
            for (const s of model.shown()) {
                const { dots, failures: lost } = model.streams[s];
                const from = Data.lower(dots.due, scale.ns(px) - slack), to = Data.lower(dots.due, scale.ns(px) + slack);
                for (let i = from; i < to && to - from < 20000; i++) {
                    const d = Math.hypot(scale.x(dots.due[i]) - px, y(u, dots.level[i]) / ratio - py);
                    if (d < distance) [best, distance] = [{ stream: s, dot: i }, d];
                }
                if (py > u.bbox.top / ratio + STRIP) continue;
                for (let i = Data.lower(lost.due, scale.ns(px) - slack); i < lost.due.length && lost.due[i] < scale.ns(px) + slack; i++) {
                    const d = Math.abs(scale.x(lost.due[i]) - px);
                    if (d < distance) [best, distance] = [{ stream: s, failure: i }, d];
                }
            }
            return best;
        }
        return { u, draw: () => u.setData([[scale.from / 1e9, scale.to / 1e9], [null, null]]), at, dense };
    }

    return { traffic, latency, bands, colour, forget, streamColour, font };
})();
