import { describe, expect, it } from 'vitest';
import { type Choice, Lens, MOST_AT_ONCE } from '../../src/inspect/lens.ts';
import type { StatelyMessage } from '../../src/inspect/stately.ts';
import type { Watchable } from '../../src/inspect/watch.ts';
import type { SipRequest } from '../../src/sip/message.ts';
import { callUp, type Phone, SDP, World } from '../system/world.ts';

function office() {
  const world = new World();
  const { supervisor } = world.core;
  const alice = world.phone('alice', '10.0.0.2');
  const bob = world.phone('bob', '10.0.0.3');
  const carol = world.phone('carol', '10.0.0.4');
  for (const phone of [alice, bob, carol]) phone.register();
  const lens = new Lens(
    {
      get: (callId) => supervisor.get(callId),
      all: () => supervisor.dialogs(),
      tellOfNew: (listener) => {
        supervisor.onDialog = listener;
      },
    },
    () => world.clock.now(),
  );
  return { world, supervisor, lens, alice, bob, carol };
}

/** What a viewer is told. */
class Viewer {
  readonly messages: StatelyMessage[] = [];
  over = 0;
  tooMany = 0;
  readonly #end: (() => void) | undefined;

  constructor(lens: Lens, choice: Choice) {
    this.#end = lens.open(choice, {
      message: (message) => this.messages.push(message),
      over: () => {
        this.over++;
      },
      tooMany: () => {
        this.tooMany++;
      },
    });
  }

  get isOpen(): boolean {
    return this.#end !== undefined;
  }

  close(): void {
    this.#end?.();
  }

  /** `actor`, `request.bye`, `> terminating`. */
  get told(): string[] {
    return this.messages.map((message) => {
      // what a page gets is JSON
      const { type, event, snapshot } = JSON.parse(JSON.stringify(message));
      if (type === '@xstate.actor') return `actor ${JSON.stringify(snapshot.value)}`;
      return type === '@xstate.event' ? event.type : `> ${JSON.stringify(snapshot.value)}`;
    });
  }

  get names(): string[] {
    return this.messages.flatMap((message) => (message.type === '@xstate.actor' ? [message.name] : []));
  }
}

const AUDIO = '{"confirmed":{"media":"audio","transfer":"idle"}}';

function hangUp(phone: Phone, other: Phone, dialog: object) {
  phone.request('BYE', { ...dialog, cseq: 9 });
  other.answer(other.got('BYE'), 200);
}

/** One that nobody answers yet. */
function ring(phone: Phone, other: Phone): SipRequest {
  phone.request('INVITE', { to: other.aor, body: SDP.audio });
  const invite = other.got('INVITE');
  other.answer(invite, 180);
  return invite;
}

describe('a call that is watched', () => {
  it('is announced as it stands, and told to its end', () => {
    const { world, lens, alice, bob } = office();
    const { dialog } = callUp(world, alice, bob);
    const viewer = new Viewer(lens, { callId: dialog.callId });
    expect(viewer.told).toEqual([`actor ${AUDIO}`]);
    hangUp(alice, bob, dialog);
    expect(viewer.told.slice(1)).toEqual([
      'request.bye',
      '> "terminating"',
      'bye.answered',
      '> "terminated"',
    ]);
    expect(viewer.over).toBe(1);
    expect(lens.attached).toBe(0);
    world.expectSilence();
  });

  it("brings its machine's definition, guards and effects by name", () => {
    const { world, lens, alice, bob } = office();
    const { dialog } = callUp(world, alice, bob);
    const [first] = new Viewer(lens, { callId: dialog.callId }).messages;
    if (first?.type !== '@xstate.actor') throw new Error('no announcement');
    const definition = JSON.parse(first.definition);
    expect(definition.id).toBe('dialog');
    expect(definition.states.trying.on['response.success'][0]).toMatchObject({
      guard: 'startsPlain',
      target: 'confirmed',
      meta: { rfc: '3261#13.2.2.4' },
    });
    expect(definition.states.idle.on['request.invite'][1].actions.at(-1)).toEqual({
      type: 'recordOpeningOffer',
    });
  });

  it('has its own session in every message, the protocol its version', () => {
    const { world, lens, alice, bob } = office();
    const { dialog } = callUp(world, alice, bob);
    const viewer = new Viewer(lens, { callId: dialog.callId });
    hangUp(alice, bob, dialog);
    const [first] = viewer.messages;
    for (const { sessionId, rootId, _version, id, createdAt } of viewer.messages) {
      expect([sessionId, rootId, _version, id]).toEqual([first?.sessionId, first?.sessionId, '0.7.2', null]);
      expect(Number(createdAt)).toBe(world.clock.now());
    }
  });

  it('is the chosen one and no other', () => {
    const { world, lens, alice, bob, carol } = office();
    const { dialog } = callUp(world, alice, bob);
    const viewer = new Viewer(lens, { callId: dialog.callId });
    const other = callUp(world, carol, bob);
    hangUp(carol, bob, other.dialog);
    expect(viewer.told).toEqual([`actor ${AUDIO}`]);
    hangUp(alice, bob, dialog);
    expect(new Set(viewer.messages.map(({ sessionId }) => sessionId)).size).toBe(1);
  });

  it('is left without a trace', () => {
    const { world, lens, supervisor, alice, bob } = office();
    const { dialog } = callUp(world, alice, bob);
    const call = supervisor.get(dialog.callId);
    if (call === undefined) throw new Error('the call is gone');
    const attached = attachedTo(call);
    const viewer = new Viewer(lens, { callId: dialog.callId });
    expect(attached()).toBe(2);
    viewer.close();
    expect(attached()).toBe(0);
    expect(lens.attached).toBe(0);
    hangUp(alice, bob, dialog);
    expect(viewer.told).toEqual([`actor ${AUDIO}`]);
    expect(viewer.over).toBe(0);
    world.expectSilence();
  });

  it('that breaks is told as broken, and is over', () => {
    const { lens, supervisor, alice, bob } = office();
    const invite = ring(alice, bob);
    const viewer = new Viewer(lens, { callId: invite.callId });
    supervisor.forward = () => {
      throw new Error('a bug');
    };
    bob.answer(invite, 200, { body: SDP.audio });
    const last = viewer.messages.at(-1);
    expect(last).toMatchObject({
      type: '@xstate.snapshot',
      snapshot: { status: 'error', error: 'Error: a bug' },
    });
    expect(viewer.over).toBe(1);
    expect(lens.attached).toBe(0);
  });

  it('is not hurt by a viewer that breaks, whenever it does', () => {
    const { world, lens, supervisor, alice, bob } = office();
    const { dialog } = callUp(world, alice, bob);
    for (const good of [0, 1]) {
      let told = 0;
      const message = () => {
        if (told++ >= good) throw new Error('a bug');
      };
      lens.open('every call', { message, over: () => {}, tooMany: () => {} });
      alice.request('UPDATE', { ...dialog, cseq: 2 + good });
      bob.answer(bob.got('UPDATE'), 200);
      expect([told, lens.attached, supervisor.onDialog]).toEqual([good + 1, 0, undefined]);
    }
    hangUp(alice, bob, { ...dialog });
    expect(world.states(dialog.callId).at(-1)).toBe('terminated');
    world.expectSilence();
  });

  it('has to be alive', () => {
    const { lens } = office();
    expect(new Viewer(lens, { callId: 'nobody@example.org' }).isOpen).toBe(false);
  });
});

describe('the next calls', () => {
  it('are watched from their first request, so many and no more', () => {
    const { world, lens, supervisor, alice, bob, carol } = office();
    const before = callUp(world, alice, bob);
    const viewer = new Viewer(lens, { next: 2 });
    const calls = [callUp(world, alice, bob), callUp(world, carol, bob)];
    expect(supervisor.onDialog).toBeUndefined();
    callUp(world, carol, bob);
    expect(viewer.names).toEqual(calls.map(({ dialog }) => `dialog ${dialog.callId}`));
    expect(viewer.told.slice(0, 3)).toEqual(['actor "idle"', 'request.invite', '> "trying"']);
    hangUp(alice, bob, before.dialog);
    for (const { dialog } of calls) {
      expect(viewer.over).toBe(0);
      hangUp(alice, bob, dialog);
    }
    expect(viewer.over).toBe(1);
  });

  it('are no subscriptions', () => {
    const { lens, alice, bob } = office();
    const viewer = new Viewer(lens, { next: 1 });
    alice.request('SUBSCRIBE', { to: bob.aor, headers: ['Event: presence', 'Expires: 60'] });
    expect(viewer.messages).toEqual([]);
  });

  it('are no longer waited for when the viewer has gone', () => {
    const { world, lens, supervisor, alice, bob } = office();
    const viewer = new Viewer(lens, { next: 2 });
    expect(supervisor.onDialog).toBeDefined();
    viewer.close();
    expect(supervisor.onDialog).toBeUndefined();
    callUp(world, alice, bob);
    expect(viewer.messages).toEqual([]);
  });
});

describe("a user's calls", () => {
  it.each(['sip:carol@example.org', 'carol@example.org', 'carol', 'sip:carol@EXAMPLE.org;transport=udp'])(
    'of %s are those that live and those to come, made and received',
    (user) => {
      const { world, lens, alice, bob, carol } = office();
      callUp(world, alice, bob);
      const live = callUp(world, alice, carol);
      const viewer = new Viewer(lens, { user });
      const next = callUp(world, carol, bob);
      callUp(world, bob, alice);
      expect(viewer.names).toEqual([`dialog ${live.dialog.callId}`, `dialog ${next.dialog.callId}`]);
    },
  );

  it('of somebody whose name only begins so are not his', () => {
    const { world, lens, alice, bob } = office();
    callUp(world, alice, bob);
    expect(new Viewer(lens, { user: 'alic' }).messages).toEqual([]);
    expect(new Viewer(lens, { user: 'alice@example.com' }).messages).toEqual([]);
  });
});

describe('every call', () => {
  it('is watched up to a bound, which is told', () => {
    const { lens, alice, bob } = office();
    const viewer = new Viewer(lens, 'every call');
    for (let i = 0; i < MOST_AT_ONCE; i++) ring(alice, bob);
    expect([viewer.names.length, viewer.tooMany]).toEqual([MOST_AT_ONCE, 0]);
    ring(alice, bob);
    ring(alice, bob);
    expect([viewer.names.length, viewer.tooMany, lens.attached]).toEqual([MOST_AT_ONCE, 1, MOST_AT_ONCE]);
    viewer.close();
    expect(lens.attached).toBe(0);
  });
});

/** Counts who is attached to a call's actor. */
function attachedTo({ actor }: Watchable): () => number {
  let attached = 0;
  const counted = <Observer>(attach: (observer: Observer) => { unsubscribe(): void }) => {
    return (observer: Observer) => {
      attached++;
      const subscription = attach(observer);
      return {
        unsubscribe: () => {
          attached--;
          subscription.unsubscribe();
        },
      };
    };
  };
  Object.assign(actor.system, { inspect: counted(actor.system.inspect.bind(actor.system)) });
  Object.assign(actor, { subscribe: counted(actor.subscribe.bind(actor)) });
  return () => attached;
}
