// Calls as phones make them, said word by word to a server without sockets.
import type { Address, House } from './house.ts';

export interface Phone extends Address {
  readonly user: string;
}

export type Kind = 'answered' | 'declined' | 'cancelled' | 'unreachable';

export const DOMAIN = 'example.org';

const SDP =
  'v=0\r\no=- 1 1 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n';

const aor = (phone: Phone) => `sip:${phone.user}@${DOMAIN}`;
const contact = (phone: Phone) => `sip:${phone.user}@${phone.address}:${phone.port}`;
const viaOf = (phone: Phone, branch: string) =>
  `Via: SIP/2.0/UDP ${phone.address}:${phone.port};branch=z9hG4bK${branch};rport`;

export function register(house: House, phone: Phone): void {
  const sent = house.receive(phone, [
    `REGISTER sip:${DOMAIN} SIP/2.0`,
    viaOf(phone, `reg${phone.user}`),
    `From: <${aor(phone)}>;tag=r`,
    `To: <${aor(phone)}>`,
    `Call-ID: reg-${phone.user}`,
    'CSeq: 1 REGISTER',
    `Contact: <${contact(phone)}>;expires=7200`,
  ]);
  const answer = sent[0]?.message;
  if (answer?.kind !== 'response' || answer.status !== 200)
    throw new Error(`${phone.user} could not register`);
}

/** Lines of the caller's next request inside an answered call. */
export function insideLines(call: Call, method: string, cseq: number): string[] {
  const { alice, bob, inside, n } = call;
  return [
    `${method} ${contact(bob)} SIP/2.0`,
    viaOf(alice, `${n}${method}`),
    ...inside,
    `CSeq: ${cseq} ${method}`,
  ];
}

export interface Call {
  readonly n: number;
  readonly alice: Phone;
  readonly bob: Phone;
  /** What every request of the caller inside it says. */
  readonly inside: readonly string[];
  readonly end: () => void;
}

/** Brings a call into the state it is held in. */
export function begin(house: House, n: number, kind: Kind, alice: Phone, bob: Phone): Call {
  const to = kind === 'unreachable' ? `sip:nobody@${DOMAIN}` : aor(bob);
  const from = `From: <${aor(alice)}>;tag=a${n}`;
  const callId = `Call-ID: call-${n}@${alice.address}`;
  const common = [from, callId, 'Max-Forwards: 70'];
  const say = (method: string, branch: string, toTag = '', cseq = 1) =>
    house.receive(alice, [
      `${method} ${to} SIP/2.0`,
      viaOf(alice, `${n}${branch}`),
      ...common,
      `To: <${to}>${toTag}`,
      `CSeq: ${cseq} ${method}`,
    ]);
  const call = (end: () => void, inside: readonly string[] = common): Call => ({
    n,
    alice,
    bob,
    inside,
    end,
  });
  const out = house
    .receive(
      alice,
      [
        `INVITE ${to} SIP/2.0`,
        viaOf(alice, `${n}i`),
        ...common,
        `To: <${to}>`,
        'CSeq: 1 INVITE',
        `Contact: <${contact(alice)}>`,
        'Content-Type: application/sdp',
      ],
      SDP,
    )
    .find((s) => s.message.kind === 'request' && s.message.method === 'INVITE');
  if (out === undefined) return call(() => void say('ACK', 'i', ';tag=x'));
  const answer = (status: number, body = '') =>
    house.receive(
      bob,
      [
        `SIP/2.0 ${status} Said`,
        ...out.message.headers.filter((h) => h.key === 'via' || h.key === 'record-route').map((h) => h.raw),
        from,
        `To: <${to}>;tag=b${n}`,
        callId,
        'CSeq: 1 INVITE',
        `Contact: <${contact(bob)}>`,
        ...(body === '' ? [] : ['Content-Type: application/sdp']),
      ],
      body,
    );
  answer(180);
  if (kind === 'declined') return call(() => void answer(603));
  if (kind === 'cancelled') {
    return call(() => {
      say('CANCEL', 'i');
      answer(487);
    });
  }
  const ok = answer(200, SDP).find((s) => s.message.kind === 'response' && s.message.status === 200);
  const routes = ok?.message.all('record-route').map((value) => `Route: ${value}`) ?? [];
  const inside = [...common, ...routes, `To: <${to}>;tag=b${n}`];
  const answered = call(() => {
    const bye = house
      .receive(alice, insideLines(answered, 'BYE', 2))
      .find((s) => s.message.kind === 'request');
    if (bye === undefined) throw new Error('the BYE did not get through');
    house.receive(bob, [
      'SIP/2.0 200 OK',
      ...bye.message.headers.filter((h) => h.key === 'via').map((h) => h.raw),
      from,
      callId,
      `To: <${to}>;tag=b${n}`,
      'CSeq: 2 BYE',
    ]);
  }, inside);
  house.receive(alice, insideLines(answered, 'ACK', 1));
  return answered;
}
