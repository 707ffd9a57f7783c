// Bytes that are written one behind the other, and the digits of a number among them.

/** A buffer that was blown up once is not kept. */
const MOST_ROOM = 1024 * 1024;
const ZERO = 0x30;
const MOST_SMALL = 0x7fffffff;
const BILLION = 1e9;
/** Of any number as `writeNumber` writes it. */
export const MOST_DIGITS = 24;

export class GrowingBytes {
  readonly #room: number;
  /** Those up to `length` count. */
  bytes: Buffer;
  length = 0;

  /** `room`: bytes it begins with. */
  constructor(room: number) {
    this.#room = room;
    this.bytes = Buffer.allocUnsafeSlow(room);
  }

  clear(): void {
    this.length = 0;
    if (this.bytes.length > MOST_ROOM) this.bytes = Buffer.allocUnsafeSlow(this.#room);
  }

  /** Behind what counts there is room for so many more. */
  protected makeRoom(most: number): void {
    const needed = this.length + most;
    if (needed <= this.bytes.length) return;
    const bigger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, needed));
    this.bytes.copy(bigger, 0, 0, this.length);
    this.bytes = bigger;
  }
}

/** In decimal, as String has it; answers where it ends. There is room for MOST_DIGITS. */
export function writeNumber(bytes: Buffer, start: number, value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) return start + bytes.write(String(value), start, 'latin1');
  if (value <= MOST_SMALL) return writeDigits(bytes, start, value, 1);
  // beyond that, division is that of fractions
  const billions = Math.floor(value / BILLION);
  return writeDigits(bytes, writeDigits(bytes, start, billions, 1), value - billions * BILLION, 9);
}

function writeDigits(bytes: Buffer, start: number, value: number, least: number): number {
  let count = 1;
  for (let rest = value; rest >= 10; rest = (rest / 10) | 0) count++;
  const end = start + Math.max(count, least);
  let rest = value;
  for (let at = end - 1; at >= start; at--) {
    const tens = (rest / 10) | 0;
    bytes[at] = ZERO + rest - tens * 10;
    rest = tens;
  }
  return end;
}
