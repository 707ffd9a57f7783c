// Via branches: unique to the request and its target, the same after a restart, and able to tell a loop from a spiral.

import type { KeyedHash } from '../routing/keyed-hash.ts';
import type { SipRequest } from '../sip/message.ts';

const MAGIC = 'z9hG4bK';
const MARK = `${MAGIC}-cc`;

/** The hash of RFC 3261 §16.6 step 8 over what decides where a request goes. The method is not in it. */
export function loopHash(request: SipRequest, hash: KeyedHash): string {
  const routes = request.has('route') ? request.all('route').join(',') : '';
  const more =
    request.has('proxy-require') || request.has('proxy-authorization')
      ? `${request.first('proxy-require') ?? ''}\0${request.first('proxy-authorization') ?? ''}`
      : '';
  return hash(
    `${request.from.tag ?? ''}\0${request.to.tag ?? ''}\0${request.callId}\0${request.cseq.number}\0${request.uri}\0${routes}\0${more}`,
  );
}

/** DESIGN rule 6: a keyed hash of upstream branch, sent-by, method and target, then the loop hash. */
export function branchId(request: SipRequest, target: string, loop: string, hash: KeyedHash): string {
  const via = request.via;
  const method = request.method;
  return `${MARK}${hash(`${via.branch ?? via.raw}\0${via.host}:${via.port ?? ''}\0${method}\0${target}\0${request.cseq.number}`)}.${loop}`;
}

/** True when one of our own Vias on the request carries the same loop hash (§16.3 step 4). */
export function isLoop(ownBranches: readonly string[], loop: string): boolean {
  return ownBranches.some((branch) => branch.startsWith(MARK) && branch.endsWith(`.${loop}`));
}
