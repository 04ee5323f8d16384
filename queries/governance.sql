-- What people decide about findings: the file that `fleet govern` takes, which replaces all of
-- this. In conditions an empty text asks for nothing.

-- Findings that are let stand, all of whose conditions hold. category: mitigated, the secret
-- is good for nothing; waiver, the risk is accepted. `expires` is the last day.
CREATE TABLE IF NOT EXISTS exemption (
  name VARCHAR PRIMARY KEY, place BIGINT NOT NULL, category VARCHAR NOT NULL, finding_id VARCHAR NOT NULL,
  secret VARCHAR NOT NULL, rule VARCHAR NOT NULL, secret_type VARCHAR NOT NULL, path VARCHAR NOT NULL,
  machine VARCHAR NOT NULL, tag VARCHAR NOT NULL, tag_value VARCHAR NOT NULL, reason VARCHAR NOT NULL,
  author VARCHAR NOT NULL, created VARCHAR NOT NULL, expires VARCHAR NOT NULL);
-- Who has to do something, and until when: the rule of the lowest priority that fits. Lists
-- of severities and levels of risk stand between bars.
CREATE TABLE IF NOT EXISTS owner_rule (
  name VARCHAR PRIMARY KEY, priority BIGINT NOT NULL, place BIGINT NOT NULL, severities VARCHAR NOT NULL,
  risks VARCHAR NOT NULL, secret_type VARCHAR NOT NULL, tag VARCHAR NOT NULL, tag_value VARCHAR NOT NULL,
  account VARCHAR NOT NULL, owner VARCHAR NOT NULL, due_days BIGINT NOT NULL, grace_days BIGINT NOT NULL);
-- Tags whose value is the owner, the first that is there, in lower case.
CREATE TABLE IF NOT EXISTS owner_tag (name VARCHAR NOT NULL, place BIGINT NOT NULL, tag VARCHAR NOT NULL);
-- Which paths and machines the globs of exemptions mean. kind: path, machine.
CREATE TABLE IF NOT EXISTS glob_match (kind VARCHAR NOT NULL, pattern VARCHAR NOT NULL, name VARCHAR NOT NULL);
-- Days in milliseconds since 1970, and as they are written.
CREATE TABLE IF NOT EXISTS calendar (day_ms BIGINT PRIMARY KEY, day_ VARCHAR NOT NULL);
