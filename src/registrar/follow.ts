// Whether a binding leads to the address it names or back where its REGISTER came from: decided once, when it comes.
import { canonicalHost } from '../sip/host.ts';
import type { Via } from '../sip/message.ts';
import type { SipUri } from '../sip/uri.ts';
import type { Flow } from '../transport/flow.ts';
import type { Follow } from './binding.ts';

const DEFAULT_PORT = 5060;

/**
 * `first` is the URI of the first hop: the top Path, else the Contact; undefined when it is no SIP URI. It is followed
 * when it names the address the REGISTER came from, so that open registration makes nobody a reflector. A sender whose
 * Via names that very address and port, but who sends from another port, sits behind a NAT: then the flow leads there.
 */
export function followOf(
  first: SipUri | undefined,
  via: Via,
  flow: Flow,
  routing: 'auto' | Follow = 'auto',
): Follow {
  if (first === undefined) return 'flow';
  if (routing !== 'auto') return routing;
  if (first.host !== canonicalHost(flow.remoteAddress)) return 'flow';
  const port = first.port ?? DEFAULT_PORT;
  const sentHere = canonicalHost(via.host) === first.host && (via.port ?? DEFAULT_PORT) === port;
  return sentHere && port !== flow.remotePort ? 'flow' : 'contact';
}
