// CRC-32 as in zip and PNG files (ITU-T V.42, with the polynomial's bits reversed).

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  return crc;
});

/**
 * The checksum of the bytes so far followed by these.
 *
 * @param {number} crc that of the bytes so far; 0 for none
 * @param {Uint8Array} bytes
 */
export function update(crc, bytes) {
  let state = ~crc;
  for (let i = 0; i < bytes.length; i += 1) state = TABLE[(state ^ bytes[i]) & 0xff] ^ (state >>> 8);
  return ~state >>> 0;
}
