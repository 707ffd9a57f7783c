// The line of one entry, as the format says it stands in its file.

interface Entry {
  /** undefined: deleted. */
  readonly text: string | undefined;
  readonly isAppended: boolean;
}

export const DELETED: Entry = { text: undefined, isAppended: false };

/** With room for its CRC. `after` is the line that an appended one follows. */
export function lineOf(seq: number, key: string, { text, isAppended }: Entry, after = 0): string {
  const name = key.replace(
    /[^!-$&-~\u00a0-\ud7ff\ue000-\uffff]/g,
    (char) => `%${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  if (text === undefined) return `00000000 ${seq} - ${name}\n`;
  return `00000000 ${seq} ${isAppended ? `&${after}` : '+'} ${name} ${text}\n`;
}
