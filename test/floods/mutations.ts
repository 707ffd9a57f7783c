// Seeded damage to SIP messages: the same seed gives the same bytes.

export type Random = (below: number) => number;

export function randomFrom(seed: number): Random {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const WORDS = [
  '\r\n',
  '\r\n\r\n',
  '\0',
  '"',
  '<',
  '>',
  ';',
  ',',
  ':',
  '%00',
  '\xff\xfe',
  '4294967296',
  '-1',
  '[::1]',
  'sip:',
  ';tag=x',
  ';branch=z9hG4bK',
  'Via: ',
  'Route: <sip:127.0.0.1;lr>\r\n',
  'Content-Length: 99999\r\n',
  'Content-Length: 0\r\n',
  'A'.repeat(300),
];

/** One to four kinds of damage to one of `messages`. */
export function mutated(messages: readonly string[], random: Random): Buffer {
  let text = messages[random(messages.length)] ?? '';
  for (let left = 1 + random(4); left > 0; left--) text = damaged(text, messages, random);
  return Buffer.from(text.slice(0, 8000), 'latin1');
}

function damaged(text: string, messages: readonly string[], random: Random): string {
  const at = random(text.length + 1);
  const length = 1 + random(20);
  const lines = text.split('\r\n');
  const line = random(lines.length);
  switch (random(8)) {
    case 0:
      return text.slice(0, at) + String.fromCharCode(random(256)) + text.slice(at + 1);
    case 1:
      return text.slice(0, at) + text.slice(at + length);
    case 2:
      return text.slice(0, at) + text.slice(at, at + length) + text.slice(at);
    case 3:
      return text.slice(0, at) + WORDS[random(WORDS.length)] + text.slice(at);
    case 4:
      lines.splice(line, 1);
      return lines.join('\r\n');
    case 5:
      lines.splice(line, 0, lines[random(lines.length)] ?? '');
      return lines.join('\r\n');
    case 6:
      return text.slice(0, at) + (messages[random(messages.length)] ?? '').slice(at);
    default:
      return text.slice(0, at);
  }
}
