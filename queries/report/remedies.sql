-- What to do about the findings of a rule.
SELECT rule, remedy FROM remedy ORDER BY rule
