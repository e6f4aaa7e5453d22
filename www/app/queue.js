// The pictures, one after the other: first each is looked at, then each is upscaled.

import { header } from "../lib/image-header.js";
import { inspect } from "./worker.js";
import { Item } from "./item.js";

/** Where a result says its sides. */
const HEADER_BYTES = 1 << 16;

/**
 * Fires `added` and `removed` with the picture as `detail`, and `change` when what has to be done has changed.
 */
export class Queue extends EventTarget {
  /** @type {Item[]} */
  items = [];
  /** Whether pictures that wait are begun with. */
  running = true;
  #models;
  #settings;
  #looking = false;
  #working = false;

  constructor(models, settings) {
    super();
    this.#models = models;
    this.#settings = settings;
    this.running = settings.now.auto;
  }

  /** Adds files, and returns the first one's item. */
  add(files) {
    const added = files.map((file) => new Item(file));
    for (const item of added) {
      this.items.push(item);
      item.addEventListener("change", () => this.#say("change"));
      this.#say("added", item);
    }
    if (!this.#settings.now.auto && !this.#working) this.running = false;
    this.#say("change");
    this.#look();
    return added[0];
  }

  remove(item) {
    this.cancel(item);
    this.items = this.items.filter((other) => other !== item);
    this.#say("removed", item);
    this.#say("change");
  }

  cancel(item) {
    if (!item.pending) return;
    item.controller?.abort();
    item.update({ state: "cancelled", error: null });
  }

  /** Once more: after an error, after cancelling, or with other settings. */
  retry(item) {
    if (item.pending) return;
    item.update({ state: "reading", error: null, estimate: null });
    this.start();
    this.#look();
  }

  /** Begins with those that wait. */
  start() {
    this.running = true;
    this.#say("change");
    this.#work();
  }

  /** Begins with no further one. */
  pause() {
    this.running = false;
    this.#say("change");
  }

  /** Looks anew at what other settings may have changed for pictures that are not begun. */
  reconsider() {
    for (const item of this.items) {
      const isTooLarge = item.state === "failed" && item.error.code === "too-large";
      if (isTooLarge || item.state === "waiting") item.update({ state: "reading", error: null, estimate: null });
    }
    if (!this.#working) this.#models.release();
    this.#look();
  }

  /** Sizes and expected times, one picture at a time, so that one at most is decoded. */
  async #look() {
    if (this.#looking) return;
    this.#looking = true;
    for (let item = this.#first("reading"); item; item = this.#first("reading")) {
      await this.#lookAt(item);
      this.#work();
    }
    this.#looking = false;
  }

  async #lookAt(item) {
    const key = this.#settings.key;
    try {
      if (!item.seen) item.update({ seen: true, ...(await inspect(item.file)) });
      // What cannot be decoded for a thumbnail is refused in words, or done, when its turn comes.
      const estimate = item.size && (await this.#estimate(item.size));
      if (item.state === "reading" && key === this.#settings.key) item.update({ state: "waiting", estimate });
    } catch (error) {
      if (item.state !== "reading" || key !== this.#settings.key) return;
      if (error.code === "too-large") item.update({ state: "failed", error });
      else item.update({ state: "waiting" });
    }
  }

  async #estimate(size) {
    const upscaler = await this.#models.upscaler();
    return await upscaler.estimate(size, this.#settings.now.target);
  }

  async #work() {
    if (this.#working) return;
    this.#working = true;
    for (let item = this.#next(); item; item = this.#next()) {
      await this.#workOn(item);
      this.#models.release();
    }
    this.#working = false;
    this.#say("change");
  }

  async #workOn(item) {
    const controller = new AbortController();
    const { signal } = controller;
    item.update({ state: "working", progress: 0, left: item.estimate?.ms ?? null, controller });
    // Cancelled and begun anew: this is about the time before.
    const isOurs = () => item.controller === controller && item.state === "working";
    try {
      const result = await this.#upscale(item, signal, (fields) => isOurs() && item.update(fields));
      if (isOurs()) item.update({ state: "done", result, saved: false });
    } catch (error) {
      if (isOurs()) item.update({ state: "failed", error });
    }
  }

  async #upscale(item, signal, report) {
    const { key, now } = this.#settings;
    const upscaler = await this.#models.upscaler();
    signal.throwIfAborted();
    const start = performance.now();
    const onProgress = ({ done, total }) => {
      const spent = performance.now() - start;
      report({ progress: done / total, ...(done > 0 && { left: (spent / done) * (total - done) }) });
    };
    const { target, type, quality } = now;
    const blob = await upscaler.upscale(item.file, { ...target, as: "blob", type, quality, signal, onProgress });
    const ms = performance.now() - start;
    const { width, height } = header(new Uint8Array(await blob.slice(0, HEADER_BYTES).arrayBuffer()));
    const scale = item.size ? width / item.size.width : upscaler.info.scale;
    return { blob, width, height, ms, scale, key, engine: upscaler.engine, model: upscaler.info.name };
  }

  #next() {
    return this.running ? this.#first("waiting") : undefined;
  }

  #first(state) {
    return this.items.find((item) => item.state === state);
  }

  #say(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
