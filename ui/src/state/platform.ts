/** Whether keys are written the Mac's way. Changes words only. */
export function macKeys(): boolean {
  return typeof navigator !== 'undefined' && navigator.platform.startsWith('Mac');
}
