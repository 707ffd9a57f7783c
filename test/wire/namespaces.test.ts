// Three phones and the server, each with an address of its own, as in a house.
import { afterAll, describe, expect, test } from 'vitest';
import { Network, namespacesWork } from './netns.ts';
import { Stage } from './stage.ts';

describe.skipIf(!namespacesWork())('in a network of four hosts', () => {
  const network = new Network(3);
  afterAll(() => network.remove());
  const { netns, address } = network.centre;
  const stage = Stage.open({ netns, host: address, domain: address });
  const home = (at: number): { netns: string; host: string } => {
    const host = network.hosts[at];
    if (host === undefined) throw new Error(`no host ${at}`);
    return { netns: host.netns, host: host.address };
  };

  test('one calls, is held, is transferred to the third, and each hears whom it should', async () => {
    const [a, b, c] = await Promise.all([
      stage.linphone('anna', home(0)),
      stage.linphone('boris', home(1)),
      stage.linphone('cyril', home(2)),
    ]);
    a.call(b.aor);
    await b.answer();
    await Promise.all([a.is('StreamsRunning'), b.is('StreamsRunning')]);
    a.play();
    b.play();
    await Promise.all([a.hearsAndSpeaks(), b.hearsAndSpeaks()]);
    const incoming = `Incomming Call From: ${a.aor} >> To: ${b.aor}`;
    const callId = await stage.server.call(incoming);
    b.say('pause');
    await Promise.all([a.is('PausedByRemote'), b.is('Paused')]);
    b.say('resume');
    await Promise.all([a.is('StreamsRunning'), b.is('StreamsRunning')]);
    b.say(`transfer ${c.aor}`);
    await c.answer();
    c.play();
    await b.message('in', /^NOTIFY [^]*\r\n\r\nSIP\/2\.0 200 /);
    await Promise.all([a.hearsAndSpeaks(), c.hearsAndSpeaks()]);
    // Sound goes from phone to phone.
    const offer = await c.message('in', /^INVITE /);
    expect(offer).toContain(`c=IN IP4 ${home(0).host}`);
    const moved = `Incomming Call From: ${a.aor} >> To: ${c.aor}`;
    const second = await stage.server.call(moved);
    c.hangUp();
    await a.is('Released');
    await stage.server.wrote(second, [
      moved,
      `\tCall Ringing at ${c.aor}`,
      `\tCall Answered by ${c.aor}`,
      '\tCall Has Ended',
    ]);
    await stage.server.wrote(callId, [
      incoming,
      `\tCall Ringing at ${b.aor}`,
      `\tCall Answered by ${b.aor}`,
      `\tCall Put On Hold by ${b.aor}`,
      `\tCall Resumed by ${b.aor}`,
      `\tRequested Call Transfer From: ${b.aor} >> To: ${a.aor}`,
      `\tCall Put On Hold by ${a.aor}`,
      '\t\tCall Transfer In Progress (100)',
      '\t\tCall Transfer DONE',
      '\tCall Has Ended',
    ]);
  });
});
