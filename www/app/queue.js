// Processes the images one after the other: reads the size of each, then upscales each.

import { readHeader } from "../lib/image-header.js";
import { Item } from "./item.js";
import { inspect } from "./worker.js";

/** The size of a result is in this part of its file. */
const HEADER_BYTES = 1 << 16;

/**
 * Fires `added` and `removed` with the image as `detail`, and `change` when any image changes.
 */
export class Queue extends EventTarget {
  /** @type {Item[]} */
  items = [];
  /** Whether waiting images are started. */
  running = true;
  #models;
  #settings;
  #reading = false;
  #working = false;

  constructor(models, settings) {
    super();
    this.#models = models;
    this.#settings = settings;
    this.running = settings.now.auto;
  }

  /** Adds files, and returns the item of the first one. */
  add(files) {
    const added = files.map((file) => new Item(file));
    for (const item of added) {
      this.items.push(item);
      item.addEventListener("change", () => this.#fire("change"));
      this.#fire("added", item);
    }
    if (!this.#settings.now.auto && !this.#working) this.running = false;
    this.#fire("change");
    this.#readAll();
    return added[0];
  }

  remove(item) {
    this.cancel(item);
    this.items = this.items.filter((other) => other !== item);
    this.#fire("removed", item);
    this.#fire("change");
  }

  cancel(item) {
    if (!item.pending) return;
    item.controller?.abort();
    item.update({ state: "cancelled", error: null });
  }

  /** Upscales an image again: after an error, after cancelling, or with other settings. */
  retry(item) {
    if (item.pending) return;
    item.update({ state: "reading", error: null, estimate: null });
    this.start();
    this.#readAll();
  }

  /** Starts the waiting images. */
  start() {
    this.running = true;
    this.#fire("change");
    this.#work();
  }

  /** Starts no further image. */
  pause() {
    this.running = false;
    this.#fire("change");
  }

  /** Estimates waiting images again after the settings have changed. */
  reconsider() {
    for (const item of this.items) {
      const isTooLarge = item.state === "failed" && item.error.code === "too-large";
      if (isTooLarge || item.state === "waiting") item.update({ state: "reading", error: null, estimate: null });
    }
    if (!this.#working) this.#models.release();
    this.#readAll();
  }

  /** Reads sizes and estimates times, one image at a time, to decode one at most. */
  async #readAll() {
    if (this.#reading) return;
    this.#reading = true;
    for (let item = this.#first("reading"); item; item = this.#first("reading")) {
      await this.#read(item);
      this.#work();
    }
    this.#reading = false;
  }

  async #read(item) {
    const key = this.#settings.key;
    try {
      if (!item.seen) item.update({ seen: true, ...(await inspect(item.file)) });
      // An image that could not be decoded here may be upscaled all the same, by our own decoders.
      const estimate = item.size && (await this.#estimate(item));
      if (item.state === "reading" && key === this.#settings.key) item.update({ state: "waiting", estimate });
    } catch (error) {
      if (item.state !== "reading" || key !== this.#settings.key) return;
      if (error.code === "too-large") item.update({ state: "failed", error });
      else item.update({ state: "waiting" });
    }
  }

  async #estimate(item) {
    const upscaler = await this.#models.upscaler(item);
    const { target, type } = this.#settings.now;
    return await upscaler.estimate(item.size, { ...target, as: "blob", type });
  }

  async #work() {
    if (this.#working) return;
    this.#working = true;
    for (let item = this.#next(); item; item = this.#next()) {
      await this.#workOn(item);
      this.#models.release();
    }
    this.#working = false;
    this.#fire("change");
  }

  async #workOn(item) {
    const controller = new AbortController();
    const { signal } = controller;
    item.update({ state: "working", progress: 0, left: item.estimate?.ms ?? null, controller });
    // The image may have been cancelled and started again since.
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
    const upscaler = await this.#models.upscaler(item);
    signal.throwIfAborted();
    const start = performance.now();
    const onProgress = ({ done, total }) => {
      const spent = performance.now() - start;
      report({ progress: done / total, ...(done > 0 && { left: (spent / done) * (total - done) }) });
    };
    const onWarning = (warning) => item.warn(warning);
    const onTile = async (tile) => {
      // The tile has just been copied into the result: drawing it is a task of its own.
      await globalThis.scheduler?.yield?.();
      item.dispatchEvent(new CustomEvent("tile", { detail: tile }));
    };
    const { target, type, quality, metadata } = now;
    const options = { ...target, as: "blob", type, quality, metadata, signal, onProgress, onWarning, onTile };
    const blob = await upscaler.upscale(item.file, options);
    const ms = performance.now() - start;
    const { width, height } = readHeader(new Uint8Array(await blob.slice(0, HEADER_BYTES).arrayBuffer()));
    const scale = item.size ? width / item.size.width : upscaler.info.scale;
    return { blob, width, height, ms, scale, key, engine: upscaler.engine, model: upscaler.info.name };
  }

  #next() {
    return this.running ? this.#first("waiting") : undefined;
  }

  #first(state) {
    return this.items.find((item) => item.state === state);
  }

  #fire(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
