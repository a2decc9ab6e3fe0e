CREATE TRIGGER disclosure_event_is_not_changed BEFORE UPDATE ON disclosure_event
    BEGIN SELECT RAISE(ABORT, 'disclosure_event is append-only'); END;
CREATE TRIGGER disclosure_event_is_not_deleted BEFORE DELETE ON disclosure_event
    BEGIN SELECT RAISE(ABORT, 'disclosure_event is append-only'); END;
-- INSERT OR REPLACE deletes without firing the triggers above.
CREATE TRIGGER disclosure_event_is_not_replaced BEFORE INSERT ON disclosure_event
    WHEN EXISTS (SELECT 1 FROM disclosure_event WHERE sequence = NEW.sequence)
    BEGIN SELECT RAISE(ABORT, 'disclosure_event is append-only'); END;
