/** One picture on its way to the screen. */
export interface FrameRecord {
  readonly format: 'vp8' | 'rgba';
  readonly key: boolean;
  readonly width: number;
  readonly height: number;
  readonly sequence: number;
  readonly timeUs: number;
  readonly payload: Uint8Array<ArrayBuffer>;
}

const HEADER = 24;

/**
 * Reads the body of a `frames` answer: records one after the other, little endian, each with a
 * header of 24 bytes (payload length, format, flags, width, height, reserved, sequence, time in
 * microseconds) and the payload. Throws on a body that is cut or of an unknown format.
 */
export function readRecords(body: ArrayBuffer): FrameRecord[] {
  const bytes = new DataView(body);
  const records: FrameRecord[] = [];
  let at = 0;
  while (at < body.byteLength) {
    if (at + HEADER > body.byteLength) throw new RangeError('cut frame header');
    const length = bytes.getUint32(at, true);
    const format = bytes.getUint8(at + 4);
    const start = at + HEADER;
    if (format > 1) throw new RangeError(`unknown frame format ${String(format)}`);
    if (start + length > body.byteLength) throw new RangeError('cut frame');
    records.push({
      format: format === 0 ? 'vp8' : 'rgba',
      key: (bytes.getUint8(at + 5) & 1) === 1,
      width: bytes.getUint16(at + 6, true),
      height: bytes.getUint16(at + 8, true),
      sequence: bytes.getUint32(at + 12, true),
      timeUs: Number(bytes.getBigUint64(at + 16, true)),
      payload: new Uint8Array(body, start, length),
    });
    at = start + length;
  }
  return records;
}

/** Writes records the same way. Used by the acted backend and by tests. */
export function writeRecords(records: readonly FrameRecord[]): ArrayBuffer {
  const size = records.reduce((sum, record) => sum + HEADER + record.payload.byteLength, 0);
  const body = new ArrayBuffer(size);
  const bytes = new DataView(body);
  let at = 0;
  for (const record of records) {
    bytes.setUint32(at, record.payload.byteLength, true);
    bytes.setUint8(at + 4, record.format === 'vp8' ? 0 : 1);
    bytes.setUint8(at + 5, record.key ? 1 : 0);
    bytes.setUint16(at + 6, record.width, true);
    bytes.setUint16(at + 8, record.height, true);
    bytes.setUint32(at + 12, record.sequence, true);
    bytes.setBigUint64(at + 16, BigInt(record.timeUs), true);
    new Uint8Array(body, at + HEADER).set(record.payload);
    at += HEADER + record.payload.byteLength;
  }
  return body;
}
