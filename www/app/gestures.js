// Mouse, fingers and keys over the picture.

/** How much a wheel's step of 100 and a key change. */
const WHEEL = 0.0022;
const PINCH_WHEEL = 0.01;
const KEY_ZOOM = 1.25;
const KEY_PAN_PX = 60;

const ARROWS = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** A wheel that counts lines or pages, in pixels. */
const WHEEL_UNITS = [1, 16, 400];

/**
 * Dragging the line, or a picture that is seen whole, moves the line; dragging a larger one moves the picture. Two
 * fingers, the wheel and + − 0 1 zoom; arrows move.
 *
 * @param {HTMLElement} area
 * @param {HTMLElement} divider the line
 * @param {import("./view.js").View} view
 * @param {import("./compare.js").Comparison} comparison
 * @param {() => void} changed called when the view has changed
 */
export function watchGestures(area, divider, view, comparison, changed) {
  watchPointers(area, divider, view, comparison, changed);
  const at = ({ clientX, clientY }) => {
    const { left, top } = area.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  };
  const wheel = (event) => {
    event.preventDefault();
    const delta = event.deltaY * WHEEL_UNITS[event.deltaMode];
    view.zoomTo(view.zoom * Math.exp(-delta * (event.ctrlKey ? PINCH_WHEEL : WHEEL)), at(event));
    changed();
  };
  area.addEventListener("wheel", wheel, { passive: false });
  area.addEventListener("dblclick", (event) => {
    if (view.overflows) view.fit();
    else view.zoomTo(1, at(event));
    changed();
  });
  area.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !pressed(event.key, view)) return;
    event.preventDefault();
    changed();
  });
}

/** Does what a key says; false for one that says nothing. */
function pressed(key, view) {
  if (key === "+" || key === "=") view.zoomTo(view.zoom * KEY_ZOOM);
  else if (key === "-") view.zoomTo(view.zoom / KEY_ZOOM);
  else if (key === "0") view.fit();
  else if (key === "1") view.zoomTo(1);
  else if (ARROWS[key]) view.pan(...ARROWS[key].map((way) => way * KEY_PAN_PX));
  else return false;
  return true;
}

function watchPointers(area, divider, view, comparison, changed) {
  /** Where each pointer was. */
  const pointers = new Map();
  let movesLine = false;

  area.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    area.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, event);
    const isAtLine = divider.contains(event.target) || !view.overflows;
    movesLine = pointers.size === 1 && isAtLine && area.classList.contains("has-result");
    if (movesLine) comparison.follow(event);
  });
  area.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    if (pointers.size === 2) {
      const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
      pinch(area, view, before, event, other);
      changed();
    } else if (movesLine) {
      comparison.follow(event);
    } else {
      view.pan(event.clientX - before.clientX, event.clientY - before.clientY);
      changed();
    }
    pointers.set(event.pointerId, event);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    area.addEventListener(end, ({ pointerId }) => pointers.delete(pointerId));
  }
}

/** One of two fingers has moved. */
function pinch(area, view, before, now, other) {
  const { left, top } = area.getBoundingClientRect();
  const distance = (a) => Math.hypot(a.clientX - other.clientX, a.clientY - other.clientY);
  const middle = { x: (now.clientX + other.clientX) / 2 - left, y: (now.clientY + other.clientY) / 2 - top };
  view.pan((now.clientX - before.clientX) / 2, (now.clientY - before.clientY) / 2);
  view.zoomTo((view.zoom * distance(now)) / Math.max(1, distance(before)), middle);
}
