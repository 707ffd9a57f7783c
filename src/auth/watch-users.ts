// Keeps the users of a running server as the users file has them: `callchart user` needs no restart.
import type { Users } from './users.ts';
import { readUsersFile, stampOf } from './users-file.ts';

export class WatchedUsers {
  readonly path: string;
  readonly users: Users;
  readonly #onTrouble: (cause: unknown) => void;
  #stamp = '';

  /** Throws what reading throws: a server does not start with users that it cannot read. */
  constructor(path: string, users: Users, onTrouble: (cause: unknown) => void) {
    this.path = path;
    this.users = users;
    this.#onTrouble = onTrouble;
    this.#stamp = stampOf(path);
    users.file(readUsersFile(path));
  }

  /** Reads the file anew if it changed. One that cannot be read changes nothing, and is told once. */
  look(): void {
    try {
      const stamp = stampOf(this.path);
      if (stamp === this.#stamp) return;
      this.#stamp = stamp;
      this.users.file(readUsersFile(this.path));
    } catch (cause) {
      this.#onTrouble(cause);
    }
  }
}
