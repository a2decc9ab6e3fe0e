CREATE TRIGGER policy_set_is_not_changed BEFORE UPDATE ON policy_set
    BEGIN SELECT RAISE(ABORT, 'policy_set is append-only'); END;
CREATE TRIGGER policy_set_is_not_deleted BEFORE DELETE ON policy_set
    BEGIN SELECT RAISE(ABORT, 'policy_set is append-only'); END;
-- INSERT OR REPLACE deletes without firing the triggers above.
CREATE TRIGGER policy_set_is_not_replaced BEFORE INSERT ON policy_set
    WHEN EXISTS (SELECT 1 FROM policy_set WHERE version = NEW.version OR place = NEW.place)
    BEGIN SELECT RAISE(ABORT, 'policy_set is append-only'); END;
