-- Row level security lets an index be asked only by operators that cannot leak, and the matching of words is none. So
-- the words are looked up here, outside the wall, by a query that names the tenant and what is shared with it itself.

create or replace function app_hidden.catalog_matches(query text, kinds app_public.resource_kind[])
returns table (kind app_public.resource_kind, id uuid, score double precision)
language plpgsql stable security definer
set search_path to pg_catalog, public, pg_temp
set jit to off
as $$
#variable_conflict use_column
declare
  v_tenant_id constant uuid := app_hidden.current_tenant_id();
  v_question constant text := lower(trim(catalog_matches.query));
  v_numbers int[];
  v_words text[];
  v_lexemes tsquery[];
  v_missing int[];
  v_hits app_private.catalog_word_hit[];
  v_similar_hits app_private.catalog_word_hit[] := '{}';
  v_kind app_public.resource_kind;
  v_shared_ids uuid[];
  v_exact text[] := '{}';
  v_similar text[] := '{}';
  v_scopes text[];
  v_scope text;
begin
  select array_agg(q.n), array_agg(q.word), array_agg(q.lexemes) into v_numbers, v_words, v_lexemes
    from app_private.catalog_question(catalog_matches.query) q;
  if v_numbers is null or v_tenant_id is null then
    return;
  end if;

  foreach v_kind in array catalog_matches.kinds loop
    v_scopes := array['r.tenant_id = $1'];
    v_shared_ids := app_hidden.shared_resource_ids(v_kind::text);
    if cardinality(v_shared_ids) > 0 then
      v_scopes := v_scopes || format('r.id = any (%L::uuid[]) and r.tenant_id <> $1', v_shared_ids);
    end if;
    foreach v_scope in array v_scopes loop
      v_exact := v_exact || format(
        'select w.n, %L::app_public.resource_kind, r.id, ts_rank(''{0.1, 0.2, 0.6, 1}'', r.search_vector, w.lexemes)
                + case when lower(r.name) = $5 or lower(r.display_name) = $5 then 1 else 0 end
           from unnest($2, $3) as w (n, lexemes) join %s r on r.search_vector @@ w.lexemes
          where %s and r.deleted_at is null', v_kind, app_private.resource_table(v_kind), v_scope);
      v_similar := v_similar || format(
        'select w.n, %L::app_public.resource_kind, r.id, word_similarity(w.word, app_hidden.catalog_label(r.name, r.display_name)) / 2
           from unnest($2, $3) as w (n, word) join %s r on w.word <%% app_hidden.catalog_label(r.name, r.display_name)
          where %s and r.deleted_at is null', v_kind, app_private.resource_table(v_kind), v_scope);
    end loop;
  end loop;

  execute format($sql$
    select array(select row(h.*)::app_private.catalog_word_hit from (
      %s
      union all
      select w.n, a.item_type, a.item_id, 0.1
        from unnest($2, $3) as w (n, lexemes)
        join app_public.tags t on t.tenant_id = $1 and to_tsvector('simple', app_hidden.catalog_words(t.name)) @@ w.lexemes
        join app_public.tag_assignments a on a.tenant_id = t.tenant_id and a.tag_id = t.id
       where a.item_type = any ($4)) as h)
    $sql$, array_to_string(v_exact, ' union all '))
    into v_hits using v_tenant_id, v_numbers, v_lexemes, catalog_matches.kinds, v_question;

  v_missing := array(
    select u.n from unnest(v_numbers, v_words) as u (n, word)
     where length(u.word) >= 4 and not exists (select from unnest(v_hits) h where h.n = u.n));
  if cardinality(v_missing) > 0 then
    -- what <% goes by, until the end of the transaction; only this search uses it
    perform set_config('pg_trgm.word_similarity_threshold', '0.4', true);
    execute format('select array(select row(h.*)::app_private.catalog_word_hit from (%s) as h)', array_to_string(v_similar, ' union all '))
      into v_similar_hits
      using v_tenant_id, v_missing, array(select u.word from unnest(v_numbers, v_words) as u (n, word) where u.n = any (v_missing) order by u.n);
  end if;

  return query
    select h.kind, h.id, sum(h.score) from unnest(v_hits || v_similar_hits) h
     group by h.kind, h.id having count(distinct h.n) = cardinality(v_numbers);
end
$$;
comment on function app_hidden.catalog_matches(text, app_public.resource_kind[]) is
  'What in this tenant''s catalogue, and in what is shared with it, has all the words: ids and scores, nothing else. A word that nothing has matches the names that are at least 0.4 similar to it by trigrams.';
grant execute on function app_hidden.catalog_matches(text, app_public.resource_kind[]) to rowhouse_user;
