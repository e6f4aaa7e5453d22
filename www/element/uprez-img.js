// <uprez-img>: an <img> of its own, or around one.

import { add, remove, renew } from "./watch.js";

const SOURCES = ["srcset", "src"];

/** What is the <img>'s business. */
const PASSED = [
  "alt",
  "crossorigin",
  "decoding",
  "fetchpriority",
  "height",
  "loading",
  "referrerpolicy",
  "sizes",
  "width",
  // Last, as it begins to load by them.
  ...SOURCES,
];

const OPTIONS = ["model", "engine", "budget"];

/** There is none on a server. */
const Base = globalThis.HTMLElement ?? class {};

export class UprezImg extends Base {
  static observedAttributes = [...PASSED, ...OPTIONS];

  #states = null;
  #img = null;
  /** The <img> that was made here, if any. */
  #own = null;
  #children = null;

  constructor() {
    super();
    this.#states = this.attachInternals?.().states ?? null;
  }

  /** The <img> that is shown, if there is one yet. */
  get img() {
    return this.#img;
  }

  connectedCallback() {
    this.#children ??= new MutationObserver(() => this.#adopt());
    this.#children.observe(this, { childList: true, subtree: true });
    this.#adopt();
  }

  disconnectedCallback() {
    // What is only moved is connected again at once.
    queueMicrotask(() => {
      if (this.isConnected) return;
      this.#children.disconnect();
      this.#release();
    });
  }

  attributeChangedCallback(name, before, value) {
    if (before === value) return;
    if (OPTIONS.includes(name)) return renew(this.#img);
    if (!this.#own) return this.isConnected && this.#adopt();
    this.#pass(name);
    if (SOURCES.includes(name)) renew(this.#img);
  }

  #adopt() {
    let img = this.querySelector("img");
    if (img && img === this.#img) return;
    this.#release();
    if (!img && SOURCES.some((name) => this.hasAttribute(name))) img = this.#make();
    if (!img) return;
    this.#img = img;
    add(img, (state) => this.#reflect(state));
  }

  #make() {
    this.#own = document.createElement("img");
    PASSED.forEach((name) => this.#pass(name));
    this.append(this.#own);
    return this.#own;
  }

  #release() {
    if (this.#img) remove(this.#img);
    this.#img = null;
  }

  #pass(name) {
    const value = this.getAttribute(name);
    if (value === null) this.#own.removeAttribute(name);
    else this.#own.setAttribute(name, value);
  }

  /** Tells style sheets: `:state(sharp)`, or by the attribute where browsers are older. */
  #reflect(state) {
    if (state) this.setAttribute("state", state);
    else this.removeAttribute("state");
    try {
      this.#states?.clear();
      if (state) this.#states?.add(state);
    } catch {
      // Until 2024, names had to begin with two dashes.
    }
  }
}
