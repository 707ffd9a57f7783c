// The Vias of a message one by one, top first.
import { NO_VIA, type SipMessage, type Via } from '../sip/message.ts';
import { parseVia } from '../sip/via.ts';

export function vias(message: SipMessage): Via[] {
  return message.all('via').map((value) => parseVia(value) ?? NO_VIA);
}

/** A Via as its maker wrote it, before the server below it added what it saw (RFC 3581). */
export function bareVia(via: Via): string {
  return via.raw.replace(/;\s*(received|rport)\s*=\s*[^;,\s]+/gi, (_, name: string) =>
    name.toLowerCase() === 'rport' ? ';rport' : '',
  );
}
