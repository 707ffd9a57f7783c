// Bindings that outlive the process: saved as JSON, restored under another clock.
import { expect, test } from 'vitest';
import { Location } from '../../src/registrar/location.ts';
import { restore, snapshot } from '../../src/registrar/saved.ts';
import { VirtualClock } from '../../src/time/clock.ts';
import { alice, aor, from, Office } from './office.ts';

const DAY = 1_700_000_000_000;

const contacts = [
  '<sip:alice@192.0.2.20:5062;transport=udp>;+sip.instance="<urn:uuid:1>";reg-id=2;q=0.5',
  '"Ali\u010d" <sip:alice@192.0.2.10>;q=0.5',
  '<tel:112>;q=0.1',
];

function saved(office: Office): unknown[] {
  const wall = () => DAY + office.clock.now();
  return JSON.parse(JSON.stringify([...snapshot(office.location, { clock: office.clock, wall })]));
}

/** A new process, `later` ms after the office's last moment, with a clock of its own. */
function reborn(office: Office, lines: Iterable<unknown>, later: number) {
  const clock = new VirtualClock(7);
  const location = new Location({ clock });
  const start = DAY + office.clock.now() + later - clock.now();
  const count = restore(location, lines, { clock, wall: () => start + clock.now() });
  return { clock, location, count };
}

test('all comes back: order, indexes, and the time that is left', () => {
  const office = new Office();
  office.send(contacts, { flow: from('192.0.2.20', 5062), lines: ['Path: <sip:edge.example.net;lr>'] });
  office.send(['<sip:alice@h9>;expires=100'], { callId: 'two' });
  office.send(['<sip:bob@192.0.2.10:5060>'], { to: 'sip:b%20b@example.com' });
  const before = office.location.bindings(alice);
  const { clock, location, count } = reborn(office, saved(office), 40_000);
  expect(count).toBe(5);
  const after = location.bindings(alice);
  const plain = (all: typeof before) =>
    all.map(({ contact, uri, q, callId, cseq, path, follow, instance, regId, flow }) => ({
      contact,
      uri,
      q,
      callId,
      cseq,
      path,
      follow,
      instance,
      regId,
      flow,
    }));
  expect(plain(after)).toEqual(plain(before));
  expect(location.lookup(alice).map(({ uri }) => uri)).toEqual(office.contacts());
  expect(location.isBoundAddress('192.0.2.20', 5062)?.aor).toBe(alice);
  expect(location.lookup(aor('sip:b%20b@example.com'))).toHaveLength(1);
  clock.advance(59_999);
  expect(location.lookup(alice)).toHaveLength(3);
  clock.advance(1);
  expect(location.lookup(alice)).toHaveLength(2);
});

test('what ended meanwhile stays away', () => {
  const office = new Office();
  office.send(['<sip:alice@h1>;expires=60', '<sip:alice@h2>;expires=61']);
  const { location, count } = reborn(office, saved(office), 60_000);
  expect(count).toBe(1);
  expect(location.lookup(alice).map(({ uri }) => uri)).toEqual(['sip:alice@h2']);
});

test('what is no saved binding is left out', () => {
  const office = new Office();
  office.send(['<sip:alice@h1>']);
  const [good] = saved(office);
  if (typeof good !== 'object' || good === null) throw new Error('nothing saved');
  const bad = [
    null,
    7,
    'x',
    [],
    {},
    { ...good, contact: 'nonsense' },
    { ...good, contact: '<sip:@>' },
    { ...good, flow: null },
    { ...good, flow: { transport: 'udp' } },
    { ...good, path: [7] },
    { ...good, expires: 'soon' },
    { ...good, follow: 'both' },
  ];
  const { count, location } = reborn(office, [...bad, good], 1000);
  expect(count).toBe(1);
  expect(location.size).toBe(1);
});
