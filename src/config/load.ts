// Brings flags, environment, file and defaults together: parameter by parameter, the first that speaks is heard.
import { parse } from 'yaml';
import type { z } from 'zod';
import { type Config, configSchema } from './config.ts';
import { type ConfigFile, readConfigFile } from './file.ts';
import { nearest } from './nearest.ts';
import { envName, fileOnly, type Option, options } from './options.ts';
import { StartError } from './start-error.ts';

export interface Sources {
  /** By flag name without dashes; absent or undefined: not given. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Path of the YAML file; undefined: `CALLCHART_CONFIG`, or none. */
  readonly file?: string | undefined;
}

export interface Loaded {
  readonly config: Config;
  /** Where the value of a path came from: `--t1`, `CALLCHART_T1`, `callchart.yaml:3`, `default`. */
  readonly origin: (path: string) => string;
}

/** Throws StartError; its message is one line even when much is wrong. */
export function loadConfig(sources: Sources): Loaded {
  const [loaded, problems] = tryConfig(sources);
  if (loaded) return loaded;
  const check = `callchart config check${sources.file === undefined ? '' : ` --config ${sources.file}`}`;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more; see "${check}")` : '';
  throw new StartError('config-invalid', `${problems[0]}${more}`);
}

/** The configuration, or every problem, each one line. Throws StartError for a file that cannot be read. */
export function tryConfig(sources: Sources): [loaded: Loaded, problems: []] | [undefined, string[]] {
  const path = sources.file ?? (sources.env.CALLCHART_CONFIG || undefined);
  const file = path === undefined ? undefined : withAuthSpelt(readConfigFile(path));
  const raw = withoutBlanks(file?.value ?? {});
  const spoken = new Map<string, string>();
  for (const option of options) {
    const flag = sources.flags[option.flag];
    const name = envName(option.flag);
    if (flag !== undefined) {
      put(raw, option.path, reading(option, flag));
      spoken.set(option.path, `--${option.flag}`);
    } else if (sources.env[name] !== undefined) {
      put(raw, option.path, reading(option, sources.env[name]));
      spoken.set(option.path, name);
    }
  }
  const origin = (at: string) => spoken.get(at) ?? (stands(file, at) ? file.where(at.split('.')) : 'default');
  const result = configSchema.safeParse(raw);
  const problems = unknownVariables(sources.env);
  if (!result.success) problems.push(...result.error.issues.map((issue) => told(issue, raw, spoken, file)));
  return result.success && problems.length === 0
    ? [{ config: result.data, origin }, []]
    : [undefined, problems];
}

/** Everything that is wrong, one line each, whatever it is; else the configuration. Throws nothing that a file can cause. */
export function configOrProblems(sources: Sources): { config: Config } | { problems: readonly string[] } {
  try {
    const [loaded, problems] = tryConfig(sources);
    return loaded === undefined ? { problems } : { config: loaded.config };
  } catch (cause) {
    if (cause instanceof StartError) return { problems: [cause.message] };
    throw cause;
  }
}

/** Flags and variables hold text; only the phrases' map needs more than the schema reads out of it. */
function reading(option: Option, text: unknown): unknown {
  if (option.path !== 'phrases' || typeof text !== 'string' || !text.trim().startsWith('{')) return text;
  try {
    return parse(text);
  } catch {
    return text;
  }
}

/** `auth: required` as what it is short for, so that a flag can speak to one part of it. */
function withAuthSpelt(file: ConfigFile): ConfigFile {
  const { auth } = file.value;
  return typeof auth === 'string' ? { ...file, value: { ...file.value, auth: { mode: auth } } } : file;
}

/** A copy without keys that have no value (`timers:` and nothing below): they say nothing. */
function withoutBlanks(map: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const filled = Object.entries(map).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(
    filled.map(([key, value]) => [key, isRecord(value) ? withoutBlanks(value) : value]),
  );
}

function put(root: Record<string, unknown>, path: string, value: unknown): void {
  const [section = '', key] = path.split('.');
  if (key === undefined) root[section] = value;
  else {
    const inner = root[section];
    if (isRecord(inner)) inner[key] = value;
    // a file whose section is no map stays as it is, so that the complaint is about that
    else if (inner === undefined) root[section] = { [key]: value };
  }
}

function stands(file: ConfigFile | undefined, path: string): file is ConfigFile {
  return file !== undefined && (valueAt(file.value, path.split('.')) ?? undefined) !== undefined;
}

function valueAt(root: unknown, keys: readonly PropertyKey[]): unknown {
  return keys.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined),
    root,
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A cluster's service links (`CALLCHART_PORT_5060_UDP_ADDR`, `CALLCHART_SERVICE_HOST`) are nobody's typing error. */
function unknownVariables(env: Sources['env']): string[] {
  const known = ['CALLCHART_CONFIG', ...options.map((option) => envName(option.flag))];
  return Object.keys(env)
    .filter(
      (name) =>
        /^CALLCHART_(?!PORT($|_)|SERVICE_)/.test(name) && env[name] !== undefined && !known.includes(name),
    )
    .map((name) => `environment: unknown variable ${name}${hint(name, known, 'callchart serve --help')}`);
}

/** What, which value, what to do: one line. */
function told(
  issue: z.core.$ZodIssue,
  raw: unknown,
  spoken: ReadonlyMap<string, string>,
  file: ConfigFile | undefined,
): string {
  const keys = issue.path;
  const path = keys.filter((key) => typeof key === 'string').join('.');
  const option = options.find((one) => path === one.path || path.startsWith(`${one.path}.`));
  const flag = option && spoken.get(option.path);
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? '';
    const place = flag ?? file?.where([...keys, key]) ?? 'configuration';
    if (path === 'phrases')
      return `${place}: phrases: "${key}" is not a status code; give 100 to 699, or preset`;
    return `${place}: unknown key "${path === '' ? key : `${path}.${key}`}"${hint(key, keysUnder(path), 'the README')}`;
  }
  const place = flag ?? `${file?.where(keys) ?? 'configuration'}: ${path}`;
  // what a check was given may differ from what stands there (one item of a text with commas)
  const value = shown(issue.code === 'custom' && issue.params ? issue.params.raw : valueAt(raw, keys));
  if (issue.code === 'custom' || issue.code === 'too_small')
    return `${place}: ${value} is not ${issue.message}`;
  if (issue.code === 'invalid_type')
    return `${place}: ${value} is not ${option ? 'what stands here' : 'a map of keys'}; see the README`;
  return `${place}: ${value}: ${issue.message}`;
}

function keysUnder(path: string): string[] {
  const all = [...options, ...fileOnly];
  const under = path === '' ? all : all.filter((option) => option.path.startsWith(`${path}.`));
  const keys = under.map(
    (option) => option.path.slice(path === '' ? 0 : path.length + 1).split('.')[0] ?? '',
  );
  return [...new Set(keys)];
}

function hint(word: string, known: readonly string[], place: string): string {
  const guess = nearest(word, known);
  if (guess !== undefined) return `; did you mean "${guess}"?`;
  return known.length <= 20 ? `; known here: ${known.join(', ')}` : `; see ${place}`;
}

function shown(value: unknown): string {
  const text = value === undefined ? 'nothing' : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
