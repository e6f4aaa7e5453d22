// The choice of models, and the loaded upscalers.

import { importModel, load } from "../lib/uprez.js";
import { $, element, writeTerms } from "./dom.js";
import { save } from "./download.js";
import { about } from "./format.js";
import { suggestedPurpose } from "./probe.js";
import { PURPOSES, factorOf, modelFor } from "./purposes.js";
import { language, translated } from "./words.js";

/** Files of weights that other projects exchange, which are imported. */
const FOREIGN = /\.(pth|pt|ckpt|safetensors|onnx)$/i;

/** Whether a file's name is that of a model. */
export const isModelFile = ({ name }) => /\.bpk$/i.test(name) || FOREIGN.test(name);

/** Size of the image whose time is shown for an imported model. */
const MEGAPIXEL = { width: 1000, height: 1000 };

/** Upscalers that are kept: images of both purposes may alternate. */
const MAX_LOADED = 2;

/** The value of a user's model's option starts with this. */
const OWN = "own:";

export class Models {
  /** The shipped models. */
  #shipped = [];
  /** Model files of the user, by the value of their option. */
  #own = new Map();
  /** Those of them that were made of other projects' files. */
  #imported = new Set();
  /** Promises of upscalers by engine and model, the one that was used last at the end. */
  #loaded = new Map();
  #settings;

  constructor(settings) {
    this.#settings = settings;
    $("model-save").addEventListener("click", () => {
      const file = this.#own.get(this.#settings.now.model);
      save(file, file.name);
    });
  }

  /** Lists the purposes that the shipped models serve. */
  async list() {
    const response = await fetch(new URL("../models/index.json", import.meta.url));
    if (!response.ok) throw new Error(`status ${response.status}`);
    this.#shipped = await response.json();
    for (const [purpose, { title, description }] of Object.entries(PURPOSES)) addOption(purpose, title, description);
    this.describe();
  }

  /**
   * The upscaler for an image, by the current settings. Older ones are freed by `release`.
   *
   * @param {import("./item.js").Item} item
   */
  upscaler(item) {
    const { engine } = this.#settings.now;
    const model = this.#modelFor(item);
    const key = `${engine} ${model}`;
    const source = this.#own.get(model) ?? model;
    const promise = this.#loaded.get(key) ?? whileShowing((onDownload) => load(source, { engine, onDownload }));
    this.#use(key, promise);
    return promise;
  }

  #modelFor({ file, size, compressed, blocky }) {
    const { model, target } = this.#settings.now;
    if (this.#own.has(model)) return model;
    const bitsPerPixel = size ? (8 * file.size) / (size.width * size.height) : NaN;
    const purpose = model === "auto" ? suggestedPurpose(compressed, blocky, bitsPerPixel) : model;
    return modelFor(this.#shipped, purpose, factorOf(target, size));
  }

  /** Frees the upscalers of other engines, and all others but the last; call this when none is in use. */
  release() {
    const engine = `${this.#settings.now.engine} `;
    for (const key of [...this.#loaded.keys()].filter((key) => !key.startsWith(engine))) this.#drop(key);
    for (const key of [...this.#loaded.keys()].slice(0, -MAX_LOADED)) this.#drop(key);
  }

  /**
   * Adds a model file of the user, or one that is made of another project's file; selects it, and returns its metadata.
   */
  async add(file) {
    const { engine } = this.#settings.now;
    const isForeign = FOREIGN.test(file.name);
    const value = `${OWN}${file.name}:${file.lastModified}`;
    const key = `${engine} ${value}`;
    let record = this.#own.get(value) ?? file;
    if (isForeign && record === file) record = await whileShowing((onDownload) => importFile(file, onDownload));
    const upscaler = await (this.#loaded.get(key) ?? load(record, { engine }));
    this.#own.set(value, record);
    if (isForeign) this.#imported.add(value);
    $("model").querySelector(`option[value="${CSS.escape(value)}"]`)?.remove();
    const { name, scale } = upscaler.info;
    const description = isForeign ? imported(upscaler.info) : translated(`Your model, from the file ${file.name}.`);
    const option = addOption(value, `${name} ×${scale}`, description, ownGroup());
    option.selected = true;
    this.#use(key, Promise.resolve(upscaler));
    this.describe();
    if (isForeign) this.#addTime(option, upscaler);
    return upscaler.info;
  }

  /** Adds to a model's description how long it takes. */
  async #addTime(option, upscaler) {
    try {
      const { ms } = await upscaler.estimate(MEGAPIXEL);
      option.dataset.description += ` ${translated(`An image of one megapixel takes ${about(ms)} here.`)}`;
    } catch {
      // The model was replaced meanwhile, or fails; images will tell.
    }
    this.describe();
  }

  /** Shows the description and metadata of the selected model. */
  async describe() {
    $("model-description").textContent = $("model").selectedOptions[0]?.dataset.description ?? "";
    const { model, engine } = this.#settings.now;
    $("model-save").hidden = !this.#imported.has(model);
    // Of the shipped ones, the last that was used.
    const shown = (key) => (this.#own.has(model) ? key === `${engine} ${model}` : !key.includes(` ${OWN}`));
    const key = [...this.#loaded.keys()].findLast(shown);
    const upscaler = await this.#loaded.get(key)?.catch(() => null);
    $("model-details").hidden = !upscaler;
    if (upscaler) showDetails(upscaler.info);
  }

  /** Puts an upscaler at the end of those that are kept. */
  #use(key, promise) {
    this.#loaded.delete(key);
    this.#loaded.set(key, promise);
    promise.then(
      () => this.describe(),
      // So that the next call retries.
      () => this.#loaded.get(key) === promise && this.#loaded.delete(key),
    );
  }

  #drop(key) {
    this.#loaded.get(key)?.then((upscaler) => upscaler.dispose(), () => {});
    this.#loaded.delete(key);
  }
}

function addOption(value, title, description, list = $("model")) {
  const option = new Option(title, value);
  option.dataset.description = description;
  list.append(option);
  return option;
}

/** The group of the user's models in the list. */
function ownGroup() {
  const group = $("model").querySelector("optgroup") ?? element("optgroup", { label: translated("Your models") });
  $("model").append(group);
  return group;
}

/** A model file that is made of another project's file. */
async function importFile(file, onDownload) {
  const record = await importModel(file, { onDownload });
  return new File([record], file.name.replace(FOREIGN, ".bpk"), { lastModified: file.lastModified });
}

/** What an imported model is. */
function imported({ network, parameters, scale, origin }) {
  const { file } = origin.imported;
  return translated(`Imported from ${file}: network ${network.kind}, ×${scale}, ${count(parameters)} parameters.`);
}

/** Shows the progress of a download. Later ones, while images are upscaled, are small. */
async function whileShowing(work) {
  const bar = $("download-progress");
  let isOver = false;
  const show = ({ loaded, total }) => {
    bar.hidden = isOver;
    if (total > 0) Object.assign(bar, { max: total, value: loaded });
  };
  try {
    return await work(show);
  } finally {
    isOver = true;
    bar.hidden = true;
  }
}

/** Shows a model file's metadata. Values of an unexpected type are left out. */
function showDetails(info) {
  const { kind, ...rest } = object(info.network);
  const { steps, data, commit, seed, imported } = object(info.origin);
  const { file, sha256, credit, licence } = object(imported);
  const training = { Data: texts(data), Steps: count(steps), Seed: count(seed), Commit: text(commit) };
  writeTerms($("model-terms"), {
    Name: text(info.name),
    Network: text(kind),
    Configuration: parts(rest),
    Parameters: count(info.parameters),
    Scales: info.scales.map((scale) => `×${scale}`).join(", "),
    "Trained for": text(info.degradation),
    ...(file ? {} : training),
    "Imported from": text(file),
    "SHA-256": text(sha256),
    Credit: text(credit),
    Licence: text(licence ?? info.licence ?? info.license),
  });
  showScores(list(info.scores).map(object));
}

const object = (value) => (value && typeof value === "object" && !Array.isArray(value) ? value : {});
const list = (value) => (Array.isArray(value) ? value : []);
const text = (value) => (typeof value === "string" ? value : undefined);
const texts = (value) => list(value).filter(text).join(", ") || undefined;
const count = (value) => (typeof value === "number" ? value.toLocaleString(language) : undefined);
const decimal = (value, digits) => (typeof value === "number" ? value.toFixed(digits) : "");

/** A network's configuration: `width 16; kernels px 9, 1, 5`. The steps of a network of the kind `graph` are left out. */
function parts({ scale, steps, ...network }) {
  const words = (value) => (Array.isArray(value) ? value.join(", ") : value);
  return Object.entries(network)
    .map(([name, value]) => `${name.replaceAll("_", " ")} ${words(value)}`)
    .join("; ");
}

function showScores(scores) {
  $("model-scores").hidden = scores.length === 0;
  const cell = (text) => element("td", { textContent: text });
  const rows = scores.map((score) =>
    element(
      "tr",
      {},
      element("th", { scope: "row", textContent: text(score.set) ?? "" }),
      cell(decimal(score.psnr_y, 2)),
      cell(decimal(score.ssim_y, 4)),
      cell(decimal(score.bicubic_psnr_y, 2)),
      cell(decimal(score.bicubic_ssim_y, 4)),
    ),
  );
  $("model-scores").querySelector("tbody").replaceChildren(...rows);
}
