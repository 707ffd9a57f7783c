import { describe, expect, it } from 'vitest';
import { makeResponse } from '../../src/sip/reply.ts';
import type { Flow } from '../../src/transport/flow.ts';
import { alice, answer, outgoing, Rig, request } from './rig.ts';

const elsewhere: Flow = { ...alice, remoteAddress: '198.51.100.7', remotePort: 40_000 };
const via = (rest: string): string => `SIP/2.0/UDP ${rest}`;

describe('a request belongs to a server transaction (RFC 3261 §17.2.3)', () => {
  const first = via('phone.example.com:5060;branch=z9hG4bKabc');
  it.each([
    ['the same', 'MESSAGE', first, true],
    ['sent-by in other case', 'MESSAGE', via('PHONE.Example.com:5060;branch=z9hG4bKabc'), true],
    ['the default port left out', 'MESSAGE', via('phone.example.com;branch=z9hG4bKabc'), true],
    ['another port', 'MESSAGE', via('phone.example.com:5061;branch=z9hG4bKabc'), false],
    ['another host', 'MESSAGE', via('phone2.example.com;branch=z9hG4bKabc'), false],
    ['another branch', 'MESSAGE', via('phone.example.com;branch=z9hG4bKabd'), false],
    ['a branch in other case', 'MESSAGE', via('phone.example.com;branch=z9hG4bKABC'), false],
    ['another method', 'INFO', first, false],
  ])('%s: %s %s -> %s', (_, method, top, known) => {
    const rig = new Rig();
    rig.receive(request('MESSAGE', { via: first }));
    const again = request(method, { via: top });
    expect(rig.layer.knows(again)).toBe(known);
    rig.receive(again, elsewhere);
    expect(rig.heard).toHaveLength(known ? 1 : 2);
    rig.expectNothingLeft();
  });

  it('whatever else differs: Request-URI, tags, Call-ID', () => {
    const rig = new Rig();
    rig.receive(request('MESSAGE'));
    rig.receive(request('MESSAGE', { uri: 'sip:x@y', from: '<sip:x@y>;tag=q', callId: 'other', cseq: 9 }));
    expect(rig.heard).toHaveLength(1);
    rig.expectNothingLeft();
  });

  it('with an IPv6 sent-by, too', () => {
    const rig = new Rig();
    rig.receive(request('MESSAGE', { via: via('[2001:DB8::9]:5060;branch=z9hG4bK6') }));
    rig.receive(request('MESSAGE', { via: via('[2001:db8::9];branch=z9hG4bK6') }));
    expect(rig.heard).toHaveLength(1);
    rig.expectNothingLeft();
  });
});

describe('a request of RFC 2543, whose branch is not unique', () => {
  const old = via('old.example.com');
  const tops = [
    ['no branch', old],
    ['a branch without the cookie', `${old};branch=1`],
    ['the bare cookie', `${old};branch=z9hG4bK`],
  ] as const;

  it.each(tops)('(%s) is told apart by Request-URI, tags, Call-ID, CSeq and Via', (_, top) => {
    const rig = new Rig();
    const parts = { via: top, to: '<sip:bob@example.com>;tag=b' };
    rig.receive(request('INFO', parts));
    rig.receive(request('INFO', parts), elsewhere);
    expect(rig.heard).toHaveLength(1);
    const others = [
      { ...parts, uri: 'sip:bob@example.org' },
      { ...parts, to: '<sip:bob@example.com>;tag=c' },
      { ...parts, from: '<sip:alice@example.com>;tag=z' },
      { ...parts, callId: 'other' },
      { ...parts, cseq: 2 },
      { ...parts, via: `${top};x`.replace('old.', 'older.') },
    ];
    for (const other of others) {
      expect(rig.layer.knows(request('INFO', other))).toBe(false);
      rig.receive(request('INFO', other));
    }
    expect(rig.heard).toHaveLength(1 + others.length);
    rig.expectNothingLeft();
  });

  it.each(tops)('(%s) has its INVITE absorbed, cancelled and acknowledged', (_, top) => {
    const rig = new Rig();
    rig.receive(request('INVITE', { via: top }));
    rig.receive(request('INVITE', { via: top }));
    rig.receive(request('CANCEL', { via: top }), elsewhere);
    expect(rig.told()).toBe('request INVITE, cancel');
    rig.servers[0]?.respond(makeResponse(request('INVITE', { via: top }), 487, 'Gone', { toTag: 'b' }));
    rig.fresh();
    rig.receive(request('ACK', { via: top, to: '<sip:bob@example.com>;tag=b' }), elsewhere);
    expect(rig.told()).toBe('');
    expect(rig.sendingTimes(3000)).toEqual([]);
    rig.expectNothingLeft();
  });

  it('has the ACK of another response passed up: the To tag says which', () => {
    const rig = new Rig();
    rig.receive(request('INVITE', { via: old }));
    rig.respond(487, 'failed');
    rig.respond(200, 'late');
    rig.fresh();
    rig.receive(request('ACK', { via: old, to: '<sip:bob@example.com>;tag=late' }));
    expect(rig.told()).toBe('ack');
    expect(rig.sendingTimes(500)).toEqual([500]);
    rig.receive(request('ACK', { via: old, to: '<sip:bob@example.com>;tag=failed' }));
    expect(rig.told()).toBe('');
    expect(rig.sendingTimes(5000)).toEqual([]);
    rig.expectNothingLeft();
  });

  it('has the ACK of a 2xx passed up (RFC 6026 §6)', () => {
    const rig = new Rig();
    rig.receive(request('INVITE', { via: old }));
    rig.respond(200);
    rig.fresh();
    rig.receive(request('ACK', { via: old, to: '<sip:bob@example.com>;tag=b' }));
    expect(rig.told()).toBe('ack');
    rig.expectNothingLeft();
  });
});

describe('CANCEL that arrives', () => {
  it('comes with its INVITE, by branch and sent-by, whatever address it comes from', () => {
    const found: unknown[] = [];
    const rig = new Rig({ on: { onCancel: (_, invite) => found.push(invite) } });
    rig.receive(request('INVITE'));
    rig.receive(request('CANCEL'), elsewhere);
    expect(found).toEqual([rig.servers[0]]);
    expect(rig.told()).toBe('request INVITE, cancel');
    rig.expectNothingLeft();
  });

  it('is answered like any request, and absorbed when it comes again', () => {
    const rig = new Rig({ on: { onCancel: (tx) => tx.respond(makeResponse(tx.request, 200, 'OK')) } });
    rig.receive(request('INVITE'));
    rig.receive(request('CANCEL'));
    rig.receive(request('CANCEL'));
    expect(rig.sent()).toBe('100 200 200');
    expect(rig.last.message.cseq.method).toBe('CANCEL');
    expect(rig.told()).toBe('request INVITE, cancel');
    expect(rig.layer.size).toMatchObject({ serverInvite: 1, serverNonInvite: 1 });
    rig.expectNothingLeft();
  });

  it.each([
    ['while it is ringing', 0],
    ['after its 200', 200],
    ['after its 486', 486],
  ])('finds the INVITE %s, and says so by finalStatus', (_, status) => {
    const seen: number[] = [];
    const rig = new Rig({ on: { onCancel: (__, invite) => seen.push(invite.finalStatus) } });
    rig.receive(request('INVITE'));
    if (status > 0) rig.respond(status);
    rig.receive(request('CANCEL'));
    expect(seen).toEqual([status]);
    rig.expectNothingLeft();
  });

  it('ends the INVITE when its user says so, from within', () => {
    const rig = new Rig({
      on: {
        onCancel: (tx, invite) => {
          tx.respond(makeResponse(tx.request, 200, 'OK'));
          invite.respond(makeResponse(invite.request, 487, 'Gone', { toTag: 'b' }));
        },
      },
    });
    rig.receive(request('INVITE'));
    rig.receive(request('CANCEL'));
    expect(rig.sent()).toBe('100 200 487');
    rig.expectNothingLeft();
  });

  it('is a stray when the INVITE is not known, or has another sent-by', () => {
    const rig = new Rig({ on: { onStrayCancel: (tx) => tx.respond(makeResponse(tx.request, 481, 'No')) } });
    rig.receive(request('CANCEL'));
    rig.receive(request('INVITE'));
    rig.receive(request('CANCEL', { via: via('192.0.2.10:5099;branch=z9hG4bK-1') }));
    expect(rig.told()).toBe('stray cancel, request INVITE, stray cancel');
    expect(rig.sent()).toBe('481 100 481');
    rig.expectNothingLeft();
  });

  it('does not touch a request that is no INVITE', () => {
    const rig = new Rig();
    rig.receive(request('MESSAGE'));
    rig.receive(request('CANCEL'));
    expect(rig.told()).toBe('request MESSAGE, stray cancel');
    rig.expectNothingLeft();
  });
});

describe('a response belongs to a client transaction (RFC 3261 §17.1.3)', () => {
  it('by the branch on top and the method in CSeq', () => {
    const rig = new Rig();
    const sent = outgoing('OPTIONS');
    rig.send(sent);
    for (const other of [outgoing('OPTIONS', 'z9hG4bK-other'), outgoing('INFO'), outgoing('INVITE')])
      rig.receive(answer(other, 200));
    expect(rig.told()).toBe('stray 200, stray 200, stray 200');
    rig.receive(answer(sent, 200), elsewhere);
    expect(rig.told()).toBe('response 200');
    rig.expectNothingLeft();
  });

  it('an INVITE and its CANCEL share a branch, and each gets its own', () => {
    const rig = new Rig();
    const invite = outgoing('INVITE');
    const tx = rig.send(invite);
    rig.receive(answer(invite, 180));
    tx.cancel();
    rig.fresh();
    rig.receive(answer(outgoing('CANCEL'), 200));
    expect(rig.told()).toBe('');
    expect(tx.state).toBe('cancelling');
    rig.receive(answer(invite, 487));
    expect(rig.told()).toBe('response 487');
    rig.expectNothingLeft();
  });

  it('never for ACK, nor without a branch', () => {
    const rig = new Rig();
    rig.send(outgoing('INVITE'));
    rig.receive(answer(outgoing('ACK'), 200));
    rig.receive(answer(request('INVITE', { via: via('192.0.2.1') }), 200));
    expect(rig.told()).toBe('stray 200, stray 200');
    rig.expectNothingLeft();
  });
});

describe('responses go (RFC 3261 §18.2.2, RFC 3581 §4)', () => {
  it.each([
    ['to the port of sent-by', '192.0.2.10:5099;branch=z9hG4bK-1', '192.0.2.10', 5099],
    ['to 5060 when sent-by has none', '192.0.2.10;branch=z9hG4bK-1', '192.0.2.10', 5060],
    [
      'to the address it came from',
      'phone.lan:5099;received=192.0.2.10;branch=z9hG4bK-1',
      '192.0.2.10',
      5099,
    ],
    ['to the port it came from, by rport', '10.0.0.1:5099;rport=5062;branch=z9hG4bK-1', '192.0.2.10', 5062],
    ['back, though rport was not filled in', '10.0.0.1:5099;rport;branch=z9hG4bK-1', '192.0.2.10', 5062],
    ['never where the sender points', 'x;received=203.0.113.5;rport=9;branch=z9hG4bK-1', '192.0.2.10', 5062],
    ['never to maddr', '192.0.2.10:5062;maddr=203.0.113.5;branch=z9hG4bK-1', '192.0.2.10', 5062],
  ])('%s: %s', (_, top, remoteAddress, remotePort) => {
    const rig = new Rig();
    rig.receive(request('INVITE', { via: via(top) }));
    expect(rig.last.flow).toEqual({ ...alice, remoteAddress, remotePort });
    expect(rig.server.flow).toEqual(rig.last.flow);
    rig.expectNothingLeft();
  });

  it('from the address and port the request came to', () => {
    const rig = new Rig();
    const inner: Flow = { ...alice, localAddress: '10.9.8.7', localPort: 5080 };
    rig.receive(request('OPTIONS'), inner);
    rig.respond(200);
    expect(rig.last.flow).toMatchObject({ localAddress: '10.9.8.7', localPort: 5080 });
    rig.expectNothingLeft();
  });
});
