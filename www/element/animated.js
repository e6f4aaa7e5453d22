// Detects animations: upscaling would replace one by its first frame.

/** A check for each type that can be animated. */
const KINDS = {
  "image/gif": gif,
  "image/png": png,
  "image/apng": png,
  "image/webp": webp,
  "image/avif": avif,
};

/** @param {Blob} blob */
export async function isAnimated(blob) {
  const check = KINDS[blob.type.split(";")[0]];
  if (!check) return false;
  const view = new DataView(await blob.arrayBuffer());
  try {
    return check(view);
  } catch (error) {
    // The file ends before a second frame.
    if (error instanceof RangeError) return false;
    throw error;
  }
}

const text = (view, at, length) => String.fromCharCode(...new Uint8Array(view.buffer, at, length));

/** More than one image descriptor: https://www.w3.org/Graphics/GIF/spec-gif89a.txt */
function gif(view) {
  const table = (packed) => (packed & 0x80 ? 3 << ((packed & 7) + 1) : 0);
  let images = 0;
  let at = 13 + table(view.getUint8(10));
  while (images < 2) {
    const kind = view.getUint8(at);
    if (kind === 0x2c) {
      images += 1;
      at += 11 + table(view.getUint8(at + 9));
    } else if (kind === 0x21) {
      at += 2;
    } else {
      return false;
    }
    // Data blocks, each after its length; an empty one is the last.
    for (let length = view.getUint8(at); length > 0; length = view.getUint8(at)) at += 1 + length;
    at += 1;
  }
  return true;
}

/** A chunk `acTL` before the pixels: https://www.w3.org/TR/png-3/ */
function png(view) {
  for (let at = 8; ; at += 12 + view.getUint32(at)) {
    const name = text(view, at + 4, 4);
    if (name === "acTL") return true;
    if (name === "IDAT") return false;
  }
}

/** The flag of the extended header: https://developers.google.com/speed/webp/docs/riff_container */
function webp(view) {
  return text(view, 12, 4) === "VP8X" && (view.getUint8(20) & 2) !== 0;
}

/** The major brand of sequences: https://aomediacodec.github.io/av1-avif/ */
function avif(view) {
  return text(view, 4, 8) === "ftypavis";
}
