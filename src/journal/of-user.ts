// Whose call is it: a user as people write one, against the parties of a call.
import { text } from '../sip/message.ts';
import { aorOf, parseUri } from '../sip/uri.ts';

/** An AOR, or how it begins. */
export type UserPattern = { readonly is: string } | { readonly begins: string };

/** `sip:alice@example.org`, `alice@example.org`, or `alice` of any domain. */
export function userPattern(user: string): UserPattern {
  if (!user.includes('@')) return { begins: `sip:${user.replace(/^sip:/i, '')}@` };
  const uri = parseUri(wire(/^sips?:/i.test(user) ? user : `sip:${user}`));
  return { is: uri === undefined ? user : text(aorOf(uri)) };
}

export function matcher(user: string): (party: string) => boolean {
  const pattern = userPattern(user);
  return 'is' in pattern ? (party) => party === pattern.is : (party) => party.startsWith(pattern.begins);
}

/** As the wire has it: one char per byte. */
export function wire(utf8: string): string {
  return Buffer.from(utf8, 'utf8').toString('latin1');
}
