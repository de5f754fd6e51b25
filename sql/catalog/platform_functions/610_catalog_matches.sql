-- Row level security lets an index be asked only by operators that cannot leak, and the matching of words is none. So
-- the words are looked up here, outside the wall, by a query that names the tenant and what is shared with it itself.

create or replace function app_private.catalog_targets(kinds app_public.resource_kind[]) returns text[]
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := app_hidden.current_tenant_id();
  v_kind app_public.resource_kind;
  v_shared_ids uuid[];
  v_target constant text := 'select %L::app_public.resource_kind, %%s from %s r where %%s and r.deleted_at is null and r.tenant_id ';
  v_targets text[] := '{}';
begin
  foreach v_kind in array catalog_targets.kinds loop
    v_targets := v_targets || format(v_target || '= %L::uuid', v_kind, app_private.resource_table(v_kind), v_tenant_id);
    v_shared_ids := app_hidden.shared_resource_ids(v_kind::text);
    if cardinality(v_shared_ids) > 0 then
      v_targets := v_targets || format(v_target || '<> %L::uuid and r.id = any (%L::uuid[])',
        v_kind, app_private.resource_table(v_kind), v_tenant_id, v_shared_ids);
    end if;
  end loop;
  return v_targets;
end
$$;
comment on function app_private.catalog_targets(app_public.resource_kind[]) is
  'Where the request''s catalogue is: for each kind the own rows r, and the shared ones where there are any, as SQL that waits for what to select and a condition.';

create or replace function app_private.catalog_query(targets text[], selected text, conditions text[]) returns text
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select string_agg(format(target, selected, array_to_string(conditions, ' and ')), ' union all ') from unnest(targets) as target;
$$;
comment on function app_private.catalog_query(text[], text, text[]) is 'The query that selects this of what meets these conditions.';

create or replace function app_hidden.catalog_matches(query text, kinds app_public.resource_kind[])
returns table (kind app_public.resource_kind, id uuid, score double precision)
language plpgsql stable security definer
set search_path to pg_catalog, public, pg_temp
set jit to off
as $$
#variable_conflict use_column
declare
  v_tenant_id constant uuid := app_hidden.current_tenant_id();
  v_targets constant text[] := app_private.catalog_targets(catalog_matches.kinds);
  v_words text[] := '{}';
  v_conditions text[] := '{}';
  -- the whole name is the best match there is
  v_scores text[] := array[
    format('case when %1$L in (lower(r.name), lower(r.display_name)) then 1 else 0 end', lower(trim(catalog_matches.query)))];
  v_word record;
  v_tagged_ids uuid[];
  v_is_known boolean;
  v_are_known boolean := true;
begin
  for v_word in select q.word, q.lexemes from app_private.catalog_question(catalog_matches.query) q order by q.n loop
    v_tagged_ids := array(
      select a.item_id from app_public.tags t
        join app_public.tag_assignments a on a.tenant_id = t.tenant_id and a.tag_id = t.id
       where t.tenant_id = v_tenant_id and to_tsvector('simple', app_hidden.catalog_words(t.name)) @@ v_word.lexemes);
    v_words := v_words || v_word.word;
    v_conditions := v_conditions || format('(r.search_vector @@ %L::tsquery%s)', v_word.lexemes,
      case when cardinality(v_tagged_ids) > 0 then format(' or r.id = any (%L::uuid[])', v_tagged_ids) else '' end);
    v_scores := v_scores || format('ts_rank(''{0.1, 0.2, 0.6, 1}'', r.search_vector, %L::tsquery)', v_word.lexemes);
    if cardinality(v_tagged_ids) > 0 then
      v_scores := v_scores || format('case when r.id = any (%L::uuid[]) then 0.1 else 0 end', v_tagged_ids);
    end if;
  end loop;
  if v_tenant_id is null or cardinality(v_words) = 0 or cardinality(v_targets) = 0 then
    return;
  end if;

  return query execute app_private.catalog_query(
    v_targets, format('r.id, (%s)::double precision', array_to_string(v_scores, ' + ')), v_conditions);
  if found then
    return;
  end if;

  -- nothing has all the words: those that nothing has at all are read as names spelt almost like them
  for v_i in 1 .. cardinality(v_words) loop
    continue when length(v_words[v_i]) < 4;
    execute format('select exists (%s)', app_private.catalog_query(v_targets, '1', array[v_conditions[v_i]])) into v_is_known;
    if not v_is_known then
      v_are_known := false;
      v_conditions[v_i] := format('%L <%% app_hidden.catalog_label(r.name, r.display_name)', v_words[v_i]);
      v_scores := v_scores || format('word_similarity(%L, app_hidden.catalog_label(r.name, r.display_name)) / 2', v_words[v_i]);
    end if;
  end loop;
  if v_are_known then
    return;
  end if;
  -- what <% goes by, until the end of the transaction; nothing but this search uses it
  perform set_config('pg_trgm.word_similarity_threshold', '0.4', true);
  return query execute app_private.catalog_query(
    v_targets, format('r.id, (%s)::double precision', array_to_string(v_scores, ' + ')), v_conditions);
end
$$;
comment on function app_hidden.catalog_matches(text, app_public.resource_kind[]) is
  'What in this tenant''s catalogue, and in what is shared with it, has all the words: ids and scores, nothing else. A word that nothing has matches the names that are at least 0.4 similar to it by trigrams.';
grant execute on function app_hidden.catalog_matches(text, app_public.resource_kind[]) to rowhouse_user;
