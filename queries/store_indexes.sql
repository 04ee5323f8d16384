-- For SQLite alone: the other engines have no use for indexes.
CREATE INDEX IF NOT EXISTS held_key ON held (key_id);
CREATE INDEX IF NOT EXISTS entry_key ON entry (key_id);
