// The list of images, and the buttons for all of them.

import { card } from "./card.js";
import { $, write, writeFacts } from "./dom.js";
import { downloadAll } from "./download.js";
import { about, images, sentence } from "./format.js";
import { translated } from "./words.js";

export class List {
  #queue;
  #settings;
  #output;
  #entries = new Map();
  #states = new WeakMap();

  /**
   * @param {import("./folder-output.js").FolderOutput} output
   * @param {(item) => void} show displays an image in the viewer
   */
  constructor(queue, settings, output, show) {
    this.#output = output;
    output.addEventListener("change", () => this.#update());
    $("save-all").addEventListener("click", () => (output.name ? output.stop() : output.choose()));
    this.#queue = queue;
    this.#settings = settings;
    queue.addEventListener("added", ({ detail }) => this.#add(detail, show));
    queue.addEventListener("removed", ({ detail }) => this.#remove(detail));
    queue.addEventListener("change", () => this.#update());
    settings.addEventListener("change", () => this.#update());
    $("start").addEventListener("click", () => (queue.running ? queue.pause() : queue.start()));
    $("again").addEventListener("click", () => this.#outdated().forEach((item) => queue.retry(item)));
    $("download-all").addEventListener("click", () => this.#download());
    $("remove-all").addEventListener("click", () => [...queue.items].forEach((item) => queue.remove(item)));
  }

  /** Marks the image that the viewer shows. */
  mark(item) {
    for (const [other, entry] of this.#entries) {
      entry.querySelector(".card-show").setAttribute("aria-current", String(other === item));
    }
  }

  #add(item, show) {
    const entry = card(item, this.#queue, show);
    this.#entries.set(item, entry);
    $("images").append(entry);
    item.addEventListener("change", () => this.#announce(item));
  }

  #remove(item) {
    const entry = this.#entries.get(item);
    const hadFocus = entry.contains(document.activeElement);
    const next = entry.nextElementSibling ?? entry.previousElementSibling;
    entry.remove();
    this.#entries.delete(item);
    if (hadFocus) (next?.querySelector(".card-show") ?? $("file")).focus();
  }

  /** Tells screen readers when an image is done; not each step. */
  #announce(item) {
    if (this.#states.get(item) === item.state) return;
    this.#states.set(item, item.state);
    const { name, notice, error, state } = item;
    const say = (...sentences) => ($("status").textContent = sentences.join(" ").trim());
    if (state === "done") say(translated(`${name} is done.`), notice);
    if (state === "cancelled") say(translated(`${name} was cancelled.`));
    if (state === "failed") say(translated(`${name} failed.`), sentence(error));
  }

  #outdated() {
    return this.#queue.items.filter(({ state, result }) => state === "done" && result.key !== this.#settings.key);
  }

  #update() {
    const { items, running } = this.#queue;
    const pending = items.filter((item) => item.pending);
    const isAtWork = items.some(({ state }) => state === "reading" || state === "working");
    document.body.toggleAttribute("data-busy", isAtWork || (running && pending.length > 0));
    writeFacts($("summary"), summary(items, pending, running));
    $("overall").hidden = items.length < 2 || pending.length === 0;
    $("overall").max = items.length;
    $("overall").value = items.reduce((sum, item) => sum + share(item), 0);
    this.#offer(pending.length);
  }

  /** Shows the buttons that are of use. */
  #offer(pending) {
    const { items, running } = this.#queue;
    const outdated = this.#outdated().length;
    const results = items.filter(({ result }) => result).length;
    offer("start", !running || pending > 1 ? pending : 0, translated(running ? "Pause" : `Upscale ${images(pending)}`));
    offer("again", outdated, translated(`Redo ${images(outdated)} with these settings`));
    offer("download-all", results > 1, translated(`Download ${results} as zip`));
    const { isPossible, name } = this.#output;
    offer("save-all", isPossible && items.length > 1, translated(name ? `Stop saving to ${name}` : "Save to a folder"));
    offer("remove-all", items.length > 1, translated("Remove all"));
  }

  async #download() {
    $("download-all").disabled = true;
    try {
      await downloadAll(this.#queue.items.filter(({ result }) => result));
    } catch (error) {
      $("error").textContent = sentence(error);
      $("error").hidden = false;
    }
    $("download-all").disabled = false;
  }
}

function offer(id, isUseful, text) {
  $(id).hidden = !isUseful;
  write($(id), text);
}

/** The progress of an image, from 0 to 1. */
function share({ pending, state, progress }) {
  if (state === "working") return progress;
  return pending ? 0 : 1;
}

function summary(items, pending, running) {
  const failed = items.filter(({ state }) => state === "failed").length;
  const done = items.filter(({ state }) => state === "done").length;
  const parts = [translated(`${done} of ${items.length} done`)];
  if (failed > 0) parts.push(translated(`${failed} failed`));
  const left = pending.map((item) => item.left ?? item.estimate?.ms);
  if (left.length > 0 && left.every((ms) => ms !== undefined && ms !== null)) {
    const total = left.reduce((sum, ms) => sum + ms, 0);
    parts.push(translated(running ? `${about(total)} left` : `${about(total)} to do`));
  }
  return parts;
}
