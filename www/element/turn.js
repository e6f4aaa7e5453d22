// One picture at a time, when the page has nothing better to do.

import { largestPaint } from "./paint.js";

/** Even a busy page is idle at last. */
const IDLE_TIMEOUT_MS = 2000;

/** Where nobody tells when the page is idle. */
const PAUSE_MS = 200;

const waiting = [];
let running = false;

/**
 * Does some work in its turn; pictures nearest to the window go first.
 *
 * @template T
 * @param {() => Promise<T>} work
 * @param {{ signal: AbortSignal, img: HTMLImageElement }} options aborting ends the waiting
 * @returns {Promise<T>}
 */
export function takeTurn(work, { signal, img }) {
  return new Promise((resolve, reject) => {
    const turn = { img, run: () => work().then(resolve, reject) };
    waiting.push(turn);
    const leave = () => {
      const place = waiting.indexOf(turn);
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
    // Who was first may have left.
    await nearest()?.run();
  }
  running = false;
}

function nearest() {
  if (waiting.length === 0) return null;
  const distances = waiting.map(({ img }) => distance(img.getBoundingClientRect()));
  const [turn] = waiting.splice(distances.indexOf(Math.min(...distances)), 1);
  return turn;
}

/** How far above or below the window something is, in pixels. */
const distance = ({ top, bottom }) => Math.max(0, -bottom, top - innerHeight);

const idle = () =>
  new Promise((resolve) => {
    if (globalThis.requestIdleCallback) requestIdleCallback(resolve, { timeout: IDLE_TIMEOUT_MS });
    else setTimeout(resolve, PAUSE_MS);
  });
