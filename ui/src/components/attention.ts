/**
 * Calls back with `true` once the window has been before somebody for `ms` without a break, and with
 * `false` at the start and whenever it is hidden or comes to the front: a press that was meant for
 * something else lands in that time.
 */
export function seenFor(ms: number, tell: (seen: boolean) => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const begin = (): void => {
    clearTimeout(timer);
    tell(false);
    if (document.visibilityState === 'hidden') return;
    timer = setTimeout(() => {
      tell(true);
    }, ms);
  };
  window.addEventListener('focus', begin);
  document.addEventListener('visibilitychange', begin);
  begin();
  return () => {
    clearTimeout(timer);
    window.removeEventListener('focus', begin);
    document.removeEventListener('visibilitychange', begin);
  };
}
