-- The inventories and reports that were taken.
SELECT source, shape, provider, scope, whole, taken, records, skipped FROM inventory ORDER BY inventory_id
