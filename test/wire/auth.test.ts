// Passwords with real phones: they register and call with theirs, and with no other.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { Stage } from './stage.ts';

const folder = mkdtempSync(join(tmpdir(), 'callchart-auth-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const USERS = ['anna', 'boris', 'cyril']
  .map((user) => `    - { user: ${user}, password: "heslo-${user}" }`)
  .join('\n');
const password = (user: string) => `heslo-${user}`;

// SIPp takes the first challenge and knows MD5 alone.
describe.each(['[MD5, SHA-256]', '[MD5]'])('offered %s', (algorithms) => {
  const config = join(folder, `${algorithms.length}-${algorithms.slice(1, 4)}.yaml`);
  writeFileSync(config, `auth:\n  mode: required\n  algorithms: ${algorithms}\n  users:\n${USERS}\n`);
  const stage = Stage.open({ args: ['--config', config] });

  test('a Linphone and a baresip register and talk', async () => {
    const [a, b] = [
      await stage.linphone('anna', { user: 'anna', password: password('anna') }),
      await stage.baresip('boris', { user: 'boris', password: password('boris') }),
    ];
    a.call(b.aor);
    await b.answer();
    await Promise.all([b.event('CALL_ESTABLISHED'), a.is('StreamsRunning')]);
    await b.hangUp();
    await a.reaches('End');
    const line = `Incomming Call From: ${a.aor} >> To: ${b.aor}`;
    await stage.server.wrote(await stage.server.call(line), [
      line,
      `\tCall Ringing at ${b.aor}`,
      `\tCall Answered by ${b.aor}`,
      '\tCall Has Ended',
    ]);
    // one call, though its first INVITE was refused
    expect(stage.server.callIds(line)).toHaveLength(1);
    await b.call(a.aor);
    await a.answer();
    await b.event('CALL_ESTABLISHED');
    a.hangUp();
    await b.event('CALL_CLOSED');
  });

  test('SIPp registers', async () => {
    const options = { ...(await stage.sippAt('cyril')), user: 'cyril' };
    const words = { password: password('cyril') };
    expect(await (await stage.sipp('register-auth', { ...options, words })).ended()).toBe(0);
  });
});
