-- The vocabulary: which words the texts of a tenant have. It serves prefixes and misspelt words. The blocks have all their
-- terms beside the postings, so a small tenant's vocabulary is read from them and costs nothing. Where it becomes too large
-- to be read at each question, search.terms lists it, by prefixes and by trigrams. A word that no text has any more is no
-- word of the vocabulary, whatever the blocks still have of it.

create or replace function search.unlisted_term_limit() returns int
language sql immutable parallel safe return 16000;
comment on function search.unlisted_term_limit is
  'How many terms the blocks of a tenant may have, each block''s counted, before search.terms lists them. So many are looked through in a few milliseconds.';

create or replace function search.lists_vocabulary() returns boolean
language sql stable
begin atomic
  select exists (select from search.terms t where t.tenant_id = core.current_tenant_id());
end;
comment on function search.lists_vocabulary is
  'Whether search.terms has this tenant''s vocabulary; else it is read from the blocks.';

create or replace function search.unmerged_terms() returns setof text
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_chunk_limit constant int := 2000;
begin
  return query
    -- After a large load the words of the latest chunks are enough; reading all chunks would take too long.
    select distinct l.lexeme
      from search.chunks_by_id(array(
             select chunk_id from search.changes
              where tenant_id = core.current_tenant_id() and kind = 'added'
              order by chunk_id desc limit v_chunk_limit)) c,
           unnest(c.content_tsvector) l;
end
$$;
comment on function search.unmerged_terms is
  'The terms of the chunks that are not in a block yet.';

create or replace function search.terms_without_chunks(terms text[]) returns text[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
-- The planner hashes an array that it knows; an array that is a parameter of a generic plan is searched for each row.
set plan_cache_mode to force_custom_plan
as $$
begin
  return array(
    with found as (
      select terms_without_chunks.terms[b.term_number] as term, b.document_count as n
        from unnest(search.block_terms(terms_without_chunks.terms)) b
      union all
      select r.term, -r.document_count from search.removals r
       where r.tenant_id = core.current_tenant_id() and r.term = any (terms_without_chunks.terms)
      union all
      select l.lexeme, -1 from search.pending_removals() r, unnest(r.terms) l
       where l.lexeme = any (terms_without_chunks.terms)
      union all
      select t, 0 from unnest(terms_without_chunks.terms) t
    )
    select f.term from found f group by f.term having sum(f.n) <= 0);
end
$$;
comment on function search.terms_without_chunks is
  'Those of these terms that no chunk of a block has, or has any more.';

create or replace function search.gone_terms(terms text[]) returns text[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
set plan_cache_mode to force_custom_plan
as $$
begin
  if not exists (select from search.removals r where r.tenant_id = core.current_tenant_id())
    and not exists (select from search.changes c where c.tenant_id = core.current_tenant_id() and c.kind = 'removed') then
    return '{}';
  end if;
  return search.terms_without_chunks(array(
    select r.term from search.removals r
     where r.tenant_id = core.current_tenant_id() and r.term = any (gone_terms.terms)
    union
    select l.lexeme from search.pending_removals() r, unnest(r.terms) l where l.lexeme = any (gone_terms.terms)));
end
$$;
comment on function search.gone_terms is
  'Those of these terms of the blocks that no chunk of a block has any more.';

create or replace function search.indexed_terms(terms text[]) returns text[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return array(
    select t.term
      from unnest(indexed_terms.terms) as t (term)
     where exists (
             select from search.postings p where p.tenant_id = core.current_tenant_id() and p.term = t.term collate "C")
        or exists (
             select from (
               -- The bucket is computed before the join, as in search.block_terms.
               select s.bucket_count, search.bucket(t.term, s.bucket_count) as bucket
                 from (select distinct b.bucket_count from search.blocks b where b.tenant_id = core.current_tenant_id()) s
               offset 0) s
              cross join lateral (
                select r.terms from search.rare_postings r
                 where r.tenant_id = core.current_tenant_id() and r.bucket_count = s.bucket_count and r.bucket = s.bucket
                offset 0) r
              where strpos(r.terms, search.listed_as(t.term)) > 0));
end
$$;
comment on function search.indexed_terms is
  'Those of these terms that a block has.';

create or replace function search.terms_with_prefix(prefix text) returns text[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_found text[];
begin
  if search.lists_vocabulary() then
    v_found := array(
      select t.term from search.terms t
       where t.tenant_id = core.current_tenant_id()
         and t.term >= terms_with_prefix.prefix collate "C"
         -- chr(1114111) is the highest character of Unicode.
         and t.term < (terms_with_prefix.prefix || chr(1114111)) collate "C");
  else
    v_found := array(
      select distinct p.term from search.postings p
       where p.tenant_id = core.current_tenant_id()
         and p.term >= terms_with_prefix.prefix collate "C"
         and p.term < (terms_with_prefix.prefix || chr(1114111)) collate "C"
      union
      select u.term
        from search.rare_postings r
       cross join lateral unnest(search.listed_terms(r.terms)) as u (term)
       where r.tenant_id = core.current_tenant_id()
         and strpos(r.terms, e'\n' || terms_with_prefix.prefix) > 0 and starts_with(u.term, terms_with_prefix.prefix));
  end if;
  return array(
    select f.term from (
      select u.term from unnest(v_found) as u (term)
      except select unnest(search.gone_terms(v_found))
      union select u.term from search.unmerged_terms() as u (term) where starts_with(u.term, terms_with_prefix.prefix)) f
    -- The shortest words are the nearest to what was typed.
    order by length(f.term), f.term collate "C" limit 64);
end
$$;
comment on function search.terms_with_prefix is
  'The 64 shortest words of the vocabulary that begin with the prefix.';

create or replace function search.can_be_misspelt(term text) returns boolean
language sql immutable parallel safe
return length(can_be_misspelt.term) between 4 and 40 and can_be_misspelt.term !~ '[-0-9./\\_@:+&\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]';
comment on function search.can_be_misspelt is
  'Whether a term is a word that is looked for with other spellings: 4 to 40 letters, no digit and no pair of parts. The index search_terms_trigrams has the same condition.';

create or replace function search.unknown_terms(terms text[]) returns text[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_terms text[] := array(select t from unnest(unknown_terms.terms) t where search.can_be_misspelt(t));
  v_known text[] := search.indexed_terms(v_terms);
  v_unmerged_ids bigint[] := search.unmerged_chunk_ids();
begin
  return array(
    select u.term
      from (select unnest(v_terms) as term except select unnest(v_known) union select unnest(search.gone_terms(v_known))) u
     where not exists (
       select from search.chunks_by_id(v_unmerged_ids) c where c.content_tsvector @@ core.tsquery_term(u.term)::tsquery));
end
$$;
comment on function search.unknown_terms is
  'Those of the words that may be misspelt and that no text of this tenant has.';

create or replace function search.similarity_patterns(term text) returns text[]
language plpgsql immutable parallel safe
set search_path to pg_catalog, public, pg_temp
as $$
declare
  v_trigrams text[];
begin
  -- Of other letters pg_trgm shows a hash.
  if similarity_patterns.term !~ '^[a-z]+$' then
    return '{%}';
  end if;
  -- A word that shares 0.4 of n trigrams shares at least ⌈0.4 · n⌉, so it has one of any n + 1 - ⌈0.4 · n⌉. Those of the
  -- word's ends are left out first, because two letters are in many words.
  v_trigrams := array(select t from unnest(show_trgm(similarity_patterns.term)) t order by length(btrim(t)) desc, t);
  return array(
    select '%' || btrim(t) || '%'
      from unnest(v_trigrams[: cardinality(v_trigrams) + 1 - ceil(0.4 * cardinality(v_trigrams))::int]) t);
end
$$;
comment on function search.similarity_patterns is
  'Patterns of LIKE: a word that shares at least 0.4 of its trigrams with the term matches one of them.';

create or replace function search.similar_terms(term text) returns table (similar_term text, similarity double precision)
language plpgsql stable
set search_path to pg_catalog, public, pg_temp
as $$
#variable_conflict use_column
declare
  v_patterns text[];
  v_found text[];
begin
  if search.lists_vocabulary() then
    v_found := array(select v.similar_term from search.similar_vocabulary(similar_terms.term) v);
  else
    v_patterns := search.similarity_patterns(similar_terms.term);
    v_found := array(
      select distinct m.term
        from (
          select p.term from search.postings p
           where p.tenant_id = core.current_tenant_id() and p.term like any (v_patterns)
          union all
          select u.term from search.rare_postings r, unnest(search.listed_terms(r.terms)) as u (term)
           where r.tenant_id = core.current_tenant_id() and u.term like any (v_patterns)
          -- "offset 0": what takes longer is asked of the few that match.
          offset 0) m
       where similarity(m.term, similar_terms.term) >= 0.4 and search.can_be_misspelt(m.term));
  end if;
  return query
    select f.term, similarity(f.term, similar_terms.term)::double precision as similarity
      from (
        select u.term from unnest(v_found) as u (term)
        except select unnest(search.gone_terms(v_found))
        union
        select u.term from search.unmerged_terms() as u (term)
         where u.term % similar_terms.term and search.can_be_misspelt(u.term)) f
     where similarity(f.term, similar_terms.term) >= 0.4
     order by similarity desc, f.term limit 3;
end
$$;
comment on function search.similar_terms is
  'Up to three words of the vocabulary that share at least 0.4 of their trigrams with the term, the most similar first.';

create or replace function search.terms_of_blocks(block_ids bigint[]) returns text[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return array(
    select t.term
      from unnest(terms_of_blocks.block_ids) as u (block_id)
     cross join lateral (
       select p.term from search.postings p where p.tenant_id = core.current_tenant_id() and p.block_id = u.block_id
       union all
       select l.term from search.rare_postings r, unnest(search.listed_terms(r.terms)) as l (term)
        where r.tenant_id = core.current_tenant_id() and r.block_id = u.block_id
       offset 0) t);
end
$$;
comment on function search.terms_of_blocks is
  'The terms of these blocks; one that several blocks have is returned by each.';

create or replace function search.forget_terms(terms text[]) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  if cardinality(forget_terms.terms) > 0 and search.lists_vocabulary() then
    delete from search.terms t
     using unnest(search.terms_without_chunks(forget_terms.terms)) as u (term)
     where t.tenant_id = core.current_tenant_id() and t.term = u.term collate "C";
  end if;
end
$$;
comment on function search.forget_terms is
  'Takes those of these terms out of search.terms that no chunk of a block has any more.';

create or replace function search.keep_vocabulary(new_block_id bigint, old_terms text[]) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_term_count bigint := (select coalesce(sum(b.term_count), 0) from search.blocks b where b.tenant_id = v_tenant_id);
  v_terms text[];
begin
  if not search.lists_vocabulary() then
    if v_term_count <= search.unlisted_term_limit() then
      return;
    end if;
    v_terms := search.terms_of_blocks(array(select b.id from search.blocks b where b.tenant_id = v_tenant_id));
  -- A tenant that is about as large as the limit is not listed and unlisted at each merge.
  elsif v_term_count <= search.unlisted_term_limit() / 2 then
    delete from search.terms t where t.tenant_id = v_tenant_id;
    return;
  else
    v_terms := search.terms_of_blocks(array[keep_vocabulary.new_block_id]);
  end if;
  insert into search.terms (tenant_id, term)
  select v_tenant_id, u.term from (select distinct unnest(v_terms) collate "C" as term) u order by u.term
  on conflict do nothing;
  perform search.forget_terms(array(select unnest(keep_vocabulary.old_terms) except select unnest(v_terms)));
end
$$;
comment on function search.keep_vocabulary is
  'Lists the terms of a new block in search.terms where this tenant''s vocabulary is listed, and forgets those of the blocks it has replaced that nothing has any more. Begins to list when the blocks have more than search.unlisted_term_limit() terms, and stops when they have half as many.';

set local role rowhouse_platform;  -- outside the wall: behind row level security an operator that is not leakproof cannot use an index, so this function names the tenant itself; only definer functions of the search may call it
create or replace function search.similar_vocabulary(term text) returns table (similar_term text, similarity double precision)
language sql stable security definer
set search_path to pg_catalog, public, pg_temp
as $$
  -- The conditions on the term are those of the index search_terms_trigrams.
  select t.term, similarity(t.term, similar_vocabulary.term)::double precision
    from search.terms t
   where t.tenant_id = core.current_tenant_id() and t.term % similar_vocabulary.term
     and length(t.term) between 4 and 40 and t.term !~ '[-0-9./\\_@:+&\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]';
$$;
comment on function search.similar_vocabulary is
  'The words of this tenant''s vocabulary that share at least pg_trgm.similarity_threshold of their trigrams with the term.';
grant execute on function search.similar_vocabulary to rowhouse_owner;
set local role rowhouse_owner;
