// Asks before the page is left while work or results would be lost.

/** @param {import("./queue.js").Queue} queue */
export function confirmLeave(queue) {
  const ask = (event) => event.preventDefault();
  queue.addEventListener("change", () => {
    const isLoss = queue.items.some((item) => item.state === "working" || (item.result && !item.saved));
    // Only while needed: a page with this listener is kept out of the back/forward cache.
    if (isLoss) window.addEventListener("beforeunload", ask);
    else window.removeEventListener("beforeunload", ask);
  });
}
