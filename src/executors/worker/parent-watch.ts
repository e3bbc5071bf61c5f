import { workerData } from 'node:worker_threads';

/** ms between two looks. */
const INTERVAL_MS = 500;

// An orphan gets another parent; where it does not, as on Windows, the old one cannot be signalled any more.
setInterval(() => {
  if (process.ppid !== workerData || !isAlive(Number(workerData))) process.kill(process.pid, 'SIGKILL');
}, INTERVAL_MS);

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
