// A log whose entries are told by their keys, as a test thinks of them.
import type { LiveLog, OpenedLog } from '../../src/store/live-log.ts';
import type { Item } from '../../src/store/log-item.ts';

export interface OpenedKeyedLog extends Omit<OpenedLog, 'log'> {
  readonly log: KeyedLog;
}

export class KeyedLog {
  readonly log: LiveLog;
  /** What is deleted is let go, and asked for anew when it is put again; otherwise its item is put again. */
  readonly #letsGo: boolean;
  readonly #items = new Map<string, Item>();

  constructor(log: LiveLog, letsGo = false) {
    this.log = log;
    this.#letsGo = letsGo;
  }

  put(key: string, text: string): void {
    putText(this.log, this.#item(key), text);
  }

  append(key: string, text: string): void {
    appendText(this.log, this.#item(key), text);
  }

  delete(key: string): void {
    this.log.delete(this.#item(key));
    if (this.#letsGo) this.#items.delete(key);
  }

  flush(): void {
    this.log.flush();
  }

  flushNow(): void {
    this.log.flushNow();
  }

  safely(done: Parameters<LiveLog['safely']>[0]): void {
    this.log.safely(done);
  }

  close(): void {
    this.log.close();
  }

  get counts(): LiveLog['counts'] {
    return this.log.counts;
  }

  get isBehind(): boolean {
    return this.log.isBehind;
  }

  get segments(): number {
    return this.log.segments;
  }

  #item(key: string): Item {
    let item = this.#items.get(key);
    if (item === undefined) {
      item = this.log.item(key);
      this.#items.set(key, item);
    }
    return item;
  }
}

/** As who keeps something does it in one step. */
export function putText(log: LiveLog, item: Item, text: string): void {
  log.out.json(text);
  log.put(item);
}

export function appendText(log: LiveLog, item: Item, text: string): void {
  log.out.json(text);
  log.append(item);
}
