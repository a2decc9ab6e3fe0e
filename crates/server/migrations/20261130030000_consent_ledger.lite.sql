CREATE TRIGGER consent_entry_is_not_changed BEFORE UPDATE ON consent_entry
    BEGIN SELECT RAISE(ABORT, 'consent_entry is append-only'); END;
CREATE TRIGGER consent_entry_is_not_deleted BEFORE DELETE ON consent_entry
    BEGIN SELECT RAISE(ABORT, 'consent_entry is append-only'); END;
CREATE TRIGGER ledger_root_is_not_changed BEFORE UPDATE ON ledger_root
    BEGIN SELECT RAISE(ABORT, 'ledger_root is append-only'); END;
CREATE TRIGGER ledger_root_is_not_deleted BEFORE DELETE ON ledger_root
    BEGIN SELECT RAISE(ABORT, 'ledger_root is append-only'); END;
