// Runs one image at a time, while the page is idle.

import { largestPaint } from "./largest-paint.js";

/** A busy page delays an image by at most this. */
const IDLE_TIMEOUT_MS = 2000;

/** Delay in browsers without requestIdleCallback. */
const PAUSE_MS = 200;

const waiting = [];
let running = false;

/**
 * Runs `work` when it is its turn; images nearest to the viewport go first.
 *
 * @template T
 * @param {() => Promise<T>} work
 * @param {{ signal: AbortSignal, img: HTMLImageElement }} options aborting removes it from the queue
 * @returns {Promise<T>}
 */
export function enqueue(work, { signal, img }) {
  return new Promise((resolve, reject) => {
    const entry = { img, run: () => work().then(resolve, reject) };
    waiting.push(entry);
    const leave = () => {
      const place = waiting.indexOf(entry);
      if (place >= 0) waiting.splice(place, 1);
      reject(signal.reason);
    };
    signal.addEventListener("abort", leave, { once: true });
    if (!running) run();
  });
}

async function run() {
  running = true;
  await largestPaint();
  while (waiting.length > 0) {
    await idle();
    // The queue may be empty by now.
    await nearest()?.run();
  }
  running = false;
}

function nearest() {
  if (waiting.length === 0) return null;
  const distances = waiting.map(({ img }) => distance(img.getBoundingClientRect()));
  const [entry] = waiting.splice(distances.indexOf(Math.min(...distances)), 1);
  return entry;
}

/** Distance above or below the viewport, in CSS pixels. */
const distance = ({ top, bottom }) => Math.max(0, -bottom, top - innerHeight);

const idle = () =>
  new Promise((resolve) => {
    if (globalThis.requestIdleCallback) requestIdleCallback(resolve, { timeout: IDLE_TIMEOUT_MS });
    else setTimeout(resolve, PAUSE_MS);
  });
