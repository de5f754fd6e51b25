-- Semantic versions and differences. The idea: versions are compared as semver.org (section 11) says, by a key that sorts in
-- the same order, and two contents are compared as JSON.

create or replace function catalog.semantic_version_key(version text) returns text[]
language plpgsql immutable strict parallel safe
set search_path to pg_catalog, pg_temp
as $$
declare
  v_parts text[] := regexp_match(semantic_version_key.version, '^(\d+)\.(\d+)\.(\d+)(?:-(.+))?$');
  v_key text[] := array[lpad(v_parts[1], 9, '0'), lpad(v_parts[2], 9, '0'), lpad(v_parts[3], 9, '0')];
begin
  if v_parts[4] is null then
    -- a release is higher than all of its pre-releases, so it gets 2 where they have 0 or 1
    return v_key || '2'::text;
  end if;
  return v_key || array(
    select case when identifier ~ '^\d+$' then '0' || lpad(identifier, 50, '0') else '1' || identifier end
      from unnest(string_to_array(v_parts[4], '.')) with ordinality as i (identifier, position)
     order by position);
end
$$;
comment on function catalog.semantic_version_key is
  'A key that sorts semantic versions (in collation "C"): 1.0.0-beta.2 < 1.0.0-beta.10 < 1.0.0 < 1.0.1.';

create or replace function catalog.next_patch_version(version text) returns text
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  -- a pre-release is followed by its release, and a release by the next patch
  select case
    when next_patch_version.version ~ '-' then split_part(next_patch_version.version, '-', 1)
    else split_part(next_patch_version.version, '.', 1) || '.' || split_part(next_patch_version.version, '.', 2) || '.'
      || (split_part(next_patch_version.version, '.', 3)::int + 1)
  end;
$$;
comment on function catalog.next_patch_version is
  'The version that a publication gets when the caller names none.';

create or replace function catalog.json_changes(old_value jsonb, new_value jsonb, path text default '')
returns setof app_public.version_change
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_key text;
begin
  if old_value is not distinct from new_value then
    return;
  elsif jsonb_typeof(old_value) = 'object' and jsonb_typeof(new_value) = 'object' then
    for v_key in select jsonb_object_keys(old_value || new_value) loop
      return query select * from catalog.json_changes(
        old_value -> v_key, new_value -> v_key, path || '/' || replace(replace(v_key, '~', '~0'), '/', '~1'));
    end loop;
    return;
  end if;
  return next row (path, old_value, new_value)::app_public.version_change;
end
$$;
comment on function catalog.json_changes is
  'The differences between two JSON values. Objects are compared member by member, arrays as a whole.';
