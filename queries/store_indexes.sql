-- For SQLite alone: the other engines have no use for indexes.
CREATE INDEX IF NOT EXISTS held_key ON held (key_id);
CREATE INDEX IF NOT EXISTS entry_key ON entry (key_id);
CREATE INDEX IF NOT EXISTS asset_name_asset ON asset_name (asset_id);
CREATE INDEX IF NOT EXISTS asset_name_name ON asset_name (name);
CREATE INDEX IF NOT EXISTS asset_inventory ON asset (inventory_id);
CREATE INDEX IF NOT EXISTS asset_link_from ON asset_link (from_id, kind);
CREATE INDEX IF NOT EXISTS security_rule_group ON security_rule (group_id);
CREATE INDEX IF NOT EXISTS key_pair_name ON key_pair (name);
CREATE INDEX IF NOT EXISTS asset_tag_asset ON asset_tag (asset_id);
CREATE INDEX IF NOT EXISTS glob_match_name ON glob_match (kind, name);
CREATE INDEX IF NOT EXISTS vulnerability_id ON vulnerability (vulnerability COLLATE NOCASE);
