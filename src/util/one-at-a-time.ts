/** Returns a function that runs what it is given one after the other, in the order of the calls, whatever fails. */
export function oneAtATime(): <T>(action: () => Promise<T>) => Promise<T> {
  let tail: Promise<unknown> = Promise.resolve();
  return (action) => {
    const done = tail.then(action);
    tail = done.catch(() => undefined);
    return done;
  };
}
