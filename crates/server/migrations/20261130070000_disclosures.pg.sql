CREATE TRIGGER disclosure_event_is_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON disclosure_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
