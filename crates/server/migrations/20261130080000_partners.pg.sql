CREATE TRIGGER partner_event_is_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON partner_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER passing_is_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON passing
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER passing_answer_is_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON passing_answer
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER statistics_release_is_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON statistics_release
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
