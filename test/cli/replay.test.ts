import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ALICE, BOB, Tape } from '../replay/captured-calls.ts';
import { buildCommand, callchart, scratchFolder } from './command.ts';

let remove = () => {};
beforeAll(async () => {
  remove = await buildCommand();
});
afterAll(() => remove());

function captures(...tapes: Tape[]): { folder: string; files: string[] } {
  const folder = scratchFolder();
  const files = tapes.map((tape, n) => {
    const file = join(folder, `${n}.pcapng`);
    writeFileSync(file, tape.bytes());
    return file;
  });
  return { folder, files };
}

function call(id = 'one'): Tape {
  const tape = new Tape().register(ALICE).register(BOB);
  tape.call(ALICE, BOB, id).invite().answer(100).answer(180).answer(200).ack().bye();
  return tape;
}

describe('replay', () => {
  test('tells each file, call by call, and ends with a verdict', async () => {
    const { files } = captures(call(), call('two').seenBy(ALICE));
    const { code, out, err } = await callchart(['replay', ...files]);
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^0\.pcapng: 18 SIP messages in 0\.340 s from 2026-05-04 11:00:00,000 UTC\n/);
    expect(out).toContain('call one  sip:alice@192.0.2.14 >> sip:bob@192.0.2.14  (answered)\n');
    expect(out).toContain('    11:00:00,240  to 192.0.2.2:5080  ACK sip:bob@192.0.2.2:5080  (21 ACK)\n');
    expect(out).toContain('    2026-05-04 11:00:00,320: \tCall Has Ended (Call-ID: one)\n');
    expect(out).toContain('one side only: the callee (192.0.2.2:5080) is not in the capture;');
    expect(out.match(/^verdict: .*$/gm)).toEqual([
      'verdict: 1 call; the captured server sent the same messages; 2 habits of its own',
      'verdict: 1 call (1 with one side missing); the captured server sent the same messages',
    ]);
  });

  test('lets nothing that came over the wire move the cursor', async () => {
    const tape = call();
    for (const [n, one] of tape.messages.entries())
      tape.messages[n] = { ...one, message: String(one.message).replace('180 So', '180 \u001b[2JSo') };
    const { out } = await callchart(['replay', ...captures(tape).files]);
    expect(out).toContain('180 \\u001b[2JSo');
    expect(out).not.toContain('\u001b');
  });

  test('says times in the zone asked for', async () => {
    const { files } = captures(call());
    const { out } = await callchart(['replay', '--tz', 'Europe/Bratislava', ...files]);
    expect(out).toContain('from 2026-05-04 13:00:00,000 Europe/Bratislava\n');
    const { code, err } = await callchart(['replay', '--tz', 'Mars', ...files]);
    expect([code, err]).toEqual([2, expect.stringContaining('Europe/Bratislava')]);
  });

  test('says the same bytes every time, as text and as JSON', async () => {
    const { files } = captures(call());
    for (const how of [[], ['--json']]) {
      const first = await callchart(['replay', ...how, ...files]);
      expect(await callchart(['replay', ...how, ...files])).toEqual(first);
    }
  });

  test('gives JSON with a file for each capture', async () => {
    const { files } = captures(call(), call('two'));
    const { out } = await callchart(['replay', '--json', ...files]);
    expect(JSON.parse(out)).toMatchObject({
      format: 1,
      files: [
        {
          file: '0.pcapng',
          server: '192.0.2.14:5060',
          messages: 18,
          calls: [
            { callId: 'one', from: 'sip:alice@192.0.2.14', over: true, outcome: 'answered', differences: [] },
          ],
          totals: { calls: 1, differences: {} },
        },
        { file: '1.pcapng', calls: [{ callId: 'two' }] },
      ],
    });
    expect(`${JSON.stringify(JSON.parse(out), undefined, 2)}\n`).toBe(out);
  });

  test('keeps a result, finds it again, and says in one line where another one differs', async () => {
    const { folder, files } = captures(call(), call('two'));
    const [one = '', two = ''] = files;
    const kept = join(folder, 'kept.json');
    expect((await callchart(['replay', '--save', kept, one])).code).toBe(0);
    expect(readFileSync(kept, 'utf8')).toBe((await callchart(['replay', '--json', one])).out);
    expect(await callchart(['replay', '--expect', kept, one])).toMatchObject({ code: 0, err: '' });
    const { code, out, err } = await callchart(['replay', '--expect', kept, two]);
    expect(code).toBe(1);
    expect(out).toContain('call two');
    expect(err).toBe(
      `callchart: not as expected: ${kept} line 5 says "file": "0.pcapng", now it is "file": "1.pcapng"\n`,
    );
    const short = readFileSync(kept, 'utf8').split('\n').slice(0, 8).join('\n');
    writeFileSync(kept, short);
    expect((await callchart(['replay', '--expect', kept, one])).err).toContain(`${kept} line 8 `);
  });

  test.each([
    ['a file that is none', Buffer.from('hello, world'), /byte 0: /],
    ['a file that ends too soon', call().bytes().subarray(0, 2000), /packet \d+, byte \d+: /],
    [
      'a capture without SIP',
      new Tape().say(ALICE.at, BOB.at, 'hello').bytes(),
      /there is no SIP over UDP in it/,
    ],
  ])('refuses %s with exit code 2, and tells nothing of the good one before it', async (_, bytes, words) => {
    const { folder, files } = captures(call());
    const bad = join(folder, 'bad.pcapng');
    writeFileSync(bad, bytes);
    const { code, out, err } = await callchart(['replay', ...files, bad]);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(words);
    expect(err.trimEnd()).not.toContain('\n');
    expect(err).toContain(bad);
  });

  test('says plainly what cannot be read', async () => {
    const folder = scratchFolder();
    const said = async (file: string) => (await callchart(['replay', file])).err;
    expect(await said('/no/such.pcap')).toBe('callchart: /no/such.pcap: no such file\n');
    expect(await said(folder)).toBe(`callchart: ${folder}: it is a folder\n`);
  });

  test('asks which is the server when nothing tells', async () => {
    const tape = new Tape({ at: '192.0.2.14:5070', domain: 'example.com' });
    tape.call(ALICE, BOB).invite();
    const { files } = captures(tape.until(1));
    const { code, err } = await callchart(['replay', ...files]);
    expect([code, err]).toEqual([2, expect.stringContaining('say which with --server')]);
    const { out } = await callchart(['replay', '--server', '192.0.2.14:5070', ...files]);
    expect(out).toContain('call one');
  });
});
