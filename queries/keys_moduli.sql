-- The RSA keys of all scans.
SELECT fingerprint, public_key FROM ssh_key WHERE public_key IS NOT NULL ORDER BY fingerprint
