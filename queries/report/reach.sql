-- Keys that somebody gets who came in: the key before, and the machine where this one was found.
SELECT s.fingerprint AS key_print, r.hops, r.entry, r.via, f.fingerprint AS from_print, r.needs_root, r.ways
FROM fleet_reach r JOIN ssh_key s ON s.key_id = r.key_id
LEFT JOIN ssh_key f ON f.key_id = r.from_key
ORDER BY r.hops, s.fingerprint
