-- The names under which machines may be known.
SELECT DISTINCT name, machine, hostname FROM v1_alias ORDER BY name, machine
