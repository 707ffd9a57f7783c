// Where the bundle begins.
import { run } from './program.ts';

/** Put in by the build. */
declare const __VERSION__: string;

await run(process.argv, __VERSION__);
