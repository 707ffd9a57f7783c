// The YAML file: read, parsed, and asked for the line a key stands in.
import { readFileSync } from 'node:fs';
import { isMap, isNode, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { StartError } from './start-error.ts';

export interface ConfigFile {
  readonly path: string;
  readonly value: Readonly<Record<string, unknown>>;
  /** `callchart.yaml:12`, or the file alone when the key does not stand in it. */
  where(path: readonly PropertyKey[]): string;
}

/** Throws StartError for a file that is not there, not readable, not YAML, or not a map. */
export function readConfigFile(path: string): ConfigFile {
  let source: string;
  try {
    source = readFileSync(path, 'utf8');
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    const said =
      { ENOENT: 'there is no such file', EACCES: 'no permission to read it', EISDIR: 'it is a folder' }[
        why
      ] ?? why;
    throw new StartError(
      'config-unreadable',
      `configuration file ${path}: ${said}; check the path given with --config`,
      { cause },
    );
  }
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => `${path}:${lines.linePos(offset).line}`;
  const [wrong] = document.errors;
  if (wrong)
    throw new StartError('config-unreadable', `${at(wrong.pos[0])}: not YAML: ${wrong.message}`, {
      cause: wrong,
    });
  let value: unknown;
  try {
    value = document.toJS();
  } catch (cause) {
    throw new StartError(
      'config-unreadable',
      `${path}: not YAML: ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    );
  }
  if (value === null || value === undefined) value = {};
  if (typeof value !== 'object' || Array.isArray(value))
    throw new StartError(
      'config-unreadable',
      `${path}: holds no keys; write lines such as "log: { level: info }"`,
    );
  return {
    path,
    value: value as Record<string, unknown>,
    where: (keys) => {
      const offset = offsetOf(document.contents, keys);
      return offset === undefined ? path : at(offset);
    },
  };
}

/** Where the innermost key on the way that stands in the document begins. */
function offsetOf(root: Node | null, keys: readonly PropertyKey[]): number | undefined {
  let node: unknown = root;
  let offset: number | undefined;
  for (const key of keys) {
    const name = String(key);
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === name);
      if (pair === undefined) return offset;
      if (isNode(pair.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(key)];
      if (isNode(node)) offset = node.range?.[0] ?? offset;
    } else return offset;
  }
  return offset;
}
