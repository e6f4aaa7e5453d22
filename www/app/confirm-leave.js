// Asks before work, or results that are nowhere else, are lost.

/** @param {import("./queue.js").Queue} queue */
export function guardLeaving(queue) {
  const ask = (event) => event.preventDefault();
  queue.addEventListener("change", () => {
    const isLoss = queue.items.some((item) => item.state === "working" || (item.result && !item.saved));
    // Only while it is needed: browsers keep no page for the way back that listens to this.
    if (isLoss) window.addEventListener("beforeunload", ask);
    else window.removeEventListener("beforeunload", ask);
  });
}
