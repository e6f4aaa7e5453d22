// <uprez-img>: creates an <img>, or wraps one.

import { add, remove, renew } from "./observe.js";

const SOURCES = ["srcset", "src"];

/** Attributes that are copied to the <img>. */
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
  // Last: setting these starts loading.
  ...SOURCES,
];

const OPTIONS = ["model", "engine", "budget", "progressive"];

/** On a server there is no HTMLElement. */
const Base = globalThis.HTMLElement ?? class {};

export class UprezImg extends Base {
  static observedAttributes = [...PASSED, ...OPTIONS];

  #states = null;
  #img = null;
  /** The <img> that was created here, if any. */
  #own = null;
  #children = null;

  constructor() {
    super();
    this.#states = this.attachInternals?.().states ?? null;
  }

  /** The <img>, if there is one yet. */
  get img() {
    return this.#img;
  }

  connectedCallback() {
    this.#children ??= new MutationObserver(() => this.#adopt());
    this.#children.observe(this, { childList: true, subtree: true });
    this.#adopt();
  }

  disconnectedCallback() {
    // An element that is moved is connected again at once.
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
    if (!img && SOURCES.some((name) => this.hasAttribute(name))) img = this.#create();
    if (!img) return;
    this.#img = img;
    add(img, (state) => this.#reflect(state));
  }

  #create() {
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

  /** Sets the state for style sheets: `:state(sharp)`, and the attribute `state` for older browsers. */
  #reflect(state) {
    if (state) this.setAttribute("state", state);
    else this.removeAttribute("state");
    try {
      this.#states?.clear();
      if (state) this.#states?.add(state);
    } catch {
      // Browsers before 2024 accept only names that begin with two dashes.
    }
  }
}
