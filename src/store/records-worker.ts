// The thread that owns the records' file: stores batches, answers questions, forgets what is too old.
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { RecordsFile } from './records-file.ts';
import type { RecordsTable } from './records-table.ts';
import type { Asks, FromThread, ThreadData, ToThread } from './records-talk.ts';
import { NewerSchema } from './schema.ts';

const LOOK_MS = 60_000;

function run(port: NonNullable<typeof parentPort>, { path, retention, isForPower }: ThreadData): void {
  const say = (word: FromThread) => port.postMessage(word);
  const file = new RecordsFile({
    path,
    isForPower,
    onDamaged: (aside, cause) =>
      say({ said: 'damaged', problem: `${path} is damaged (${wordsOf(cause)}); it is kept as ${aside}` }),
  });
  const answers: {
    readonly [K in keyof Asks]: (table: RecordsTable, of: Asks[K]['of']) => Asks[K]['gives'];
  } = {
    past: (table, query) => table.past(query),
    find: (table, callId) => table.find(callId),
  };
  /** undefined: the file can be used. */
  const tried = (): Error | undefined => {
    try {
      file.use(() => {});
    } catch (cause) {
      return cause instanceof Error ? cause : new Error(String(cause));
    }
    return undefined;
  };
  let isForgetting = false;
  /** Slice by slice, with whatever else is asked for in between. */
  const forget = () => {
    isForgetting = false;
    try {
      if (file.use((table) => table.forget(retention, Date.now()))) forgetSoon();
    } catch {
      // the next batch says what is wrong
    }
  };
  const forgetSoon = () => {
    if (!isForgetting) setImmediate(forget);
    isForgetting = true;
  };
  const look = setInterval(forgetSoon, LOOK_MS);
  const hear = (word: ToThread) => {
    switch (word.do) {
      case 'store':
        try {
          const broken = file.use((table) => table.insert(word.lines));
          say({ said: 'stored', batch: word.batch, broken });
          forgetSoon();
        } catch (cause) {
          say({ said: 'failed', batch: word.batch, problem: `${path}: ${wordsOf(cause)}` });
        }
        return;
      case 'ask':
        try {
          const answer = file.use((table) => answers[word.what](table, word.of as never));
          say({ said: 'answer', number: word.number, answer });
        } catch (cause) {
          say({ said: 'no answer', number: word.number, problem: `${path}: ${wordsOf(cause)}` });
        }
        return;
      case 'try': {
        const cause = tried();
        say({ said: 'tried', problem: cause && `${path}: ${wordsOf(cause)}` });
        return;
      }
      case 'close':
        clearInterval(look);
        file.close();
        port.close();
    }
  };
  const cause = tried();
  say({
    said: 'ready',
    problem: cause && `${path}: ${wordsOf(cause)}`,
    isNewer: cause instanceof NewerSchema,
  });
  forgetSoon();
  port.on('message', hear);
}

function wordsOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

if (!isMainThread && parentPort !== null) run(parentPort, workerData);
