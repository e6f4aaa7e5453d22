// Waits for the largest contentful paint, so that upscaling does not delay it.

const TYPE = "largest-contentful-paint";

/** If no larger paint follows for this long, it was the largest. */
const QUIET_MS = 500;

/** Longest wait: a page may have no such paint, and some browsers do not report it. */
const TIMEOUT_MS = 2000;

let promise;

/** Resolves when the page has loaded and its largest paint is done. */
export function largestPaint() {
  promise ??= wait();
  return promise;
}

async function wait() {
  if (document.readyState !== "complete") {
    await new Promise((resolve) => addEventListener("load", resolve, { once: true }));
  }
  await new Promise((resolve) => {
    let timer = setTimeout(resolve, TIMEOUT_MS);
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
