import type { LedgerRecord } from '../generated/bindings';
import { useApp } from './context';

/** When nothing came after this, there is nothing. */
const SOON_MS = 300;

/** Asks for the records for as long as somebody looks at them; tells whether they are there. */
export function useRecords(records: () => readonly LedgerRecord[]): { readonly known: boolean } {
  const app = useApp();
  let waited = $state(false);
  $effect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let gone = false;
    void app.send({ do: 'show_ledger', shown: true }).then(() => {
      if (gone) return;
      timer = setTimeout(() => {
        waited = true;
      }, SOON_MS);
    });
    return () => {
      gone = true;
      clearTimeout(timer);
      void app.send({ do: 'show_ledger', shown: false });
    };
  });
  return {
    get known() {
      return waited || records().length > 0;
    },
  };
}
