-- INSERT OR REPLACE deletes without firing the other triggers.
CREATE TRIGGER partner_event_is_not_changed BEFORE UPDATE ON partner_event
    BEGIN SELECT RAISE(ABORT, 'partner_event is append-only'); END;
CREATE TRIGGER partner_event_is_not_deleted BEFORE DELETE ON partner_event
    BEGIN SELECT RAISE(ABORT, 'partner_event is append-only'); END;
CREATE TRIGGER partner_event_is_not_replaced BEFORE INSERT ON partner_event
    WHEN EXISTS (SELECT 1 FROM partner_event WHERE sequence = NEW.sequence)
    BEGIN SELECT RAISE(ABORT, 'partner_event is append-only'); END;
CREATE TRIGGER passing_is_not_changed BEFORE UPDATE ON passing
    BEGIN SELECT RAISE(ABORT, 'passing is append-only'); END;
CREATE TRIGGER passing_is_not_deleted BEFORE DELETE ON passing
    BEGIN SELECT RAISE(ABORT, 'passing is append-only'); END;
CREATE TRIGGER passing_is_not_replaced BEFORE INSERT ON passing
    WHEN EXISTS (SELECT 1 FROM passing WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'passing is append-only'); END;
CREATE TRIGGER passing_answer_is_not_changed BEFORE UPDATE ON passing_answer
    BEGIN SELECT RAISE(ABORT, 'passing_answer is append-only'); END;
CREATE TRIGGER passing_answer_is_not_deleted BEFORE DELETE ON passing_answer
    BEGIN SELECT RAISE(ABORT, 'passing_answer is append-only'); END;
CREATE TRIGGER passing_answer_is_not_replaced BEFORE INSERT ON passing_answer
    WHEN EXISTS (SELECT 1 FROM passing_answer WHERE passing = NEW.passing)
    BEGIN SELECT RAISE(ABORT, 'passing_answer is append-only'); END;
CREATE TRIGGER statistics_release_is_not_changed BEFORE UPDATE ON statistics_release
    BEGIN SELECT RAISE(ABORT, 'statistics_release is append-only'); END;
CREATE TRIGGER statistics_release_is_not_deleted BEFORE DELETE ON statistics_release
    BEGIN SELECT RAISE(ABORT, 'statistics_release is append-only'); END;
CREATE TRIGGER statistics_release_is_not_replaced BEFORE INSERT ON statistics_release
    WHEN EXISTS (SELECT 1 FROM statistics_release WHERE week = NEW.week)
    BEGIN SELECT RAISE(ABORT, 'statistics_release is append-only'); END;
