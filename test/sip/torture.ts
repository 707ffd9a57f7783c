// The 49 ideas of RFC 4475 in messages of our own, and what each is owed. Shared by the tests of parser and server.
import { datagram } from './wire.ts';

/** `passes`: good for a proxy. Else the status and code of the problem; status 0: dropped without a word. */
export type Verdict = 'passes' | { readonly status: number; readonly code: string };

export interface Torture {
  /** Section of RFC 4475. */
  readonly section: string;
  readonly idea: string;
  readonly bytes: Buffer;
  /** What parse and checkRequest say. */
  readonly verdict: Verdict;
  /** Trailing bytes that are not part of the message. */
  readonly cut?: number;
  /** What the whole server owes when parser and syntax check are content with it. */
  readonly server?: string;
}

const sdp = [
  'v=0',
  'o=maja 1104 1104 IN IP4 198.51.100.20',
  's=-',
  'c=IN IP4 198.51.100.20',
  't=0 0',
  'm=audio 41000 RTP/AVP 0',
  'm=video 41002 RTP/AVP 31',
  '',
].join('\r\n');

interface Changes {
  readonly start?: string;
  readonly via?: string | readonly string[];
  readonly from?: string | readonly string[];
  readonly to?: string | readonly string[];
  readonly callId?: string | readonly string[];
  readonly cseq?: string | readonly string[];
  readonly hops?: string;
  readonly length?: string | readonly string[];
  readonly more?: readonly string[];
  readonly body?: string | Buffer;
}

const none: readonly string[] = [];

function message(method: string, changes: Changes): Buffer {
  const body = changes.body ?? '';
  return datagram(
    [
      changes.start ?? `${method} sip:maja@trnava.example SIP/2.0`,
      changes.via ?? 'Via: SIP/2.0/UDP 198.51.100.20;branch=z9hG4bKm4j4',
      changes.hops ?? 'Max-Forwards: 44',
      changes.from ?? 'From: <sip:igor@presov.example>;tag=77aa',
      changes.to ?? 'To: <sip:maja@trnava.example>',
      changes.callId ?? 'Call-ID: t0rtur3@presov.example',
      changes.cseq ?? `CSeq: 12 ${method}`,
      changes.more ?? none,
      changes.length ?? `Content-Length: ${Buffer.from(body).length}`,
    ].flat(),
    body,
  );
}

function answer(start: string, changes: Changes): Buffer {
  return message('OPTIONS', { start, hops: 'Server: Skuska', ...changes });
}

const long = 'dlhe'.repeat(60);

const valid: readonly Torture[] = [
  {
    section: '3.1.1.1',
    idea: 'a short tortuous INVITE: folds, spaces around everything, odd case, compact forms, several Vias in a line',
    bytes: datagram(
      [
        'INVITE sip:maja@trnava.example;neznamy SIP/2.0',
        'tO :',
        '\tsip:maja@trnava.example ;   tag    = 100200x',
        'fRoM   : "I \\\\\\" Gor\\""     <sip:igor@presov.example>',
        '  ;',
        '  tag = 9zz',
        'mAx-FoRwArDs: 0041',
        'cALL-iD: krut1@presov.example',
        `Content-Length   : ${sdp.length}`,
        'cSEQ: 0012',
        '  INVITE',
        'VIA  : SIP  /   2.0',
        ' /UDP',
        '    198.51.100.20;branch=stara',
        's :',
        'Novota:   jedna hodnota',
        ' pokracuje dalej',
        'Divna: ,;;,;,,;',
        'Content-Type: application/sdp',
        'Route:',
        ' <sip:brana.trnava.example;lr;ina=hodnota;bez-hodnoty>',
        'v:  SIP  / 2.0  / TCP     veza.example   ;',
        '  branch  =   z9hG4bKv3z4  ,',
        ' SIP  /    2.0   / UDP  203.0.113.9   ; branch=',
        ' z9hG4bKkon13c',
        'm:"Uvodzovky \\"\\"" <sip:igor@presov.example> ; novy =',
        '      hodnota ;',
        '  druhy ; q = 0.27',
      ],
      sdp,
    ),
    verdict: 'passes',
  },
  {
    section: '3.1.1.2',
    idea: 'every character the grammar allows, in method, user, Call-ID, tag, header name and value',
    bytes: message("-Vsetko.9!%*_+`'~", {
      start:
        "-Vsetko.9!%*_+`'~ sip:0+Vsetko~(ide!)&a=b+c$/d?,/;;*:h&e=s,l!o*pas$w~d_(a)@trnava.example SIP/2.0",
      via: "Via: SIP/2.0/TCP presov.example;branch=z9hG4bK-.!%9*_+`'~",
      to: 'To: "ZVON:\\\x07 NIC:\\\x00 VYMAZ:\\\x7f" <sip:maja!(~)@trnava.example>',
      from: "From: slovo~` slovo2'+_ slovo3*%!.- <sip:igor@presov.example>;par''~+*_!.-%=\"ľúbozvučný\";tag=_z~1'+`*%!-.",
      callId: 'Call-ID: a.b%ZZ-!.*_+\'@c`~)(><:\\/"][?}{',
      cseq: "CSeq: 12 -Vsetko.9!%*_+`'~",
      more: ["rozsirenie-!.%*+_`'~:\ufeff大停電"],
    }),
    verdict: 'passes',
  },
  {
    section: '3.1.1.3',
    idea: 'valid escapes in users, parameters and display names',
    bytes: message('INVITE', {
      start: 'INVITE sip:sips%3Amaja%40trnava.example@presov.example SIP/2.0',
      to: 'To: sip:%6da%6Aa@trnava.example',
      from: 'From: <sip:mam%20medzery@presov.example>;tag=3',
      more: ['Contact:', '  <sip:ig%6Fr@198.51.100.20;%6C%72;p%61r=h%6Fd%25%34%32>'],
    }),
    verdict: 'passes',
  },
  {
    section: '3.1.1.4',
    idea: 'escaped NULs are characters like any other',
    bytes: message('REGISTER', {
      start: 'REGISTER sip:trnava.example SIP/2.0',
      to: 'To: sip:nula-%00-nula@trnava.example',
      from: 'From: sip:nula-%00-nula@trnava.example;tag=0',
      more: ['Contact: <sip:%00@198.51.100.20>', 'Contact: <sip:%00%00@198.51.100.20>'],
      length: 'L:0',
    }),
    verdict: 'passes',
  },
  {
    section: '3.1.1.5',
    idea: 'a % that is no escape: in method, header name and display name',
    bytes: message('IN%56ITE', {
      via: 'Via: SIP/2.0/TCP 198.51.100.20;branch=z9hG4bK77%gzz',
      to: 'To: "%X%56" <sip:maja@trnava.example>',
      more: ['C%6Fntact: <sip:ina@198.51.100.20>', 'Contact: <sip:prava@198.51.100.20>'],
      length: 'l: 0',
    }),
    verdict: 'passes',
  },
  {
    section: '3.1.1.6',
    idea: 'no space between display name and <',
    bytes: message('OPTIONS', { from: 'From: igor<sip:igor@presov.example>;tag=5' }),
    verdict: 'passes',
  },
  {
    section: '3.1.1.7',
    idea: 'long values everywhere and thirty Vias in every spelling',
    bytes: message('INVITE', {
      to: `t: "Meno ${long} ${long}"<sip:maja@trnava.example:5999;p1=${long};p2=${long}>;p3=${long};p4=${long}`,
      from: `F: sip:${long}@presov.example;tag=${long};p=${long}`,
      callId: `i: ${long}`,
      via: [
        ...Array.from({ length: 10 }, (_, i) => `Via: SIP/2.0/TCP u${i}.example`),
        ...Array.from({ length: 10 }, (_, i) => `V  : SIP/2.0/TCP v${i}.example`),
        ...Array.from({ length: 10 }, (_, i) => `vIa :  SIP/2.0/TCP w${i}.example`),
        `v: SIP/2.0/UDP 198.51.100.20;received=198.51.100.21;branch=${long}`,
      ],
      more: [`X-${long}: ${long}; ${long}="${long}"`, `Contact: <sip:${long}@198.51.100.20>`],
    }),
    verdict: 'passes',
  },
  {
    section: '3.1.1.8',
    idea: 'a second request behind the first in one datagram is cut',
    bytes: Buffer.concat([
      message('REGISTER', { start: 'REGISTER sip:trnava.example SIP/2.0' }),
      Buffer.from('\r\n'),
      message('INVITE', { body: sdp }),
    ]),
    cut: 2 + message('INVITE', { body: sdp }).length,
    verdict: 'passes',
  },
  {
    section: '3.1.1.9',
    idea: 'a semicolon in the user part starts no parameter',
    bytes: message('OPTIONS', {
      start: 'OPTIONS sip:maja;druh=a%40b.example@trnava.example SIP/2.0',
      more: ['Accept: application/sdp, text/plain,', '        multipart/mixed'],
    }),
    verdict: 'passes',
  },
  {
    section: '3.1.1.10',
    idea: 'unknown transports in the Vias behind the first',
    bytes: message('OPTIONS', {
      via: [
        'Via: SIP/2.0/UDP a.example;branch=z9hG4bKa',
        'Via: SIP/2.0/SCTP b.example;branch=z9hG4bKb',
        'Via: SIP/2.0/HOLUB c.example;branch=z9hG4bKc',
      ],
    }),
    verdict: 'passes',
  },
  {
    section: '3.1.1.11',
    idea: 'a multipart body with a binary part',
    bytes: message('MESSAGE', {
      more: ['Content-Type: multipart/mixed;boundary=hranica77', 'Content-Transfer-Encoding: binary'],
      body: Buffer.concat([
        Buffer.from('--hranica77\r\nContent-Type: text/plain\r\n\r\nAhoj\r\n--hranica77\r\n'),
        Buffer.from('Content-Type: application/octet-stream\r\n\r\n'),
        Buffer.from([0x30, 0x82, 0x00, 0xff, 0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x80, 0xa0, 0xc3]),
        Buffer.from('\r\n--hranica77--\r\n'),
      ]),
    }),
    verdict: 'passes',
  },
  {
    section: '3.1.1.12',
    idea: 'a reason phrase in UTF-8 with odd characters',
    bytes: answer('SIP/2.0 200 = 4**2 * 5**2 + 0 všetko v poriadku, йоu :-)', {}),
    verdict: 'passes',
    server: 'drops: it answers nothing of ours',
  },
  {
    section: '3.1.1.13',
    idea: 'an empty reason phrase',
    bytes: answer('SIP/2.0 100 ', {}),
    verdict: 'passes',
    server: 'drops: it answers nothing of ours',
  },
];

const invalid: readonly Torture[] = [
  {
    section: '3.1.2.1',
    idea: 'extra separators in Via and Contact',
    bytes: message('INVITE', {
      via: 'Via: SIP/2.0/UDP 198.51.100.20;;,;,,',
      more: ['Contact: "Igor" <sip:igor@198.51.100.20>;;;;'],
    }),
    verdict: { status: 400, code: 'bad-via' },
  },
  {
    section: '3.1.2.2',
    idea: 'Content-Length larger than the body',
    bytes: message('INVITE', { body: sdp, length: 'Content-Length: 8888' }),
    verdict: { status: 400, code: 'body-too-short' },
  },
  {
    section: '3.1.2.3',
    idea: 'negative Content-Length',
    bytes: message('INVITE', { body: sdp, length: 'Content-Length: -7' }),
    verdict: { status: 400, code: 'bad-content-length' },
  },
  {
    section: '3.1.2.4',
    idea: 'numbers beyond any range in a request',
    bytes: message('REGISTER', {
      start: 'REGISTER sip:trnava.example SIP/2.0',
      cseq: 'CSeq: 73786976294838206464 REGISTER',
      hops: 'Max-Forwards: 400',
      more: [
        `Expires: 9${'0'.repeat(90)}`,
        'Contact: <sip:igor@198.51.100.20>',
        '  ;expires=999999999999999',
      ],
    }),
    verdict: { status: 400, code: 'bad-cseq' },
  },
  {
    section: '3.1.2.5',
    idea: 'numbers beyond any range in a response',
    bytes: answer('SIP/2.0 503 Service Unavailable', {
      cseq: 'CSeq: 1234567890123456789012 OPTIONS',
      more: ['Retry-After: 888888888888888888888888', 'Warning: 1812 predohra "Ide to"'],
    }),
    verdict: { status: 0, code: 'bad-cseq' },
  },
  {
    section: '3.1.2.6',
    idea: 'a quote that is never closed',
    bytes: message('INVITE', { to: 'To: "Pani Maja <sip:maja@trnava.example>' }),
    verdict: { status: 400, code: 'bad-to' },
  },
  {
    section: '3.1.2.7',
    idea: 'Request-URI in angle brackets',
    bytes: message('INVITE', { start: 'INVITE <sip:maja@trnava.example> SIP/2.0' }),
    verdict: { status: 400, code: 'bad-request-uri' },
  },
  {
    section: '3.1.2.8',
    idea: 'white space inside the Request-URI',
    bytes: message('INVITE', { start: 'INVITE sip:maja@trnava.example; lr SIP/2.0' }),
    verdict: { status: 400, code: 'request-line-space' },
  },
  {
    section: '3.1.2.9',
    idea: 'several spaces between the parts of the Request-Line',
    bytes: message('INVITE', { start: 'INVITE  sip:maja@trnava.example  SIP/2.0' }),
    verdict: { status: 400, code: 'request-line-space' },
  },
  {
    section: '3.1.2.10',
    idea: 'spaces at the end of the Request-Line',
    bytes: message('OPTIONS', { start: 'OPTIONS sip:maja@trnava.example SIP/2.0   ' }),
    verdict: { status: 400, code: 'bad-start-line' },
  },
  {
    section: '3.1.2.11',
    idea: 'headers escaped into the Request-URI',
    bytes: message('INVITE', {
      start: 'INVITE sip:maja@trnava.example?Route=%3Csip:zlodej.example%3E SIP/2.0',
    }),
    verdict: { status: 400, code: 'uri-headers' },
  },
  {
    section: '3.1.2.12',
    idea: 'a Date that is not in GMT is none of a proxy’s business',
    bytes: message('INVITE', { more: ['Date: Mon, 02 Feb 2015 11:00:00 CET'] }),
    verdict: 'passes',
  },
  {
    section: '3.1.2.13',
    idea: 'a Contact whose question mark needs angle brackets',
    bytes: message('REGISTER', {
      start: 'REGISTER sip:trnava.example SIP/2.0',
      more: ['Contact: sip:maja@trnava.example?Route=%3Csip:brana.example%3E'],
    }),
    verdict: 'passes',
    server: '400 by the registrar: parseNameAddr refuses the Contact',
  },
  {
    section: '3.1.2.14',
    idea: 'spaces inside the angle brackets of To',
    bytes: message('OPTIONS', { to: 'To: "Maja, Mala" < sip:maja@trnava.example >' }),
    verdict: { status: 400, code: 'bad-to' },
  },
  {
    section: '3.1.2.15',
    idea: 'a comma in a display name without quotes',
    bytes: message('OPTIONS', { from: 'From: Maly, Igor <sip:igor@presov.example>;tag=8' }),
    verdict: { status: 400, code: 'bad-from' },
  },
  {
    section: '3.1.2.16',
    idea: 'another protocol version',
    bytes: message('OPTIONS', {
      start: 'OPTIONS sip:maja@trnava.example SIP/8.1',
      via: 'Via: SIP/8.1/UDP 198.51.100.20;branch=z9hG4bKm4j4',
    }),
    verdict: { status: 505, code: 'bad-version' },
  },
  {
    section: '3.1.2.17',
    idea: 'methods of start line and CSeq differ',
    bytes: message('OPTIONS', { cseq: 'CSeq: 12 INVITE' }),
    verdict: { status: 400, code: 'cseq-mismatch' },
  },
  {
    section: '3.1.2.18',
    idea: 'unknown method, and CSeq has another',
    bytes: message('NOVINKA', { cseq: 'CSeq: 12 INVITE' }),
    verdict: { status: 400, code: 'cseq-mismatch' },
  },
  {
    section: '3.1.2.19',
    idea: 'a status code that overflows',
    bytes: answer('SIP/2.0 8589934792 dobra skuska', {}),
    verdict: { status: 0, code: 'bad-status' },
  },
];

const application: readonly Torture[] = [
  {
    section: '3.2.1',
    idea: 'a branch that is the magic cookie alone: treated as one of RFC 2543',
    bytes: message('OPTIONS', { via: 'Via: SIP/2.0/UDP 198.51.100.20;branch=z9hG4bK' }),
    verdict: 'passes',
  },
  {
    section: '3.3.1',
    idea: 'no From, To and Call-ID',
    bytes: message('INVITE', { from: none, to: none, callId: none, body: sdp }),
    verdict: { status: 400, code: 'missing-header' },
  },
  {
    section: '3.3.2',
    idea: 'Request-URI of a scheme nobody knows',
    bytes: message('OPTIONS', { start: 'OPTIONS vymyslenaSchema:hocico SIP/2.0' }),
    verdict: { status: 416, code: 'unknown-scheme' },
  },
  {
    section: '3.3.3',
    idea: 'Request-URI of a known scheme that is not SIP',
    bytes: message('OPTIONS', { start: 'OPTIONS soap.beep://198.51.100.9:3003 SIP/2.0' }),
    verdict: { status: 416, code: 'unknown-scheme' },
  },
  {
    section: '3.3.4',
    idea: 'other schemes in From, To and Contact',
    bytes: message('REGISTER', {
      start: 'REGISTER sip:trnava.example SIP/2.0',
      to: 'To: isbn:9788000000000',
      from: 'From: <http://presov.example>;tag=31',
      more: ['Contact: <meno:Igor_Maly>'],
    }),
    verdict: 'passes',
    server: '400 or 404 by the registrar: no address of record',
  },
  {
    section: '3.3.5',
    idea: 'Proxy-Require and Require nobody supports',
    bytes: message('OPTIONS', {
      more: ['Require: nic, aniToto', 'Proxy-Require: taketoNie, aniInaksie'],
    }),
    verdict: 'passes',
    server: '420 with every Proxy-Require tag in Unsupported',
  },
  {
    section: '3.3.6',
    idea: 'an unknown Content-Type is for the phone to refuse',
    bytes: message('INVITE', { more: ['Content-Type: application/vymyslene'], body: '<zvuk/>\r\n' }),
    verdict: 'passes',
  },
  {
    section: '3.3.7',
    idea: 'an unknown authorization scheme',
    bytes: message('REGISTER', {
      start: 'REGISTER sip:trnava.example SIP/2.0',
      more: ['Authorization: Neznama udaje=tu'],
    }),
    verdict: 'passes',
    server: 'as if no credentials came',
  },
  {
    section: '3.3.8',
    idea: 'two of what there must be one of',
    bytes: message('INVITE', {
      callId: ['Call-ID: jeden@presov.example', 'Call-ID: dva@presov.example'],
      cseq: ['CSeq: 6 INVITE', 'CSeq: 60 INVITE'],
      from: ['From: sip:igor@presov.example;tag=1', 'From: sip:iny@presov.example;tag=2'],
      to: ['To: sip:maja@trnava.example', 'To: sip:ina@trnava.example'],
    }),
    verdict: { status: 400, code: 'repeated-header' },
  },
  {
    section: '3.3.9',
    idea: 'two Content-Lengths that differ',
    bytes: message('OPTIONS', {
      length: ['Content-Length: 11', 'Content-Length: 4'],
      body: 'Kto ma pravdu, ked kazdy hovori ine?',
    }),
    verdict: { status: 400, code: 'content-length-differs' },
  },
  {
    section: '3.3.10',
    idea: 'a response whose second Via is the broadcast address',
    bytes: answer('SIP/2.0 200 OK', {
      via: [
        'Via: SIP/2.0/UDP 198.51.100.20;branch=z9hG4bKa',
        'Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bKb',
      ],
    }),
    verdict: 'passes',
    server: 'drops: it answers nothing of ours',
  },
  {
    section: '3.3.11',
    idea: 'no hops left',
    bytes: message('OPTIONS', { hops: 'Max-Forwards: 0' }),
    verdict: 'passes',
    server: '483',
  },
  {
    section: '3.3.12',
    idea: 'an unknown parameter behind a Contact without brackets belongs to the header',
    bytes: message('REGISTER', {
      start: 'REGISTER sip:trnava.example SIP/2.0',
      more: ['Contact: sip:+421905000001@brana.example;neznamy'],
    }),
    verdict: 'passes',
    server: '200',
  },
  {
    section: '3.3.13',
    idea: 'an unknown parameter inside the brackets belongs to the URI',
    bytes: message('REGISTER', {
      start: 'REGISTER sip:trnava.example SIP/2.0',
      more: ['Contact: <sip:+421905000001@brana.example;neznamy>'],
    }),
    verdict: 'passes',
    server: '200',
  },
  {
    section: '3.3.14',
    idea: 'a Contact with escaped headers, rightly in brackets',
    bytes: message('REGISTER', {
      start: 'REGISTER sip:trnava.example SIP/2.0',
      more: ['M: <sip:maja@trnava.example?Route=%3Csip:brana.example%3E>'],
      length: 'L:0',
    }),
    verdict: 'passes',
    server: '200 with the Contact as it was given',
  },
  {
    section: '3.3.15',
    idea: 'an Accept the phone cannot serve is for the phone to refuse',
    bytes: message('INVITE', { more: ['Accept: text/nikto', 'Content-Type: application/sdp'], body: sdp }),
    verdict: 'passes',
  },
  {
    section: '3.4.1',
    idea: 'an INVITE of RFC 2543: no branch, no tag, no Max-Forwards, no Content-Length',
    bytes: datagram(
      [
        'INVITE sip:Maja@trnava.example SIP/2.0',
        'Via: SIP/2.0/UDP stara-brana.example',
        'From: <sip:+421905000002@stara.example;user=phone>',
        'Record-Route: <sip:Maja@trnava.example;maddr=ss2.example>',
        'To: sip:+421905000003@nova.example;user=phone',
        'Call-ID: 2543@stara.example',
        'CSeq: 65 INVITE',
        'Content-Type: application/sdp',
      ],
      sdp,
    ),
    verdict: 'passes',
  },
];

export const torture: readonly Torture[] = [...valid, ...invalid, ...application];
