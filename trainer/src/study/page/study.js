// Grades for pictures that are shown alone, blind and in random order.
//
// `plan.js` defines STUDY, `order.js` the order in which a rater sees it. All that a rater does is kept
// in localStorage under the study's name, and saved as a file in the end.
//
// Hooks that tests may rely on: the ids in the page, data-grade, aria-busy of #rate, drawOrder.

"use strict";

/** Grades that come faster are slips of the finger: nobody has seen the picture. */
const BLIND_MS = 150;

const $ = (id) => document.getElementById(id);
const sections = ["start", "ready", "pause", "end", "rate"];
const grades = [...document.querySelectorAll("[data-grade]")];
const keptAs = () => `uprez-study-${STUDY.id}`;

/** { rater, started, finished, step, ready, saved, order, answers }; steps count calibrations first. */
let state = null;

/** The picture that is looked at, and since when; null while there is none. */
let shown = null;

/** Pictures on their way, by version. */
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
  if (!state) turnTo("start");
  else if (finished()) turnTo("end");
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
  for (const button of document.querySelectorAll(".other")) button.addEventListener("click", forget);
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

/** A window that moves to another screen may keep its size and change its pixels. */
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

// What is shown -----------------------------------------------------------------------------------

/** Shows one section and hides the others. */
function turnTo(id) {
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

/** How many pictures lie before this one; negative in calibration. */
function place() {
  return state.step - STUDY.calibration.length;
}

/** Goes to where the rater is. */
function go() {
  if (finished()) return turnTo("end");
  if (place() === 0 && !state.ready) return turnTo("ready");
  if ($("rate").hidden) turnTo("rate");
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
    fail(`The picture ${version}.png cannot be shown. Is the folder complete? Your grades are kept: reload the page.`);
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
  }, BLIND_MS);
}

function describe(calibration) {
  const [done, all] = calibration ? [state.step, STUDY.calibration.length] : [place(), state.order.length];
  $("place").textContent = `${calibration ? "Calibration" : "Picture"} ${done + 1} of ${all}`;
  $("progress").max = all;
  $("progress").value = done;
  const extreme = calibration?.grade === 1 ? "the worst" : "the best";
  $("question").textContent = calibration
    ? `This is a ${calibration.grade}: ${extreme} that you will see. Look at it, then press ${calibration.grade}.`
    : "How good does this picture look?";
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
    image.alt = "The picture to grade";
    image.src = `pictures/${version}.png`;
    loading.set(version, image.decode().then(() => image));
  }
  return loading.get(version);
}

/** Fetches the next picture, and lets go of those that are over. */
function preload() {
  const versions = [...STUDY.calibration.map(({ version }) => version), ...state.order];
  const near = versions.slice(Math.max(0, state.step - 1), state.step + 3);
  for (const version of loading.keys()) if (!near.includes(version)) loading.delete(version);
  // If it fails now, it will say so when its turn comes.
  for (const version of near) load(version).catch(() => loading.delete(version));
}

/** A whole number of the screen's pixels for every pixel, and as near to the usual size as fits. */
function fit() {
  const image = $("stage").firstElementChild;
  if (!image) return;
  const ratio = devicePixelRatio;
  const { left, top } = $("stage").getBoundingClientRect();
  const room = [$("stage").clientWidth, $("stage").clientHeight];
  const sides = [image.naturalWidth, image.naturalHeight];
  let zoom = Math.max(1, Math.round(ratio));
  while (zoom > 1 && sides.some((side, i) => zoom * side > room[i] * ratio)) zoom -= 1;
  // In the middle, but between two of the screen's pixels it would be resampled.
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
  $("so-far").textContent = `${answered()} of ${state.order.length} pictures`;
  $("save-part").disabled = answered() === 0;
  turnTo("pause");
}

// What the rater does -----------------------------------------------------------------------------

function give(grade) {
  if (!shown || performance.now() - shown.since < BLIND_MS) return;
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

/** By one only: who has seen more should not grade what was before anew. */
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
  $("saved").textContent = `Saved as ${link.download}, where this browser puts downloads.`;
}

function forget() {
  const lost = !state.saved && answered() > 0;
  if (lost && !confirm("Your grades are not saved yet. Throw them away?")) return;
  state = null;
  shown = null;
  keep();
  $("rater").value = "";
  turnTo("start");
}

// What is kept ------------------------------------------------------------------------------------

function keep() {
  try {
    if (state) localStorage.setItem(keptAs(), JSON.stringify(state));
    else localStorage.removeItem(keptAs());
  } catch {
    $("kept").hidden = true;
    for (const note of document.querySelectorAll(".forgetful")) note.hidden = false;
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
