/** The time of day, renewed every so many milliseconds while somebody looks at it. */
export function useClock(everyMs: () => number | null): { readonly now: number } {
  let now = $state(Date.now());
  $effect(() => {
    const every = everyMs();
    if (every === null) return;
    now = Date.now();
    const timer = setInterval(() => {
      now = Date.now();
    }, every);
    return () => {
      clearInterval(timer);
    };
  });
  return {
    get now() {
      return now;
    },
  };
}
