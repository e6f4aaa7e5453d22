// Draw a digit: it is reduced to 10×10 pixels, and a small network restores it.
//
// Hooks that tests may rely on: #pad, #shadow, #guess, #clear, #example, #status, #error.

import { followUpdates } from "./app/follow-updates.js";
import { translated, translatePage } from "./app/words.js";
import { load } from "./lib/uprez.js";

/** Sides of MNIST's digits, and of their reduced version. */
const DIGIT_PX = 28;
const SHADOW_PX = 10;

followUpdates();
translatePage();

const $ = (id) => document.getElementById(id);
const pad = $("pad").getContext("2d", { willReadFrequently: true });

/** Strokes of example digits, in pixels of the pad. */
const EXAMPLES = [
  [[[80, 70], [200, 70], [130, 230]]],
  [[[85, 95], [110, 60], [165, 60], [190, 95], [170, 140], [85, 225], [200, 225]]],
  [[[180, 60], [90, 165], [205, 165]], [[165, 120], [165, 235]]],
];
let nextExample = 0;

/** Number of the current drawing: results of older ones are dropped. */
let drawing = 0;

clear();
const ready = load("mnist", { engine: "cpu" });
ready.then(() => say(translated("Draw a digit, with the mouse or a finger.")), fail);
say(translated("Loading the network …"));
watch();

function watch() {
  let last = null;
  const place = (event) => {
    const { left, top, width } = $("pad").getBoundingClientRect();
    const scale = pad.canvas.width / width;
    return [(event.clientX - left) * scale, (event.clientY - top) * scale];
  };
  $("pad").addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    $("pad").setPointerCapture(event.pointerId);
    last = place(event);
    line(last, last);
  });
  $("pad").addEventListener("pointermove", (event) => {
    if (!last) return;
    const now = place(event);
    line(last, now);
    last = now;
  });
  for (const end of ["pointerup", "pointercancel"]) {
    $("pad").addEventListener(end, () => {
      if (last) guess();
      last = null;
    });
  }
  $("clear").addEventListener("click", () => {
    clear();
    say(translated("Draw a digit, with the mouse or a finger."));
  });
  $("example").addEventListener("click", () => {
    clear();
    for (const stroke of EXAMPLES[nextExample]) {
      stroke.slice(1).forEach((point, i) => line(stroke[i], point));
    }
    nextExample = (nextExample + 1) % EXAMPLES.length;
    guess();
  });
}

function clear() {
  drawing += 1;
  for (const id of ["pad", "shadow", "guess"]) {
    const context = $(id).getContext("2d");
    context.fillStyle = "#000";
    context.fillRect(0, 0, context.canvas.width, context.canvas.height);
  }
}

function line(from, to) {
  pad.strokeStyle = "#fff";
  pad.lineWidth = 22;
  pad.lineCap = "round";
  pad.lineJoin = "round";
  pad.beginPath();
  pad.moveTo(...from);
  pad.lineTo(...to);
  pad.stroke();
}

/** Shows the reduced drawing, and the network's output. */
async function guess() {
  const mine = ++drawing;
  say(translated("Computing …"));
  const side = pad.canvas.width;
  const { data } = pad.getImageData(0, 0, side, side);
  const drawn = Float32Array.from({ length: side * side }, (_, i) => data[4 * i] / 255);
  const digit = resize(drawn, side, DIGIT_PX);
  const shadow = resize(digit, DIGIT_PX, SHADOW_PX);
  $("shadow").getContext("2d").putImageData(grey(shadow, SHADOW_PX), 0, 0);
  try {
    const upscaler = await ready;
    const image = await upscaler.upscale(grey(resize(shadow, SHADOW_PX, DIGIT_PX), DIGIT_PX));
    if (mine !== drawing) return;
    $("guess").getContext("2d").putImageData(image, 0, 0);
    say(translated("This is the network's result. Continue drawing, or clear."));
  } catch (error) {
    fail(error);
  }
}

/** Resizes a square plane bilinearly, with antialiasing when it shrinks, as in training. */
function resize(values, from, to) {
  const scale = Math.min(1, to / from);
  const taps = Array.from({ length: to }, (_, i) => {
    const centre = ((i + 0.5) * from) / to - 0.5;
    const found = [];
    for (let j = Math.ceil(centre - 1 / scale); j <= centre + 1 / scale; j++) {
      const weight = 1 - scale * Math.abs(j - centre);
      if (weight > 0) found.push([j < 0 ? -1 - j : j >= from ? 2 * from - 1 - j : j, weight]);
    }
    const sum = found.reduce((total, [, weight]) => total + weight, 0);
    return found.map(([j, weight]) => [j, weight / sum]);
  });
  const along = (value) => taps.map((tap) => tap.reduce((sum, [j, weight]) => sum + weight * value(j), 0));
  const rows = Array.from({ length: from }, (_, y) => along((x) => values[y * from + x]));
  const columns = Array.from({ length: to }, (_, x) => along((y) => rows[y][x]));
  return Float32Array.from({ length: to * to }, (_, i) => columns[i % to][Math.floor(i / to)]);
}

function grey(values, side) {
  const image = new ImageData(side, side);
  values.forEach((value, i) => image.data.set([255 * value, 255 * value, 255 * value, 255], 4 * i));
  return image;
}

function say(text) {
  $("status").textContent = text;
}

function fail(error) {
  $("error").textContent = translated(`The network cannot be loaded: ${error.message}.`);
  $("error").hidden = false;
  say("");
}
