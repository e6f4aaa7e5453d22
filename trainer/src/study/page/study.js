// Shows images one at a time, blind and in random order, and collects grades.
//
// `plan.js` defines STUDY, and `order.js` the order of its versions. The rater's progress is kept in
// localStorage under the study's name, and saved as a file at the end.
//
// Tests rely on the ids in the page, data-grade, aria-busy of #rate, and drawOrder.

"use strict";

/** Grades that are given sooner are ignored, because the rater cannot have seen the image yet. */
const IGNORE_MS = 150;

const $ = (id) => document.getElementById(id);
const sections = ["start", "ready", "pause", "end", "rate"];
const grades = [...document.querySelectorAll("[data-grade]")];
const keptAs = () => `uprez-study-${STUDY.id}`;

/** { rater, started, finished, step, ready, saved, order, answers }; the first steps are calibrations. */
let state = null;

/** The time at which the image was shown; null while none is shown. */
let shown = null;

/** Promises of images, by version. */
const loading = new Map();

if (typeof STUDY === "undefined") fail("The file plan.js is missing: is the folder complete?");
else begin();

function begin() {
  document.title = STUDY.title;
  $("title").textContent = STUDY.title;
  $("count").textContent = STUDY.pictures.flat().length + STUDY.repeats;
  $("rater").value = new URLSearchParams(location.search).get("rater") ?? "";
  state = recall();
  watch();
  if (!state) showSection("start");
  else if (finished()) showSection("end");
  else pause();
}

function watch() {
  $("begin").addEventListener("submit", (event) => {
    event.preventDefault();
    enter($("rater").value.trim());
  });
  $("rest").addEventListener("click", () => {
    state.ready = true;
    keep();
    go();
  });
  $("stop").addEventListener("click", pause);
  $("resume").addEventListener("click", go);
  $("back").addEventListener("click", back);
  $("back-from-end").addEventListener("click", back);
  $("save").addEventListener("click", save);
  $("save-part").addEventListener("click", save);
  for (const button of document.querySelectorAll(".other")) button.addEventListener("click", clear);
  for (const button of grades) {
    button.addEventListener("click", () => give(Number(button.dataset.grade)));
  }
  addEventListener("keydown", (event) => {
    if ($("rate").hidden || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^[1-5]$/.test(event.key)) give(Number(event.key));
    else if (event.key === "Backspace") back();
    else return;
    event.preventDefault();
  });
  new ResizeObserver(fit).observe($("stage"));
  watchRatio();
}

/** A window that moves to another screen may keep its size but change its pixel ratio. */
function watchRatio() {
  const changed = () => {
    fit();
    watchRatio();
  };
  matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener("change", changed, { once: true });
}

function enter(rater) {
  if (!rater) return;
  const started = new Date().toISOString();
  state = { rater, started, finished: started, step: 0, ready: false, saved: false, order: drawOrder(rater), answers: [] };
  keep();
  go();
}

// Showing -----------------------------------------------------------------------------------------

/** Shows one section and hides the others. */
function showSection(id) {
  for (const other of sections) $(other).hidden = other !== id;
  document.documentElement.classList.toggle("rating", id === "rate");
  $("saved").textContent = "";
  if (id === "rate") document.activeElement?.blur();
  else $(id).querySelector("h1").focus();
}

function finished() {
  return answered() === state.order.length && place() === state.order.length;
}

function answered() {
  return state.answers.length;
}

/** The number of images before this one; negative during calibration. */
function place() {
  return state.step - STUDY.calibration.length;
}

/** Shows the section or the image of the current step. */
function go() {
  if (finished()) return showSection("end");
  if (place() === 0 && !state.ready) return showSection("ready");
  if ($("rate").hidden) showSection("rate");
  show();
}

async function show() {
  const calibration = STUDY.calibration[state.step];
  const step = state.step;
  const version = calibration?.version ?? state.order[place()];
  shown = null;
  $("rate").ariaBusy = "true";
  describe(calibration);
  let image;
  try {
    image = await load(version);
  } catch {
    loading.delete(version);
    fail(`The image ${version}.png cannot be shown. Is the folder complete? Your grades are kept: reload the page.`);
    return;
  }
  if (step !== state?.step || $("rate").hidden) return;
  $("stage").replaceChildren(image);
  $("stage").scrollTo(0, 0);
  fit();
  shown = { since: performance.now() };
  preload();
  setTimeout(() => {
    if (step === state?.step && shown) $("rate").ariaBusy = "false";
  }, IGNORE_MS);
}

function describe(calibration) {
  const [done, all] = calibration ? [state.step, STUDY.calibration.length] : [place(), state.order.length];
  $("place").textContent = `${calibration ? "Calibration" : "Image"} ${done + 1} of ${all}`;
  $("progress").max = all;
  $("progress").value = done;
  const extreme = calibration?.grade === 1 ? "the worst" : "the best";
  $("question").textContent = calibration
    ? `This is a ${calibration.grade}: ${extreme} quality that you will see. Look at it, then press ${calibration.grade}.`
    : "How good does this image look?";
  const before = calibration ? undefined : state.answers[place()]?.grade;
  for (const button of grades) {
    const grade = Number(button.dataset.grade);
    button.disabled = Boolean(calibration) && grade !== calibration.grade;
    button.ariaPressed = String(grade === before);
  }
  $("back").disabled = !mayGoBack();
}

function load(version) {
  if (!loading.has(version)) {
    const image = new Image();
    image.alt = "The image to grade";
    image.src = `pictures/${version}.png`;
    loading.set(version, image.decode().then(() => image));
  }
  return loading.get(version);
}

/** Loads the next images, and releases earlier ones. */
function preload() {
  const versions = [...STUDY.calibration.map(({ version }) => version), ...state.order];
  const near = versions.slice(Math.max(0, state.step - 1), state.step + 3);
  for (const version of loading.keys()) if (!near.includes(version)) loading.delete(version);
  // A failure is reported when the image is shown.
  for (const version of near) load(version).catch(() => loading.delete(version));
}

/** Sizes the image so that each pixel covers a whole number of screen pixels. */
function fit() {
  const image = $("stage").firstElementChild;
  if (!image) return;
  const ratio = devicePixelRatio;
  const { left, top } = $("stage").getBoundingClientRect();
  const room = [$("stage").clientWidth, $("stage").clientHeight];
  const sides = [image.naturalWidth, image.naturalHeight];
  let zoom = Math.max(1, Math.round(ratio));
  while (zoom > 1 && sides.some((side, i) => zoom * side > room[i] * ratio)) zoom -= 1;
  // Centred, but aligned to screen pixels, so that the image is not resampled.
  const [x, y] = [left, top].map((start, i) => {
    const middle = Math.round((start + room[i] / 2) * ratio - (zoom * sides[i]) / 2);
    return Math.max(middle, Math.ceil(start * ratio)) / ratio - start;
  });
  image.style.width = `${(zoom * sides[0]) / ratio}px`;
  image.style.height = `${(zoom * sides[1]) / ratio}px`;
  image.style.margin = `${y}px 0 0 ${x}px`;
}

function pause() {
  $("who").textContent = state.rater;
  $("so-far").textContent = `${answered()} of ${state.order.length} images`;
  $("save-part").disabled = answered() === 0;
  showSection("pause");
}

// Rating ------------------------------------------------------------------------------------------

function give(grade) {
  if (!shown || performance.now() - shown.since < IGNORE_MS) return;
  const calibration = STUDY.calibration[state.step];
  if (calibration && calibration.grade !== grade) return;
  if (!calibration) {
    const seconds = Math.round(performance.now() - shown.since) / 1000;
    state.answers[place()] = { grade, seconds };
    state.finished = new Date().toISOString();
    state.saved = false;
  }
  shown = null;
  state.step += 1;
  keep();
  go();
}

/** Only the last grade can be changed: later images might influence an earlier grade. */
function mayGoBack() {
  return place() > 0 && place() === answered();
}

function back() {
  if (!mayGoBack()) return;
  state.step -= 1;
  keep();
  go();
}

function save() {
  const { rater, started, finished, order, answers } = state;
  const ratings = { format: STUDY.ratings_format, study: STUDY.id, rater, started, finished, order, answers };
  const link = document.createElement("a");
  link.download = `ratings-${rater.replace(/[^\p{L}\p{N}]+/gu, "-")}-${STUDY.id}.json`;
  link.href = URL.createObjectURL(new Blob([JSON.stringify(ratings, null, 1)], { type: "application/json" }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  state.saved = true;
  keep();
  $("saved").textContent = `Saved as ${link.download} in this browser's downloads.`;
}

function clear() {
  const lost = !state.saved && answered() > 0;
  if (lost && !confirm("Your grades are not saved yet. Delete them?")) return;
  state = null;
  shown = null;
  keep();
  $("rater").value = "";
  showSection("start");
}

// Storage -----------------------------------------------------------------------------------------

function keep() {
  try {
    if (state) localStorage.setItem(keptAs(), JSON.stringify(state));
    else localStorage.removeItem(keptAs());
  } catch {
    $("kept").hidden = true;
    for (const note of document.querySelectorAll(".not-kept")) note.hidden = false;
  }
}

function recall() {
  try {
    const kept = JSON.parse(localStorage.getItem(keptAs()));
    return Array.isArray(kept?.order) && Array.isArray(kept.answers) ? kept : null;
  } catch {
    return null;
  }
}

function fail(text) {
  for (const id of sections) $(id).hidden = true;
  document.documentElement.classList.remove("rating");
  $("error").textContent = text;
  $("error").hidden = false;
}
