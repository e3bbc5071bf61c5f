const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xed_b8_83_20 : value >>> 1;
  return value;
});

/** Flyway's checksum of a file: the CRC-32 of its lines without their breaks and without a byte order mark, as a signed number. */
export function flywayChecksum(text: string): number {
  const lines = (text.startsWith('\uFEFF') ? text.slice(1) : text).split(/\r\n|\n|\r/);
  let crc = 0xff_ff_ff_ff;
  for (const byte of Buffer.from(lines.join(''), 'utf8')) crc = (TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  return ~crc;
}
