// When the page shows what its visitor came for.

const TYPE = "largest-contentful-paint";

/** No larger paint for so long after the page was loaded: that was the largest. */
const QUIET_MS = 500;

/** A page may have nothing that counts, or the browser does not say. */
const PATIENCE_MS = 2000;

let over;

/** Resolves after the page is loaded and its largest paint is over. */
export function largestPaint() {
  over ??= wait();
  return over;
}

async function wait() {
  if (document.readyState !== "complete") {
    await new Promise((resolve) => addEventListener("load", resolve, { once: true }));
  }
  await new Promise((resolve) => {
    let timer = setTimeout(resolve, PATIENCE_MS);
    if (!globalThis.PerformanceObserver?.supportedEntryTypes?.includes(TYPE)) return;
    const observer = new PerformanceObserver(() => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        observer.disconnect();
        resolve();
      }, QUIET_MS);
    });
    observer.observe({ type: TYPE, buffered: true });
  });
}
