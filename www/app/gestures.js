// Mouse, touch and keyboard input of the viewer.

/** Change of zoom and place per wheel unit and key press. */
const WHEEL = 0.0022;
const PINCH_WHEEL = 0.01;
const KEY_ZOOM = 1.25;
const KEY_PAN_PX = 60;

const ARROWS = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** Pixels per unit of `deltaMode`: pixel, line, page. */
const WHEEL_UNITS = [1, 16, 400];

/**
 * Dragging moves the divider; if the image is larger than the viewer, dragging beside the divider moves the image. Two
 * fingers, the wheel and the keys + − 0 1 zoom; arrow keys move.
 *
 * @param {HTMLElement} area
 * @param {HTMLElement} divider
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

/** Handles a key; false if it has no function. */
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
  /** The last event of each pointer. */
  const pointers = new Map();
  let movesDivider = false;

  area.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    area.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, event);
    const isAtDivider = divider.contains(event.target) || !view.overflows;
    movesDivider = pointers.size === 1 && isAtDivider && area.classList.contains("has-result");
    if (movesDivider) comparison.follow(event);
  });
  area.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    if (pointers.size === 2) {
      const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
      pinch(area, view, before, event, other);
      changed();
    } else if (movesDivider) {
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

/** Zooms when one of two fingers has moved. */
function pinch(area, view, before, now, other) {
  const { left, top } = area.getBoundingClientRect();
  const distance = (a) => Math.hypot(a.clientX - other.clientX, a.clientY - other.clientY);
  const middle = { x: (now.clientX + other.clientX) / 2 - left, y: (now.clientY + other.clientY) / 2 - top };
  view.pan((now.clientX - before.clientX) / 2, (now.clientY - before.clientY) / 2);
  view.zoomTo((view.zoom * distance(now)) / Math.max(1, distance(before)), middle);
}
