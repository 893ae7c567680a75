-- What the schema `public` holds, one row per fact: where it is (`table/kind name`), and what it is.
-- What extensions brought is left out.

WITH ours AS (
    SELECT c.oid, c.relname, c.relkind
      FROM pg_class c
     WHERE c.relnamespace = 'public'::regnamespace
       AND NOT EXISTS (SELECT FROM pg_depend d
                        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
)

SELECT relname::text AS place, to_jsonb(relkind::text) AS fact
  FROM ours WHERE relkind NOT IN ('i', 'I')

UNION ALL
SELECT format('%s/column %s', relname, attname),
       jsonb_build_object(
           -- Not `attnum`: an adopted database may have dropped columns.
           'position', row_number() OVER (PARTITION BY ours.oid ORDER BY attnum),
           'type', format_type(atttypid, atttypmod),
           'nullable', NOT attnotnull,
           'default', pg_get_expr(adbin, adrelid))
  FROM ours
  JOIN pg_attribute ON attrelid = ours.oid AND attnum > 0 AND NOT attisdropped
  LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
 WHERE relkind NOT IN ('i', 'I')

UNION ALL
SELECT CASE contype
           WHEN 'p' THEN format('%s/primary key', relname)
           WHEN 'u' THEN format('%s/unique %s', relname, conname)
           WHEN 'f' THEN format('%s/foreign key %s', relname, conname)
           WHEN 'c' THEN format('%s/check %s', relname, conname)
           ELSE format('%s/constraint %s', relname, conname)
       END,
       CASE contype
           WHEN 'f' THEN jsonb_build_object(
               'columns', own.names,
               'ref_table', confrelid::regclass::text,
               'ref_columns', (SELECT jsonb_agg(attname ORDER BY place)
                                 FROM unnest(confkey) WITH ORDINALITY AS key (num, place)
                                 JOIN pg_attribute ON attrelid = confrelid AND attnum = num),
               'on_delete', CASE confdeltype WHEN 'a' THEN 'no action' ELSE confdeltype::text END,
               'on_update', CASE confupdtype WHEN 'a' THEN 'no action' ELSE confupdtype::text END,
               'deferrable', condeferrable,
               'validated', convalidated)
           WHEN 'c' THEN jsonb_build_object(
               'expression', pg_get_constraintdef(pg_constraint.oid),
               'validated', convalidated)
           ELSE own.names
       END
  FROM ours
  JOIN pg_constraint ON conrelid = ours.oid
 CROSS JOIN LATERAL (SELECT jsonb_agg(attname ORDER BY place) AS names
                       FROM unnest(conkey) WITH ORDINALITY AS key (num, place)
                       JOIN pg_attribute ON attrelid = conrelid AND attnum = num) AS own

UNION ALL
-- Without those that only back a key.
SELECT format('%s/index %s', ours.relname, index.relname),
       jsonb_strip_nulls(jsonb_build_object(
           'columns', to_jsonb(string_to_array(parts[2], ', ')),
           'unique', indisunique,
           'method', parts[1],
           'where', parts[3]))
  FROM ours
  JOIN pg_index ON indrelid = ours.oid
  JOIN pg_class AS index ON index.oid = indexrelid
 CROSS JOIN LATERAL regexp_match(pg_get_indexdef(indexrelid),
                                 'USING (\w+) \(([^)]*)\)(?: WHERE (.*))?$') AS parts
 WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u'))

UNION ALL
SELECT format('%s/definition', relname),
       to_jsonb(regexp_replace(pg_get_viewdef(ours.oid), '\s+', ' ', 'g'))
  FROM ours WHERE relkind = 'v'

UNION ALL
SELECT format('%s/statistics %s', relname, stxname),
       jsonb_build_object(
           'kind', array_to_string(stxkind, ''),
           'columns', (SELECT jsonb_agg(attname ORDER BY place)
                         FROM unnest(stxkeys::int2[]) WITH ORDINALITY AS key (num, place)
                         JOIN pg_attribute ON attrelid = stxrelid AND attnum = num))
  FROM ours JOIN pg_statistic_ext ON stxrelid = ours.oid

UNION ALL
SELECT format('%s/trigger %s', relname, tgname), to_jsonb(pg_get_triggerdef(pg_trigger.oid))
  FROM ours JOIN pg_trigger ON tgrelid = ours.oid AND NOT tgisinternal

UNION ALL
SELECT format('enum %s', typname), jsonb_agg(enumlabel ORDER BY enumsortorder)
  FROM pg_type JOIN pg_enum ON enumtypid = pg_type.oid
 WHERE typnamespace = 'public'::regnamespace
 GROUP BY typname

UNION ALL
SELECT format('extension %s', extname), 'true' FROM pg_extension WHERE extname <> 'plpgsql'

UNION ALL
SELECT format('function %s', p.oid::regprocedure), to_jsonb(prosrc)
  FROM pg_proc AS p
 WHERE pronamespace = 'public'::regnamespace
   AND NOT EXISTS (SELECT FROM pg_depend AS d
                    WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
