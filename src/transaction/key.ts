// Which transaction a message belongs to: RFC 3261 §17.1.3 and §17.2.3.
import { hasMagicCookie, type SipRequest, type Via } from '../sip/message.ts';
import type { Flow } from '../transport/flow.ts';

const DEFAULT_PORT = 5060;

/**
 * The server transaction that `request` belongs to. ACK and CANCEL find their INVITE when `method` is INVITE.
 * Where the request came from plays no part: its ACK or CANCEL may take another way. To keep a key, detach it.
 */
export function serverKey(request: SipRequest, method: string): string {
  const via = request.via;
  const sentBy = `${via.host.toLowerCase()}:${via.port ?? DEFAULT_PORT}`;
  const branch = via.branch;
  if (hasMagicCookie(branch)) return `${branch}\n${sentBy}\n${method}`;
  return legacyKey(request, method, sentBy, branch ?? '');
}

/**
 * A request of RFC 2543. The To tag tells apart all but INVITE and what follows it: the ACK carries that of the
 * response, which the transaction compares itself.
 */
function legacyKey(request: SipRequest, method: string, sentBy: string, branch: string): string {
  const toTag = method === 'INVITE' ? '' : (request.to.tag ?? '');
  const fromTag = request.from.tag ?? '';
  const { callId, cseq, uri } = request;
  return `\n${uri}\n${toTag}\n${fromTag}\n${callId}\n${cseq.number} ${method}\n${sentBy}\n${branch}`;
}

/**
 * Where responses go: RFC 3261 §18.2.2, RFC 3581 §4. Deviation: the address is always the one the request came from,
 * never that of `maddr` or a `received` that the sender wrote: nobody can point our responses at a third party.
 */
export function responseFlow(via: Via, flow: Flow): Flow {
  const port = via.rport === undefined ? (via.port ?? DEFAULT_PORT) : flow.remotePort;
  if (port === flow.remotePort || port < 1 || port > 65535) return flow;
  return { ...flow, remotePort: port };
}
