// Via branches: unique to the request and its target, the same after a restart, and able to tell a loop from a spiral.

import type { KeyedHash } from '../routing/keyed-hash.ts';
import type { SipRequest, SipResponse, Via } from '../sip/message.ts';

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

/** DESIGN rule 6: a keyed hash of upstream branch, addresses, method and CSeq, a mark of the target, then the loop hash. */
export function branchId(request: SipRequest, target: string, loop: string, hash: KeyedHash): string {
  const { via, method, cseq } = request;
  return `${MARK}${origin(via, method, cseq.number, hash)}${markOf(target)}.${loop}`;
}

/** Did we give it to the request that came by the Via `beneath`, and has nobody changed where that leads since? */
export function isOwnBranch(
  branch: string | undefined,
  beneath: Via,
  { method, number }: SipResponse['cseq'],
  hash: KeyedHash,
): boolean {
  return branch?.startsWith(`${MARK}${origin(beneath, method, number, hash)}`) === true;
}

function origin(via: Via, method: string, cseq: number, hash: KeyedHash): string {
  const { branch, host, port, received, rport } = via;
  return hash(
    `${branch ?? via.raw}\0${host}\0${port ?? ''}\0${received ?? ''}\0${rport ?? ''}\0${method}\0${cseq}`,
  );
}

/** Tells the forks of one request from each other; FNV-1a. What nobody may guess is the hash before it. */
function markOf(target: string): string {
  let mark = 0x811c9dc5;
  for (let i = 0; i < target.length; i++) mark = Math.imul(mark ^ target.charCodeAt(i), 0x01000193);
  return (mark >>> 0).toString(36);
}

/** True when one of our own Vias on the request carries the same loop hash (§16.3 step 4). */
export function isLoop(ownBranches: readonly string[], loop: string): boolean {
  return ownBranches.some((branch) => branch.startsWith(MARK) && branch.endsWith(`.${loop}`));
}
