-- The register of personal data. Where a column is defined, a tag in its comment says what becomes of it when its person is
-- erased, so the register cannot differ from the schema. A column that names the person, by key or by e-mail address, makes a row
-- that person's; the other personal columns of the row are its content.

create or replace view governance.personal_columns with (security_invoker = true) as
  with tagged as (
    select a.attrelid::regclass as table_name, a.attname as column_name, a.attnum as ordinal, a.atttypid as type_id,
           regexp_match(col_description(a.attrelid, a.attnum), '(?:^|\n)@personal (erase|pseudonymise|keep)(?: ([^\n]+))?(?:\n|$)') as tag,
           (regexp_match(col_description(a.attrelid, a.attnum), '(?:^|\n)@personOf (\w+)(?:\n|$)'))[1] as person_of
      from pg_attribute a
      join pg_class c on c.oid = a.attrelid
     where c.relnamespace in (select core.schemas()) and c.relkind in ('r', 'p') and not c.relispartition
       and a.attnum > 0 and not a.attisdropped
  )
  select t.table_name, t.column_name, t.ordinal, t.tag[1] as action, t.tag[2] as reason,
         case when t.type_id = 'uuid'::regtype then 'key'
              when t.column_name ~ '(^|_)email$' then 'address'
              else 'content' end as kind,
         t.person_of
    from tagged t
   where t.tag is not null;
comment on view governance.personal_columns is
  'Every column that holds personal data, read from the tags in the comments: what becomes of it (erase, pseudonymise, or keep with the reason), and its kind. A key or an address says whose row it is; content belongs to the person of the row, or of the column that person_of names.';
grant select on governance.personal_columns to rowhouse_platform;

create or replace function governance.unclassified_columns() returns table (table_name regclass, column_name name, reason text)
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  with open_column as (
    select a.attrelid, a.attname, a.atttypid, c.relnamespace
      from pg_attribute a
      join pg_class c on c.oid = a.attrelid
     where c.relnamespace in (select core.schemas()) and c.relkind in ('r', 'p') and not c.relispartition
       and a.attnum > 0 and not a.attisdropped
       and coalesce(col_description(a.attrelid, a.attnum), '') !~ '(^|\n)(@personal (erase|pseudonymise)|@personal keep \S[^\n]*|@notPersonal)(\n|$)'
  )
  select o.attrelid::regclass, o.attname,
         case
           when o.attname ~ '(^|_)user_id$' or exists (
             select from pg_constraint k
              where k.conrelid = o.attrelid and k.contype = 'f' and k.confrelid = 'app_public.user_profiles'::regclass
                and (select a.attname from pg_attribute a where a.attrelid = k.conrelid and a.attnum = k.conkey[cardinality(k.conkey)]) = o.attname)
             then 'It refers to a person.'
           when string_to_array(o.attname::text, '_') && '{mail,email,name,ip,text,phone,address}'::text[]
             then 'It is named like personal data.'
           when o.atttypid in ('text'::regtype, 'text[]'::regtype, 'jsonb'::regtype, 'bytea'::regtype, 'inet'::regtype) and exists (
             select from governance.personal_columns p
              where p.table_name = o.attrelid::regclass and p.kind <> 'content' and p.action = 'erase')
             then 'It lies in the row of a person.'
         end
    from open_column o;
$$;
comment on function governance.unclassified_columns is
  'The columns without a tag @personal or @notPersonal, each with the reason why it needs one, or null when it needs none.';
