// Short functions for DOM elements.

import { translated } from "./words.js";

/** The element with this id. */
export const $ = (id) => document.getElementById(id);

/**
 * Makes an element.
 *
 * @param {string} tag
 * @param {Record<string, unknown>} [properties] of the element; names with a `-` are attributes
 * @param {...(Node | string)} children
 */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-")) made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children);
  return made;
}

/** Sets a text only if it differs, so that screen readers do not repeat it. */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Writes facts separated by dots, which the class `facts` hides at the start of a line. */
export function writeFacts(node, facts) {
  if (node.textContent === facts.join(" · ")) return;
  const dot = () => element("span", { className: "dot", textContent: " · " });
  node.replaceChildren(...facts.map((fact, i) => element("span", {}, ...(i > 0 ? [dot()] : []), fact)));
}

/** Fills a list of terms, which are translated; entries without a value are left out. */
export function writeTerms(list, terms) {
  const known = Object.entries(terms).filter(([, value]) => value !== undefined && value !== null && value !== "");
  list.replaceChildren(
    ...known.map(([term, value]) =>
      element("div", {}, element("dt", { textContent: translated(term) }), element("dd", { textContent: String(value) })),
    ),
  );
}
