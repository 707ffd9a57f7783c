// The clock of a pcapng interface: how its 64-bit ticks become whole µs since the epoch.

/** Codes of the interface's options that say what its ticks mean. */
export const INTERFACE_TIME = { resolution: 9, offset: 14 };

export interface InterfaceTime {
  /** Ticks are µs already: the usual case, without BigInt. */
  readonly plain: boolean;
  /** µs = ticks * multiply / divide + add */
  readonly multiply: bigint;
  readonly divide: bigint;
  readonly add: bigint;
}

const MICRO: InterfaceTime = { plain: true, multiply: 1n, divide: 1n, add: 0n };

/** `resolution`: if_tsresol (negative power of 10, or of 2 with the high bit; default µs); `seconds`: if_tsoffset. */
export function interfaceTime(resolution: number | undefined, seconds: bigint | undefined): InterfaceTime {
  if ((resolution === undefined || resolution === 6) && !seconds) return MICRO;
  const power = BigInt((resolution ?? 6) & 0x7f);
  const ticksPerSecond = ((resolution ?? 6) & 0x80) !== 0 ? 2n ** power : 10n ** power;
  return { plain: false, multiply: 1_000_000n, divide: ticksPerSecond, add: (seconds ?? 0n) * 1_000_000n };
}

/** Not a safe integer when the file's time is absurd. */
export function micros(clock: InterfaceTime, high: number, low: number): number {
  if (clock.plain) return high * 0x1_0000_0000 + low;
  const ticks = (BigInt(high) << 32n) | BigInt(low);
  return Number((ticks * clock.multiply) / clock.divide + clock.add);
}
