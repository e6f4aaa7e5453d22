// One image in the list.

import { downloadOne } from "./download.js";
import { element, write, writeFacts } from "./dom.js";
import { about, duration, megapixels, sentence, sides, weight } from "./format.js";
import { translated } from "./words.js";

/**
 * The list entry of an image; it updates itself.
 *
 * @param {import("./item.js").Item} item
 * @param {import("./queue.js").Queue} queue
 * @param {(item: import("./item.js").Item) => void} show displays the image in the viewer
 */
export function card(item, queue, show) {
  const thumbnail = element("canvas", { className: "thumbnail", width: 1, height: 1, "aria-hidden": "true" });
  const name = element("span", { className: "card-name", textContent: item.name });
  const facts = element("span", { className: "card-facts facts" });
  const button = element(
    "button",
    { type: "button", className: "card-show", onclick: () => show(item) },
    thumbnail,
    element("span", { className: "card-text" }, name, facts),
  );
  const progress = element("progress", { max: 1, "aria-label": translated(`Progress of ${item.name}`) });
  const message = element("p", { className: "card-message" });
  const action = (kind, textContent, label, onclick) => {
    const className = `small ${kind}`;
    return element("button", { type: "button", className, textContent, "aria-label": label, onclick });
  };
  const actions = {
    cancel: action("cancel", translated("Cancel"), translated(`Cancel ${item.name}`), () => queue.cancel(item)),
    retry: action("retry", translated("Try again"), translated(`Try again ${item.name}`), () => queue.retry(item)),
    download: action("download", translated("Download"), translated(`Download ${item.name}`), () => downloadOne(item)),
    remove: action("remove", translated("Remove"), translated(`Remove ${item.name}`), () => queue.remove(item)),
  };
  const entry = element(
    "li",
    { className: "card" },
    button,
    progress,
    message,
    element("div", { className: "card-actions" }, ...Object.values(actions)),
  );

  const update = () => {
    const hadFocus = entry.contains(document.activeElement);
    entry.dataset.state = item.state;
    showThumbnail(thumbnail, item);
    writeFacts(facts, describe(item));
    progress.hidden = item.state !== "working";
    progress.value = item.progress;
    message.hidden = !(item.error || item.notice);
    message.classList.toggle("is-error", Boolean(item.error));
    write(message, item.error ? sentence(item.error) : item.notice);
    actions.cancel.hidden = !item.pending;
    actions.retry.hidden = !["failed", "cancelled"].includes(item.state);
    actions.download.hidden = !item.result;
    // Keep the focus in the card when its button is hidden.
    if (hadFocus && !document.activeElement?.checkVisibility()) button.focus();
  };
  item.addEventListener("change", update);
  update();
  return entry;
}

function showThumbnail(canvas, item) {
  if (!item.thumbnail) return;
  canvas.width = item.thumbnail.width;
  canvas.height = item.thumbnail.height;
  canvas.getContext("bitmaprenderer").transferFromImageBitmap(item.thumbnail);
  item.thumbnail = null;
}

/** Size, target size, and state. */
function describe(item) {
  const { size, estimate, result, state } = item;
  const from = size ? sides(size) : weight(item.file.size);
  const to = state === "done" ? result : estimate;
  const parts = [to ? `${from} → ${sides(to)}` : from];
  if (state === "reading") parts.push(translated("reading …"));
  if (state === "waiting" && to) parts.push(megapixels(to), about(estimate.ms));
  if (state === "waiting" && !to) parts.push(translated("waiting"));
  if (state === "working") parts.push(`${Math.floor(100 * item.progress)} %`);
  if (state === "working" && item.left !== null) parts.push(translated(`${duration(item.left)} left`));
  if (state === "done") parts.push(megapixels(result), weight(result.blob.size));
  if (state === "cancelled") parts.push(translated("cancelled"));
  return parts;
}
