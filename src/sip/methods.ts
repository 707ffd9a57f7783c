// The methods we know, so that a message's method is one shared string instead of a piece of its datagram.

const known = [
  'INVITE',
  'ACK',
  'BYE',
  'CANCEL',
  'REGISTER',
  'OPTIONS',
  'SUBSCRIBE',
  'NOTIFY',
  'PUBLISH',
  'REFER',
  'UPDATE',
  'PRACK',
  'INFO',
  'MESSAGE',
];

/** The text s[from, to), whatever it is. */
export function methodOf(s: string, from: number, to: number): string {
  for (const method of known) {
    if (
      method.length === to - from &&
      method.charCodeAt(0) === s.charCodeAt(from) &&
      method.charCodeAt(1) === s.charCodeAt(from + 1) &&
      s.startsWith(method, from)
    )
      return method;
  }
  return s.slice(from, to);
}
