-- Why a mail may be sent: for the account itself, or by a person's yes to a purpose, which is looked at
-- again before it goes out.
ALTER TABLE mail_outbox ADD COLUMN basis TEXT NOT NULL DEFAULT 'account';
ALTER TABLE mail_outbox ADD COLUMN basis_uid {B};
