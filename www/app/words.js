// The language of the pages' texts. English stands in pages and scripts; each other language is one file in
// `languages/`, an object of translations by English text. A `{}` in a key stands for any text, which replaces `{}`, or
// `{2}` for the second one, in the translation.

/** The files of languages. */
const FILES = { de: () => import("../languages/de.js") };

/** The first of the user's languages that the pages have. */
export const language =
  (navigator.languages ?? []).map((tag) => tag.split("-")[0]).find((name) => name === "en" || name in FILES) ?? "en";

/** Attributes that users read or hear. */
const ATTRIBUTES = ["aria-label", "title", "alt", "label"];

const { texts, patterns } = await read();

async function read() {
  try {
    const all = Object.entries((await FILES[language]?.())?.default ?? {});
    const withPlaces = all.filter(([key]) => key.includes("{}"));
    return { texts: new Map(all), patterns: withPlaces.map(([key, translation]) => [patternOf(key), translation]) };
  } catch {
    // Offline, before it was ever fetched: English will do.
    return { texts: new Map(), patterns: [] };
  }
}

/** The pattern that a key's texts match. */
export function patternOf(key) {
  const escaped = key.split("{}").map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${escaped.join("(.+?)")}$`, "s");
}

/**
 * A text in the user's language; itself where it has no translation.
 *
 * @param {string} text
 * @param {(part: string) => string} [convert] changes what stands in the places of `{}`
 */
export function translated(text, convert = (part) => part) {
  const found = texts.get(text);
  if (found !== undefined) return found;
  for (const [pattern, translation] of patterns) {
    const [all, ...parts] = pattern.exec(text) ?? [];
    if (all === undefined) continue;
    let next = 0;
    return translation.replace(/\{(\d*)\}/g, (_, place) => convert(parts[place ? place - 1 : next++]));
  }
  return text;
}

/** The texts of a document that users read or hear: `{ text, set }`, with spaces as one. */
export function textsOf(page) {
  const found = [];
  const add = (value, set) => {
    const text = value.trim().replace(/\s+/g, " ");
    if (/\p{L}|\d[.,]\d/u.test(text)) found.push({ text, set: (to) => set(value.replace(value.trim(), () => to)) });
  };
  const walker = page.createTreeWalker(page.documentElement, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node.nodeType === Node.TEXT_NODE) {
      if (!["CODE", "SCRIPT", "STYLE"].includes(node.parentElement.tagName)) add(node.data, (to) => (node.data = to));
      continue;
    }
    for (const name of ATTRIBUTES) {
      if (node.hasAttribute(name)) add(node.getAttribute(name), (to) => node.setAttribute(name, to));
    }
  }
  return found;
}

/** Translates the page's own texts. */
export function translatePage() {
  document.documentElement.lang = language;
  if (texts.size === 0) return;
  for (const { text, set } of textsOf(document)) {
    const to = translated(text, localNumber);
    if (to !== text) set(to);
  }
}

/** A number of the pages, such as 10,482 or 1.5, as the language writes it. */
function localNumber(part) {
  const value = Number(part.replaceAll(",", ""));
  return Number.isNaN(value) ? part : value.toLocaleString(language);
}
