// The page: choosing a picture, upscaling it, and showing what came of it.
//
// Hooks that tests may rely on: #file, #drop, #model, #engine, #cancel, #progress, #status
// (aria-live), #error, #result, #compare with #before, #after and #divider (role=slider),
// #download, #facts. While there is work to do, <body> has the attribute data-busy.

import { load } from "./uprez.js";
import { Comparison } from "./compare.js";

/** What people are told. */
const ENGINES = { webgpu: "WebGPU", cpu: "CPU", "burn-webgpu": "WebGPU (Burn)", "burn-cpu": "CPU (Burn)" };

const $ = (id) => document.getElementById(id);
const comparison = new Comparison($("compare"), $("divider"));

/** Models that were dropped in, by the value of their option. */
const ownModels = new Map();
/** The upscaler for the settings that were used last. */
let loaded = { key: null, upscaler: null };
/** What ends the work that is under way. */
let controller = null;
let downloadUrl = null;

await listModels();
watchInputs();

async function listModels() {
  try {
    const response = await fetch(new URL("./models/index.json", import.meta.url));
    if (!response.ok) throw new Error(`status ${response.status}`);
    for (const { name, title, description } of await response.json()) {
      addModel(name, title, description);
    }
  } catch (error) {
    fail(`The list of models cannot be read (${error.message}). Reload the page, or drop in a model file.`);
  }
  describeModel();
}

function addModel(value, title, description) {
  const option = new Option(title, value);
  option.dataset.description = description;
  $("model").add(option);
  return option;
}

function describeModel() {
  $("model-description").textContent = $("model").selectedOptions[0]?.dataset.description ?? "";
}

function watchInputs() {
  $("model").addEventListener("change", describeModel);
  $("file").addEventListener("change", () => {
    const [file] = $("file").files;
    // So that choosing the same file again is a change.
    $("file").value = "";
    if (file) take(file);
  });
  for (const button of document.querySelectorAll(".example")) {
    button.addEventListener("click", () => takeExample(button.dataset.src));
  }
  $("cancel").addEventListener("click", () => controller?.abort());

  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dragging");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dragging");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dragging");
    const [file] = event.dataTransfer.files;
    if (file) take(file);
    else fail("There was no file in what you dropped. Drop a picture from your computer.");
  });
  document.addEventListener("paste", (event) => {
    const [file] = event.clipboardData.files;
    if (file) take(file);
  });
}

async function takeExample(src) {
  try {
    const response = await fetch(src);
    if (!response.ok) throw new Error(`status ${response.status}`);
    const blob = await response.blob();
    await take(new File([blob], src.split("/").pop(), { type: blob.type }));
  } catch (error) {
    fail(`The example cannot be fetched (${error.message}). Are you offline?`);
  }
}

/** A file from anywhere: a model is remembered, a picture is upscaled. */
async function take(file) {
  if (file.name.endsWith(".bpk")) return takeModel(file);
  controller?.abort();
  controller = new AbortController();
  const { signal } = controller;
  begin();
  try {
    const upscaler = await upscalerForSettings(signal);
    signal.throwIfAborted();
    $("status").textContent = "Reading the picture …";
    const start = performance.now();
    const onProgress = ({ done, total }) => showProgress(done, total, start);
    const image = await upscaler.upscale(file, { signal, onProgress });
    await show(file, image, upscaler, performance.now() - start);
    signal.throwIfAborted();
    end("Done.");
  } catch (error) {
    // Another picture has taken over; it has the page now.
    if (controller?.signal !== signal) return;
    if (error.name === "AbortError") end("Cancelled.");
    else fail(sentence(error));
  }
}

async function takeModel(file) {
  const value = `own:${file.name}:${file.lastModified}`;
  begin();
  try {
    const upscaler = await load(file, { engine: $("engine").value });
    ownModels.set(value, file);
    $("model").querySelector(`option[value="${CSS.escape(value)}"]`)?.remove();
    const { name, scale, parameters } = upscaler.info;
    const option = addModel(
      value,
      `${name} ×${scale} (yours)`,
      `From ${file.name}: ${parameters.toLocaleString("en")} parameters, trained for ${upscaler.info.degradation}.`,
    );
    option.selected = true;
    describeModel();
    replaceLoaded(settingsKey(), upscaler);
    end(`The model ${name} is ready. Now choose a picture.`);
  } catch (error) {
    fail(sentence(error));
  }
}

const settingsKey = () => `${$("model").value} ${$("engine").value}`;

function replaceLoaded(key, upscaler) {
  loaded.upscaler?.dispose();
  loaded = { key, upscaler };
}

async function upscalerForSettings(signal) {
  const key = settingsKey();
  if (loaded.key !== key) {
    $("status").textContent = "Loading the model …";
    const model = ownModels.get($("model").value) ?? $("model").value;
    replaceLoaded(key, await load(model, { engine: $("engine").value, signal }));
  }
  return loaded.upscaler;
}

function begin() {
  $("error").hidden = true;
  $("work").hidden = false;
  $("progress").removeAttribute("value");
  document.body.dataset.busy = "";
}

function end(status) {
  $("work").hidden = true;
  $("status").textContent = status;
  delete document.body.dataset.busy;
}

function fail(message) {
  end("");
  $("error").textContent = message;
  $("error").hidden = false;
}

function sentence(error) {
  const text = error.message || String(error);
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}

function showProgress(done, total, start) {
  $("progress").max = total;
  $("progress").value = done;
  const left = (performance.now() - start) / Math.max(done, 1) * (total - done);
  const time = done > 0 ? `, ${duration(left)} left` : "";
  $("status").textContent = `${Math.round((100 * done) / total)} %${time}`;
}

function duration(ms) {
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 90_000) return `${Math.round(ms / 1000)} s`;
  return `${Math.round(ms / 60_000)} min`;
}

async function show(file, image, upscaler, ms) {
  const { scale, name } = upscaler.info;
  const after = $("after");
  after.width = image.width;
  after.height = image.height;
  after.getContext("2d").putImageData(image, 0, 0);

  // What the browser makes of the same picture, at the same size.
  const before = $("before");
  before.width = image.width;
  before.height = image.height;
  const original = await createImageBitmap(file);
  const context = before.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(original, 0, 0, image.width, image.height);
  original.close();

  $("compare").style.setProperty("--aspect", image.width / image.height);

  const size = (width, height) => `${width} × ${height}`;
  showFacts({
    "Size before": size(image.width / scale, image.height / scale),
    "Size now": size(image.width, image.height),
    Model: name,
    "Computed by": ENGINES[upscaler.engine],
    "Took": duration(ms),
  });
  $("result").hidden = false;
  // The picture matters now; the place to choose the next one steps back.
  document.body.classList.add("has-result");
  comparison.set(50);
  await offerDownload(file, scale);
}

function showFacts(facts) {
  const entries = Object.entries(facts).map(([term, text]) => {
    const entry = document.createElement("div");
    const dt = document.createElement("dt");
    const dd = document.createElement("dd");
    dt.textContent = term;
    dd.textContent = text;
    entry.append(dt, dd);
    return entry;
  });
  $("facts").replaceChildren(...entries);
}

async function offerDownload(file, scale) {
  const blob = await new Promise((resolve) => $("after").toBlob(resolve, "image/png"));
  if (!blob) throw new Error("the browser could not encode the result: it may be too large for a canvas");
  if (downloadUrl) URL.revokeObjectURL(downloadUrl);
  downloadUrl = URL.createObjectURL(blob);
  $("download").href = downloadUrl;
  $("download").download = file.name.replace(/\.[^.]*$/, "") + `-x${scale}.png`;
}
