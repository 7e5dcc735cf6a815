/* scale.js - the time that all panels show: one stretch of the run, and who wants to know of it. */
class Scale {
    constructor(end) {
        this.end = end;          /* ns */
        this.from = 0;
        this.to = end;
        this.left = 0;           /* px, of the plot within its panel */
        this.width = 1;
        this.listeners = [];
    }

    onchange(listener) {
        this.listeners.push(listener);
    }

    /* At least 2 us, and within the run. */
    set(from, to) {
        const least = 2e3;
        const length = Math.min(Math.max(to - from, least), this.end);
        const middle = (from + to) / 2;
        this.from = Math.min(Math.max(middle - length / 2, 0), this.end - length);
        this.to = this.from + length;
        for (const listener of this.listeners) listener();
    }

    all() {
        this.set(0, this.end);
    }

    /* FACTOR below 1 zooms in; what is at FIXED stays where it is. */
    zoom(factor, fixed = (this.from + this.to) / 2) {
        const length = Math.min(Math.max((this.to - this.from) * factor, 2e3), this.end);
        const share = (fixed - this.from) / (this.to - this.from);
        this.set(fixed - share * length, fixed + (1 - share) * length);
    }

    pan(share) {
        const step = (this.to - this.from) * share;
        this.set(this.from + step, this.to + step);
    }

    /* Pixels from the panel's left edge. */
    x(ns) {
        return this.left + (ns - this.from) / (this.to - this.from) * this.width;
    }

    ns(x) {
        return this.from + (x - this.left) / this.width * (this.to - this.from);
    }

    /* Round times within, about so many px apart, and how many decimals of a second they need. */
    ticks(px = 110) {
        const rough = (this.to - this.from) * px / Math.max(this.width, 1);
        const decade = 10 ** Math.floor(Math.log10(rough));
        const step = [1, 2, 5, 10].map(n => n * decade).find(n => n >= rough);
        const decimals = Math.min(Math.max(0, 9 - Math.floor(Math.log10(step) + 1e-9)), 9);
        const times = [];
        for (let n = Math.ceil(this.from / step); n * step <= this.to; n++) times.push(n * step);
        return { times, decimals, step };
    }
}
