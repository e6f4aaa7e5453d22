// Copies EXIF and XMP from one image file to another. Imported only when asked for. Colour profiles are not copied: the
// pixels are converted.

import { readHeader } from "./image-header.js";
import { chunk } from "./png-writer.js";

/** First bytes of a JPEG's segments, and names of a PNG's text chunk and of XMP in general. */
const EXIF = "Exif\0\0";
const XMP = "http://ns.adobe.com/xap/1.0/\0";
const PNG_XMP = "XML:com.adobe.xmp\0";

/** Most bytes of a JPEG's segment, its length included. */
const MAX_SEGMENT = 0xffff;

/** Bytes of a PNG's signature and header. */
const PNG_HEADER = 33;

/** Flags of a WebP's extended header. */
const WEBP_EXIF = 8;
const WEBP_XMP = 4;
const WEBP_ALPHA = 16;

/**
 * @typedef {object} Metadata
 * @property {Uint8Array | null} exif in TIFF's format, without the name that precedes it in a JPEG
 * @property {string | null} xmp
 */

/**
 * Reads the metadata of a JPEG, PNG or WebP file; those of other files, and compressed ones, are not read.
 *
 * @param {Uint8Array} bytes
 * @returns {Metadata}
 */
export function readMetadata(bytes) {
  const found = { exif: null, xmp: null };
  const read = { jpeg: readJpeg, png: readPng, webp: readWebp }[readHeader(bytes)?.type];
  try {
    read?.(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), found);
  } catch (error) {
    // The file ends here.
    if (!(error instanceof RangeError)) throw error;
  }
  return found;
}

const latin = (bytes) => String.fromCharCode(...bytes);
const startsWith = (bytes, text) => bytes.length >= text.length && latin(bytes.subarray(0, text.length)) === text;
const utf8 = (bytes) => new TextDecoder().decode(bytes);
const encode = (text) => new TextEncoder().encode(text);

function readJpeg(bytes, view, found) {
  for (let at = 2; view.getUint8(at) === 0xff; at += 2 + view.getUint16(at + 2)) {
    const marker = view.getUint8(at + 1);
    // The compressed data.
    if (marker === 0xda) return;
    if (marker !== 0xe1) continue;
    const segment = bytes.subarray(at + 4, at + 2 + view.getUint16(at + 2));
    if (startsWith(segment, EXIF)) found.exif ??= segment.subarray(EXIF.length);
    if (startsWith(segment, XMP)) found.xmp ??= utf8(segment.subarray(XMP.length));
  }
}

function readPng(bytes, view, found) {
  for (let at = 8; at + 8 <= bytes.length; at += 12 + view.getUint32(at)) {
    const data = bytes.subarray(at + 8, at + 8 + view.getUint32(at));
    const type = latin(bytes.subarray(at + 4, at + 8));
    if (type === "eXIf") found.exif ??= data;
    // No compression; then a language and a translated keyword, each of which ends with a zero.
    if (type !== "iTXt" || !startsWith(data, `${PNG_XMP}\0`)) continue;
    const language = PNG_XMP.length + 2;
    const text = data.indexOf(0, data.indexOf(0, language) + 1) + 1;
    if (text > language) found.xmp ??= utf8(data.subarray(text));
  }
}

function readWebp(bytes, view, found) {
  for (let at = 12; at + 8 <= bytes.length; ) {
    const length = view.getUint32(at + 4, true);
    const data = bytes.subarray(at + 8, at + 8 + length);
    const type = latin(bytes.subarray(at, at + 4));
    // Some programs write the name here, too.
    if (type === "EXIF") found.exif ??= startsWith(data, EXIF) ? data.subarray(EXIF.length) : data;
    if (type === "XMP ") found.xmp ??= utf8(data);
    at += 8 + length + (length % 2);
  }
}

/**
 * The metadata of a result of this size: its pixels are upright, and it has no thumbnail.
 *
 * @param {Metadata} metadata
 * @param {object} options
 * @param {number} options.width
 * @param {number} options.height
 * @param {"srgb" | "display-p3"} options.colorSpace
 * @param {boolean} options.location keeps places, and the makers' notes, which may hold some
 * @returns {Metadata}
 */
export function adapted({ exif, xmp }, options) {
  return { exif: exif && adaptedExif(exif, options), xmp: xmp && adaptedXmp(xmp, options) };
}

/** Bytes per value of each type of TIFF. */
const BYTES = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4];

/** EXIF's numbers of colour spaces: sRGB, or any other one. */
const COLOR_SPACES = { srgb: 1, "display-p3": 0xffff };

const SHORT = 3;
const LONG = 4;

const TAGS = {
  width: 0x0100,
  height: 0x0101,
  orientation: 0x0112,
  thumbnail: 0x0201,
  thumbnailBytes: 0x0202,
  xmp: 0x02bc,
  iptc: 0x83bb,
  photoshop: 0x8649,
  exif: 0x8769,
  gps: 0x8825,
  makerNote: 0x927c,
  colorSpace: 0xa001,
  pixelWidth: 0xa002,
  pixelHeight: 0xa003,
};

/** Returns null if the bytes are not in TIFF's format. https://www.cipa.jp/std/documents/e/DC-008-Translation-2023-E.pdf */
function adaptedExif(bytes, { width, height, colorSpace, location }) {
  try {
    const tiff = new Tiff(bytes.slice());
    const main = tiff.first;
    tiff.set(main, TAGS.orientation, 1);
    tiff.set(main, TAGS.width, width);
    tiff.set(main, TAGS.height, height);
    tiff.removeThumbnail(main);
    // Other forms of metadata, which are not adapted here.
    for (const tag of [TAGS.xmp, TAGS.iptc, TAGS.photoshop]) tiff.remove(main, tag);
    const exif = tiff.pointer(main, TAGS.exif);
    if (exif) {
      tiff.set(exif, TAGS.colorSpace, COLOR_SPACES[colorSpace]);
      tiff.set(exif, TAGS.pixelWidth, width);
      tiff.set(exif, TAGS.pixelHeight, height);
      if (!location) tiff.remove(exif, TAGS.makerNote);
    }
    const gps = !location && tiff.pointer(main, TAGS.gps);
    if (gps) tiff.clear(gps);
    if (!location) tiff.remove(main, TAGS.gps);
    return tiff.bytes;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** Changes metadata in place, so that nothing moves: some values refer to others by their offset. */
class Tiff {
  #view;
  #little;

  constructor(bytes) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const order = this.#view.getUint16(0);
    this.#little = order === 0x4949;
    if (!(this.#little || order === 0x4d4d) || this.#short(2) !== 42) throw new RangeError("not in TIFF's format");
    /** Offset of the first directory. */
    this.first = this.#long(4);
  }

  #short(at) {
    return this.#view.getUint16(at, this.#little);
  }

  #long(at) {
    return this.#view.getUint32(at, this.#little);
  }

  /** Offset of an entry; 0 if the directory has none. */
  #find(directory, tag) {
    for (let i = 0; i < this.#short(directory); i += 1) {
      const at = directory + 2 + 12 * i;
      if (this.#short(at) === tag) return at;
    }
    return 0;
  }

  /** The directory that an entry points to; 0 if there is none. */
  pointer(directory, tag) {
    const at = this.#find(directory, tag);
    return at && this.#long(at + 8);
  }

  /** Sets a whole number, if there is one. */
  set(directory, tag, value) {
    const at = this.#find(directory, tag);
    if (!at) return;
    const type = value > 0xffff ? LONG : this.#short(at + 2);
    this.#view.setUint16(at + 2, type, this.#little);
    if (type === SHORT) this.#view.setUint16(at + 8, value, this.#little);
    else this.#view.setUint32(at + 8, value, this.#little);
  }

  /** Removes an entry and its value. */
  remove(directory, tag) {
    const at = this.#find(directory, tag);
    if (!at) return;
    this.#clearValue(at);
    const count = this.#short(directory);
    const end = directory + 2 + 12 * count + 4;
    this.bytes.copyWithin(at, at + 12, end);
    this.bytes.fill(0, end - 12, end);
    this.#view.setUint16(directory, count - 1, this.#little);
  }

  /** Clears a directory and all of its values. */
  clear(directory) {
    const end = directory + 2 + 12 * this.#short(directory) + 4;
    for (let at = directory + 2; at + 12 < end; at += 12) this.#clearValue(at);
    this.bytes.fill(0, directory, end);
  }

  /** Removes the second directory and its image. */
  removeThumbnail(directory) {
    const place = directory + 2 + 12 * this.#short(directory);
    const second = this.#long(place);
    if (!second) return;
    const start = this.pointer(second, TAGS.thumbnail);
    if (start) this.bytes.fill(0, start, start + this.pointer(second, TAGS.thumbnailBytes));
    this.clear(second);
    this.#view.setUint32(place, 0);
  }

  /** Clears a value that is not in its entry. */
  #clearValue(at) {
    const length = BYTES[this.#short(at + 2)] * this.#long(at + 4);
    if (length > 4) this.bytes.fill(0, this.#long(at + 8), this.#long(at + 8) + length);
  }
}

const SPACES = {
  exif: "http://ns.adobe.com/exif/1.0/",
  tiff: "http://ns.adobe.com/tiff/1.0/",
  xmp: "http://ns.adobe.com/xap/1.0/",
};

/** Properties that say where an image was taken, or what it shows. */
const PLACES = {
  [SPACES.exif]: /^GPS/,
  "http://ns.adobe.com/photoshop/1.0/": /^(City|State|Country)$/,
  "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/": /^(Location|CountryCode)$/,
  "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": /^Location/,
};

/** Properties about what is not copied: thumbnails, further parts of the metadata, gain maps, videos in a file. */
const MISSING = {
  [SPACES.xmp]: /^Thumbnails$/,
  "http://ns.adobe.com/xmp/note/": /./,
  "http://ns.adobe.com/hdr-gain-map/1.0/": /./,
  "http://ns.google.com/photos/1.0/container/": /./,
  "http://ns.google.com/photos/1.0/camera/": /./,
};

/** Returns null if the text is not well-formed. */
function adaptedXmp(text, { width, height, colorSpace, location }) {
  // Not DOMParser: it answers with a page that has a style, which a CSP reports.
  const root = document.implementation.createDocument(null, "root").documentElement;
  try {
    // Some programs end it with a zero.
    root.innerHTML = text.replace(/\0+$/, "");
  } catch {
    return null;
  }
  const values = {
    [`${SPACES.tiff}Orientation`]: 1,
    [`${SPACES.tiff}ImageWidth`]: width,
    [`${SPACES.tiff}ImageLength`]: height,
    [`${SPACES.exif}ColorSpace`]: COLOR_SPACES[colorSpace],
    [`${SPACES.exif}PixelXDimension`]: width,
    [`${SPACES.exif}PixelYDimension`]: height,
  };
  const isWrong = ({ namespaceURI, localName }) =>
    MISSING[namespaceURI]?.test(localName) || (!location && PLACES[namespaceURI]?.test(localName));
  for (const element of root.querySelectorAll("*")) {
    if (isWrong(element)) {
      element.remove();
      continue;
    }
    for (const attribute of [...element.attributes]) if (isWrong(attribute)) element.removeAttributeNode(attribute);
    for (const node of [element, ...element.attributes]) {
      const value = values[`${node.namespaceURI}${node.localName}`];
      if (value !== undefined) node.textContent = String(value);
    }
  }
  return root.innerHTML;
}

/**
 * A copy of a JPEG, PNG or WebP file without metadata, with these added. Files of another type, and metadata that do
 * not fit into a JPEG's segment, stay as they are.
 *
 * @param {Blob} blob
 * @param {Metadata} metadata
 * @returns {Promise<Blob>}
 */
export async function withMetadata(blob, { exif, xmp }) {
  const write = { "image/jpeg": writeJpeg, "image/png": writePng, "image/webp": writeWebp }[blob.type];
  if (!write || !(exif || xmp)) return blob;
  return new Blob(await write(blob, exif, xmp && encode(xmp)), { type: blob.type });
}

async function writeJpeg(blob, exif, xmp) {
  // After the header of JFIF, if there is one.
  const start = new DataView(await blob.slice(0, 6).arrayBuffer());
  const at = start.getUint16(2) === 0xffe0 ? 4 + start.getUint16(4) : 2;
  const segment = (name, data) => {
    const length = 2 + name.length + (data?.length ?? MAX_SEGMENT);
    return length > MAX_SEGMENT ? [] : [Uint8Array.of(0xff, 0xe1, length >> 8, length & 0xff), encode(name), data];
  };
  return [blob.slice(0, at), ...segment(EXIF, exif), ...segment(XMP, xmp), blob.slice(at)];
}

async function writePng(blob, exif, xmp) {
  const text = xmp && joined(encode(`${PNG_XMP}\0\0\0\0`), xmp);
  const chunks = [...(exif ? chunk("eXIf", exif) : []), ...(text ? chunk("iTXt", text) : [])];
  return [blob.slice(0, PNG_HEADER), ...chunks, blob.slice(PNG_HEADER)];
}

/** https://developers.google.com/speed/webp/docs/riff_container */
async function writeWebp(blob, exif, xmp) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const { width, height, alpha } = readHeader(bytes);
  const isExtended = latin(bytes.subarray(12, 16)) === "VP8X";
  const flags = (exif ? WEBP_EXIF : 0) | (xmp ? WEBP_XMP : 0) | (isExtended ? bytes[20] : alpha ? WEBP_ALPHA : 0);
  const uint24 = (value) => [value & 0xff, (value >> 8) & 0xff, value >> 16];
  const extended = Uint8Array.of(flags, 0, 0, 0, ...uint24(width - 1), ...uint24(height - 1));
  const part = (name, data) => [encode(name), long(data.length), data, new Uint8Array(data.length % 2)];
  const chunks = [
    ...part("VP8X", extended),
    bytes.subarray(isExtended ? 30 : 12),
    ...(exif ? part("EXIF", exif) : []),
    ...(xmp ? part("XMP ", xmp) : []),
  ];
  const length = chunks.reduce((sum, part) => sum + part.length, 4);
  return [encode("RIFF"), long(length), encode("WEBP"), ...chunks];
}

function joined(first, second) {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}

const long = (value) => Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24);
