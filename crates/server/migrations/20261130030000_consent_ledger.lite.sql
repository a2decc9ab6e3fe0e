CREATE TRIGGER consent_entry_is_not_changed BEFORE UPDATE ON consent_entry
    BEGIN SELECT RAISE(ABORT, 'consent_entry is append-only'); END;
CREATE TRIGGER consent_entry_is_not_deleted BEFORE DELETE ON consent_entry
    BEGIN SELECT RAISE(ABORT, 'consent_entry is append-only'); END;
CREATE TRIGGER ledger_root_is_not_changed BEFORE UPDATE ON ledger_root
    BEGIN SELECT RAISE(ABORT, 'ledger_root is append-only'); END;
CREATE TRIGGER ledger_root_is_not_deleted BEFORE DELETE ON ledger_root
    BEGIN SELECT RAISE(ABORT, 'ledger_root is append-only'); END;

-- INSERT OR REPLACE deletes without firing the triggers above.
CREATE TRIGGER consent_entry_is_not_replaced BEFORE INSERT ON consent_entry
    WHEN EXISTS (SELECT 1 FROM consent_entry WHERE uid = NEW.uid AND (sequence = NEW.sequence
        OR id = NEW.id OR (chain = NEW.chain AND number = NEW.number)))
    BEGIN SELECT RAISE(ABORT, 'consent_entry is append-only'); END;
CREATE TRIGGER ledger_root_is_not_replaced BEFORE INSERT ON ledger_root
    WHEN EXISTS (SELECT 1 FROM ledger_root WHERE day = NEW.day)
    BEGIN SELECT RAISE(IGNORE); END;
