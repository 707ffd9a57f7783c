// Any event a chart may hear, with any payload.
import fc from 'fast-check';
import type { DialogEvent, Media } from '../../machines/types.ts';

const side = fc.constantFrom('caller' as const, 'callee' as const);
const fork = fc.nat(2);
const again = fc.boolean();
const direction = fc.constantFrom(
  'sendrecv' as const,
  'sendonly' as const,
  'recvonly' as const,
  'inactive' as const,
  'off' as const,
);
const plain: Media = { audio: 'sendrecv', video: 'off' };
const media = fc.oneof(fc.constantFrom(undefined, plain), fc.record({ audio: direction, video: direction }));
const about = fc.constantFrom('refer' as const, 'conference' as const, 'other' as const);
const origin = fc.constantFrom('phone' as const, 'us' as const);
const expires = fc.constantFrom(0, 60, 1e9);
const status = fc.constantFrom(
  100,
  180,
  183,
  199,
  200,
  202,
  302,
  401,
  407,
  422,
  423,
  480,
  481,
  486,
  491,
  500,
  603,
);
const method = fc.constantFrom('INFO', 'MESSAGE');

type Type = DialogEvent['type'];
type Payload<T extends Type> = {
  [Key in keyof Omit<Extract<DialogEvent, { type: T }>, 'type'>]: fc.Arbitrary<
    Extract<DialogEvent, { type: T }>[Key]
  >;
};

const payloads: { readonly [T in Type]: Payload<T> } = {
  'request.invite': { side, media, again },
  'request.ack': { side, media },
  'request.cancel': { side },
  'request.reinvite': { side, media },
  'request.update': { side, media },
  'request.prack': { side, media },
  'request.bye': { side },
  'request.refer': { side },
  'request.notify': {
    side,
    package: about,
    progress: fc.option(status, { nil: undefined }),
    terminated: again,
  },
  'request.subscribe': { side, package: about, expires },
  'request.other': { side, method },
  'response.provisional': { fork, status, media },
  'response.success': { fork, status, media, again },
  'response.failure': { status, origin },
  'response.redirect': { fork, status },
  'reinvite.accepted': { side, status, media, again },
  'reinvite.refused': { side, status },
  'update.accepted': { side, status, media },
  'update.refused': { side, status },
  'bye.answered': { side, status },
  'refer.accepted': { side, status },
  'refer.refused': { side, status },
  'subscribe.accepted': { side, status, expires },
  'subscribe.refused': { side, status },
  'notify.refused': { side, status },
  'response.other': { side, method, status },
  'timer.ring': {},
  'timer.cancel': {},
  'timer.late': {},
  'timer.ack': {},
  'timer.bye': {},
  'timer.retry': {},
  'timer.life': {},
  'timer.usage': {},
  'timer.subscription': {},
};

export const anyEvent: fc.Arbitrary<DialogEvent> = fc.oneof(
  ...Object.entries(payloads).map(
    ([type, payload]) => fc.record({ type: fc.constant(type), ...payload }) as fc.Arbitrary<DialogEvent>,
  ),
);
