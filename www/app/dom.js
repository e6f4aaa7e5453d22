// Elements, briefly.

/** The element with this id. */
export const $ = (id) => document.getElementById(id);

/**
 * Makes an element.
 *
 * @param {string} tag
 * @param {Record<string, unknown>} [properties] of the element; those with a `-` in their names are attributes
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

/** Writes a text only where it is another one, so that nothing is read aloud twice. */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Fills a list of terms; entries without a value are left out. */
export function writeTerms(list, terms) {
  const known = Object.entries(terms).filter(([, value]) => value !== undefined && value !== null && value !== "");
  list.replaceChildren(
    ...known.map(([term, value]) =>
      element("div", {}, element("dt", { textContent: term }), element("dd", { textContent: String(value) })),
    ),
  );
}
