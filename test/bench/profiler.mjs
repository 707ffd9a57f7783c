// Loaded into the measured Node process (--import): SIGUSR2 begins and ends a CPU profile, then an allocation profile.
import { renameSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import path from 'node:path';

const folder = process.env.BENCH_OF_PROFILES ?? '.';
const session = new Session();
session.connect();

const post = (method, params) => {
  let answer;
  session.post(method, params, (error, result) => {
    if (error) throw new Error(`${method}: ${error.message}`);
    answer = result;
  });
  return answer;
};
const save = (name, profile) => {
  const file = path.join(folder, name);
  writeFileSync(`${file}.part`, JSON.stringify(profile));
  renameSync(`${file}.part`, file); // who waits for the file finds it whole
};

const steps = [
  () => {
    post('Profiler.enable');
    post('Profiler.setSamplingInterval', { interval: 500 });
    post('Profiler.start');
  },
  () => {
    save('cpu.cpuprofile', post('Profiler.stop').profile);
    post('Profiler.disable');
  },
  () =>
    post('HeapProfiler.startSampling', {
      samplingInterval: 16384,
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: true,
    }),
  () => save('allocations.heapprofile', post('HeapProfiler.stopSampling').profile),
];
let next = 0;
process.on('SIGUSR2', () => steps[next++]?.());
