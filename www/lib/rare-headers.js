// Reads facts about AVIF, HEIC and GIF files, without decoding them. Imported only for these formats.

/** Brands of AVIF and of HEIC files; see https://aomediacodec.github.io/av1-avif/ and ISO/IEC 23008-12. */
const AVIF = ["avif", "avis"];
const HEIC = ["heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"];

/** Brands of image sequences. */
const SEQUENCES = ["avis", "msf1", "hevc", "hevx"];

/** Damaged files may claim more boxes, or more bytes of brands, than any encoder writes. */
const MAX_BOXES = 4096;
const MAX_BRAND_BYTES = 1024;

/** Types of auxiliary images that hold alpha. */
const ALPHA = ["urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", "urn:mpeg:hevc:2015:auxid:1"];

/**
 * Reads the header of an AVIF or HEIC file: the size of its primary image, turned as its property `irot` says.
 *
 * @param {Uint8Array} bytes the file, or its beginning
 * @returns {import("./image-header.js").Header | null} null for other files, and where the bytes end before the size
 */
export function readHeif(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return heif(view);
  } catch (error) {
    // The bytes end here.
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function heif(view) {
  const file = children(view, 0, view.byteLength);
  if (!file.ftyp) return null;
  const { start, end } = file.ftyp;
  // The major brand, its version, and the compatible brands.
  const all = [...text(view, start, Math.min(end - start, MAX_BRAND_BYTES)).matchAll(/.{4}/gs)].map(([brand]) => brand);
  const brands = all.filter((_, i) => i !== 1);
  const type = ["avif", "heic"].find((_, i) => brands.some((brand) => [AVIF, HEIC][i].includes(brand)));
  if (!type) return null;
  const animated = SEQUENCES.includes(brands[0]);
  const size = (file.meta && itemSize(view, file.meta)) ?? (file.moov && trackSize(view, file.moov));
  return size && { type, alpha: true, ...size, animated };
}

/** The size of the primary item, and whether there may be alpha. */
function itemSize(view, meta) {
  const { pitm, iprp } = children(view, meta.start + 4, meta.end);
  const { ipco, ipma } = iprp ? children(view, iprp.start, iprp.end) : {};
  if (!pitm || !ipco || !ipma) return null;
  const primary = view.getUint8(pitm.start) ? view.getUint32(pitm.start + 4) : view.getUint16(pitm.start + 4);
  const properties = [...boxes(view, ipco.start, ipco.end)];
  const own = associations(view, ipma, primary).map((index) => properties[index - 1]);
  const find = (type) => own.find((property) => property?.type === type);
  const ispe = find("ispe");
  if (!ispe) return null;
  const sides = [view.getUint32(ispe.start + 4), view.getUint32(ispe.start + 8)];
  const irot = find("irot");
  // In quarters of a turn.
  if (irot && view.getUint8(irot.start) & 1) sides.reverse();
  const isAlpha = ({ type, start, end }) =>
    type === "auxC" && ALPHA.some((name) => start + 4 + name.length <= end && text(view, start + 4, name.length) === name);
  return { width: sides[0], height: sides[1], alpha: properties.some(isAlpha) };
}

/** The indices of an item's properties, from 1. */
function associations(view, { start }, wanted) {
  const version = view.getUint8(start);
  const isWide = view.getUint8(start + 3) & 1;
  let at = start + 8;
  for (let left = view.getUint32(start + 4); left > 0; left -= 1) {
    const item = version ? view.getUint32(at) : view.getUint16(at);
    at += version ? 4 : 2;
    const count = view.getUint8(at);
    const read = (_, i) => (isWide ? view.getUint16(at + 1 + 2 * i) & 0x7fff : view.getUint8(at + 1 + i) & 0x7f);
    if (item === wanted) return Array.from({ length: count }, read);
    at += 1 + count * (isWide ? 2 : 1);
  }
  return [];
}

/** The size of the first track of a sequence. */
function trackSize(view, moov) {
  const { trak } = children(view, moov.start, moov.end);
  const { tkhd } = trak ? children(view, trak.start, trak.end) : {};
  // Fixed point numbers, of which the first half is the integer.
  return tkhd ? { width: view.getUint16(tkhd.end - 8), height: view.getUint16(tkhd.end - 4) } : null;
}

/** The first box of each type, by type. */
function children(view, from, to) {
  const found = {};
  for (const box of boxes(view, from, to)) found[box.type] ??= box;
  return found;
}

/** The boxes in a range of bytes, with the range of their content. */
function* boxes(view, from, to) {
  for (let at = from, count = 0; at + 8 <= to && count < MAX_BOXES; count += 1) {
    let size = view.getUint32(at);
    let start = at + 8;
    if (size === 1) {
      size = Number(view.getBigUint64(start));
      start += 8;
    }
    // The last box may extend to the end.
    const end = size === 0 ? to : at + size;
    if (end < start) return;
    yield { type: text(view, at + 4, 4), start, end: Math.min(end, to) };
    at = end;
  }
}

function text(view, at, length) {
  return String.fromCharCode(...Array.from({ length }, (_, i) => view.getUint8(at + i)));
}

/**
 * Whether a GIF has more than one image: https://www.w3.org/Graphics/GIF/spec-gif89a.txt
 *
 * @param {Uint8Array} bytes
 */
export function hasFrames(bytes) {
  const table = (packed) => (packed & 0x80 ? 3 << ((packed & 7) + 1) : 0);
  let images = 0;
  for (let at = 13 + table(bytes[10]); images < 2; at += 1) {
    const kind = bytes[at];
    if (kind === 0x2c) {
      images += 1;
      at += 11 + table(bytes[at + 9]);
    } else if (kind === 0x21) {
      at += 2;
    } else {
      // The end of the file.
      return false;
    }
    // Data blocks, each after its length; an empty one is the last.
    for (let length = bytes[at]; length > 0; length = bytes[at]) at += 1 + length;
  }
  return true;
}
