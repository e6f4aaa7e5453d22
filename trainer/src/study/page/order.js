// The order in which a rater sees the versions: random, but always the same for a rater's name.

"use strict";

/** The smallest number of versions between the two showings of a version, if there are enough. */
const GAP = 10;

/** Every version once and some twice, in an order that depends on the rater's name. */
function drawOrder(rater) {
  const random = generator(`${STUDY.id} ${rater}`);
  const below = (end) => Math.floor(random() * end);
  const image = new Map(STUDY.pictures.flatMap((versions, i) => versions.map((version) => [version, i])));
  const alike = (a, b) => image.get(a) === image.get(b);
  const order = shuffled([...image.keys()], below);
  separate(order, alike, below);
  const gap = Math.min(GAP, Math.floor(image.size / 4));
  for (const version of shuffled([...image.keys()], below).slice(0, STUDY.repeats)) {
    const first = order.indexOf(version);
    const places = Array.from({ length: order.length + 1 }, (_, i) => i);
    const far = places.filter((i) => (i > first ? i - first : first + 1 - i) > gap);
    const free = far.filter((i) => ![order[i - 1], order[i]].some((other) => alike(other, version)));
    const chosen = [free, far, places].find((some) => some.length > 0);
    order.splice(chosen[below(chosen.length)], 0, version);
  }
  return order;
}

/** Separates versions of one image: in sequence they would be compared instead of graded. */
function separate(order, alike, below) {
  const clashes = () => order.filter((version, i) => i > 0 && alike(version, order[i - 1])).length;
  const swap = (i, j) => ([order[i], order[j]] = [order[j], order[i]]);
  for (let tries = 0, count = clashes(); count > 0 && tries < 2000; tries++) {
    const clash = order.findIndex((version, i) => i > 0 && alike(version, order[i - 1]));
    const other = below(order.length);
    swap(clash, other);
    if (clashes() > count) swap(clash, other);
    count = clashes();
  }
}

/** Fisher and Yates's shuffle. */
function shuffled(values, below) {
  for (let i = values.length - 1; i > 0; i--) {
    const j = below(i + 1);
    [values[i], values[j]] = [values[j], values[i]];
  }
  return values;
}

/** Random numbers in [0, 1) with a text as seed: FNV-1a, then a Weyl sequence through MurmurHash3's finaliser. */
function generator(text) {
  let state = 0x811c9dc5;
  for (const letter of text) state = Math.imul(state ^ letter.codePointAt(0), 0x01000193);
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let x = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32;
  };
}
