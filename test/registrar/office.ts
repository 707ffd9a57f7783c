// A registrar with its clock and phones that register with it: what the tests of this folder share.
import { Location } from '../../src/registrar/location.ts';
import { Registrar, type RegistrarSettings } from '../../src/registrar/registrar.ts';
import type { SipRequest, SipResponse } from '../../src/sip/message.ts';
import { parse } from '../../src/sip/parse.ts';
import { defaultReason } from '../../src/sip/reply.ts';
import { type Aor, aorOf, parseUri } from '../../src/sip/uri.ts';
import { VirtualClock } from '../../src/time/clock.ts';
import type { Flow } from '../../src/transport/flow.ts';

export const settings: RegistrarSettings = {
  defaultExpires: 3600,
  minExpires: 60,
  maxExpires: 7200,
  maxContacts: 30,
  maxBindings: 1000,
  contactRouting: 'auto',
};

export const flow: Flow = {
  transport: 'udp',
  localAddress: '192.0.2.1',
  localPort: 5060,
  remoteAddress: '192.0.2.10',
  remotePort: 5060,
};

export const from = (remoteAddress: string, remotePort: number): Flow => ({
  ...flow,
  remoteAddress,
  remotePort,
});

export interface Wish {
  readonly uri?: string;
  readonly to?: string;
  readonly callId?: string;
  readonly cseq?: number;
  readonly via?: string;
  /** Header lines. */
  readonly lines?: readonly string[];
}

let calls = 0;

export function register(contacts: readonly string[], wish: Wish = {}): SipRequest {
  const to = wish.to ?? 'sip:alice@example.com';
  return request(
    `REGISTER ${wish.uri ?? 'sip:example.com'} SIP/2.0`,
    `Via: SIP/2.0/UDP ${wish.via ?? '192.0.2.10:5060'};branch=z9hG4bK${++calls}`,
    'Max-Forwards: 70',
    `From: <${to}>;tag=1`,
    `To: <${to}>`,
    `Call-ID: ${wish.callId ?? 'one'}`,
    `CSeq: ${wish.cseq ?? calls} REGISTER`,
    ...contacts.map((contact) => `Contact: ${contact}`),
    ...(wish.lines ?? []),
    'Content-Length: 0',
  );
}

export function request(...lines: readonly string[]): SipRequest {
  const parsed = parse(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'utf8'));
  if (!parsed.ok) throw new Error(`test message: ${parsed.problem.phrase}`);
  if (parsed.message.kind !== 'request') throw new Error('test message is no request');
  return parsed.message;
}

export const aor = (uri: string): Aor => {
  const parsed = parseUri(uri);
  if (parsed === undefined) throw new Error(`test URI: ${uri}`);
  return aorOf(parsed);
};

export const alice = aor('sip:alice@example.com');

export class Office {
  readonly clock = new VirtualClock(1_000_000);
  readonly location = new Location({ clock: this.clock });
  readonly changes: string[] = [];
  readonly registrar: Registrar;

  constructor(changed: Partial<RegistrarSettings> = {}, reason = defaultReason) {
    this.registrar = new Registrar({
      location: this.location,
      clock: this.clock,
      settings: { ...settings, ...changed },
      isOurs: (uri) =>
        ['example.com', '192.0.2.1', '2001:db8::1'].includes(uri.host) && (uri.port ?? 5060) === 5060,
      reason,
      newTag: () => 'our-tag',
    });
    this.location.onChange((who, change, binding) => this.changes.push(`${change} ${who} ${binding.uri}`));
  }

  /** Sends a REGISTER with these Contact values. */
  send(contacts: readonly string[], wish: Wish & { readonly flow?: Flow } = {}): SipResponse {
    return this.registrar.handle(register(contacts, wish), wish.flow ?? flow);
  }

  /** Contact URIs of live bindings, as routing sees them. */
  contacts(who: Aor = alice): string[] {
    return this.location.lookup(who).map((binding) => binding.uri);
  }
}
