// SCXML's sets over a chart's states (https://www.w3.org/TR/scxml/#AlgorithmforSCXMLInterpretation), as XState 5 has them.
import type { AnyStateNode, StateValue } from 'xstate';

/** What of an arrow decides where it leads. */
export interface Arrow {
  readonly source: AnyStateNode;
  readonly target: readonly AnyStateNode[] | undefined;
  readonly reenter: boolean;
}

/** Document order. */
export function inOrder(nodes: Iterable<AnyStateNode>): AnyStateNode[] {
  return [...nodes].sort((a, b) => a.order - b.order);
}

export function childrenOf(node: AnyStateNode): AnyStateNode[] {
  return Object.values(node.states);
}

/** It and all states inside of it. */
export function everyState(node: AnyStateNode): AnyStateNode[] {
  return [node, ...childrenOf(node).flatMap(everyState)];
}

function isInside(node: AnyStateNode, outer: AnyStateNode): boolean {
  for (let at = node.parent; at !== undefined; at = at.parent) if (at === outer) return true;
  return false;
}

/** The innermost state that the arrow does not leave. */
function domainOf({ source, target = [], reenter }: Arrow): AnyStateNode {
  if (!reenter && target.every((to) => to === source || isInside(to, source))) return source;
  let domain: AnyStateNode = source;
  while (domain.parent !== undefined) {
    domain = domain.parent;
    if (target.every((to) => isInside(to, domain))) break;
  }
  return domain;
}

/** The active states that the arrow leaves. */
export function exited(arrow: Arrow, active: readonly AnyStateNode[]): AnyStateNode[] {
  if (arrow.target === undefined) return [];
  const domain = domainOf(arrow);
  return active.filter((node) => isInside(node, domain));
}

/** The states that the arrow enters. */
export function entered(arrow: Arrow): AnyStateNode[] {
  return arrow.target === undefined ? [] : inside(domainOf(arrow), arrow.target);
}

/** What becomes active in a state that does: the targets where there are any, else what is initial. */
export function inside(node: AnyStateNode, targets: readonly AnyStateNode[]): AnyStateNode[] {
  return entrances(node, targets).flatMap((child) => [child, ...inside(child, targets)]);
}

function entrances(node: AnyStateNode, targets: readonly AnyStateNode[]): AnyStateNode[] {
  if (node.type === 'parallel') return childrenOf(node);
  if (node.type !== 'compound') return [];
  const wanted = childrenOf(node).find((child) => targets.some((to) => to === child || isInside(to, child)));
  return [wanted ?? childOf(node, node.config.initial)];
}

/** Of two arrows that leave the same state the one from further inside is taken, else the first. */
export function withoutConflicts<A extends Arrow>(
  arrows: readonly A[],
  active: readonly AnyStateNode[],
): A[] {
  let kept: A[] = [];
  for (const arrow of arrows) {
    const leaves = new Set(exited(arrow, active));
    const rivals = kept.filter((other) => exited(other, active).some((node) => leaves.has(node)));
    if (!rivals.every((other) => isInside(arrow.source, other.source))) continue;
    kept = [...kept.filter((other) => !rivals.includes(other)), arrow];
  }
  return kept;
}

/** `"ringing"`, `{ confirmed: { media: "audio", transfer: "idle" } }` */
export function stateValueOf(node: AnyStateNode, active: ReadonlySet<AnyStateNode>): StateValue {
  const children = childrenOf(node).filter((child) => active.has(child));
  const [only] = children;
  if (node.type === 'compound' && only !== undefined && childrenOf(only).length === 0) return only.key;
  return Object.fromEntries(children.map((child) => [child.key, stateValueOf(child, active)]));
}

/** The innermost states a value names. Throws when the chart has no such state. */
export function namedBy(node: AnyStateNode, value: StateValue): AnyStateNode[] {
  if (typeof value === 'string') return [childOf(node, value)];
  return Object.entries(value).flatMap(([key, inner]) => {
    const child = childOf(node, key);
    const named = inner === undefined ? [] : namedBy(child, inner);
    return named.length > 0 ? named : [child];
  });
}

function childOf(node: AnyStateNode, key: unknown): AnyStateNode {
  const child = childrenOf(node).find((candidate) => candidate.key === key);
  if (child === undefined) throw new Error(`The state "${node.id}" has no state "${key}" inside`);
  return child;
}
