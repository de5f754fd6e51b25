-- The vocabulary: which words the texts of a tenant have. It serves prefixes and misspelt words. The blocks have all their
-- terms beside the postings, so a small tenant's vocabulary is read from them and costs nothing. Where it becomes too large
-- to be read at each question, search.terms lists it: some dozens of terms a row in the order of their bytes, and which trigrams
-- they have as a set of bits, so that a misspelt word looks only at the few rows that share enough of its own. A word that no text has any more is no
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

create or replace function search.row_of_term(term text) returns text
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    select t.first_term from search.terms t
     where t.tenant_id = core.current_tenant_id() and t.first_term <= row_of_term.term collate "C"
     order by t.first_term desc limit 1);
end
$$;
comment on function search.row_of_term is
  'The column first_term of the row of search.terms that has this term if any has.';

create or replace function search.indexed_terms(terms text[]) returns text[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if search.lists_vocabulary() then
    return array(
      select u.term
        from unnest(indexed_terms.terms) as u (term)
       cross join lateral (
         select t.terms from search.terms t
          where t.tenant_id = core.current_tenant_id() and t.first_term <= u.term collate "C"
          order by t.first_term desc limit 1) t
       where strpos(t.terms, search.listed_as(u.term)) > 0);
  end if;
  return array(
    select u.term
      from unnest(indexed_terms.terms) as u (term)
     where exists (
             select from search.postings p where p.tenant_id = core.current_tenant_id() and p.term = u.term collate "C")
        or exists (
             select from (
               -- The bucket is computed before the join, as in search.block_terms.
               select s.bucket_count, search.bucket(u.term, s.bucket_count) as bucket
                 from (select distinct b.bucket_count from search.blocks b where b.tenant_id = core.current_tenant_id()) s
               offset 0) s
              cross join lateral (
                select r.terms from search.rare_postings r
                 where r.tenant_id = core.current_tenant_id() and r.bucket_count = s.bucket_count and r.bucket = s.bucket
                offset 0) r
              where strpos(r.terms, search.listed_as(u.term)) > 0));
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
      select u.term
        from search.terms t, unnest(search.listed_terms(t.terms)) as u (term)
       where t.tenant_id = core.current_tenant_id()
         and t.first_term >= search.row_of_term(terms_with_prefix.prefix)
         -- chr(1114111) is the highest character of Unicode.
         and t.first_term < (terms_with_prefix.prefix || chr(1114111)) collate "C"
         and starts_with(u.term, terms_with_prefix.prefix));
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
  'Whether a term is a word that is looked for with other spellings: 4 to 40 letters, no digit and no pair of parts.';

create or replace function search.unknown_terms(terms text[]) returns text[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_terms constant text[] := array(select t from unnest(unknown_terms.terms) t where search.can_be_misspelt(t));
  v_known constant text[] := search.indexed_terms(v_terms);
  v_gone constant text[] := search.gone_terms(v_known);
  v_unmerged_ids bigint[];
begin
  -- Nearly all words of nearly all questions are known.
  if cardinality(v_known) = cardinality(v_terms) and cardinality(v_gone) = 0 then
    return '{}';
  end if;
  v_unmerged_ids := search.unmerged_chunk_ids();
  return array(
    select u.term
      from (select unnest(v_terms) as term except select unnest(v_known) union select unnest(v_gone)) u
     where not exists (
       select from search.chunks_by_id(v_unmerged_ids) c where c.content_tsvector @@ core.tsquery_term(u.term)::tsquery));
end
$$;
comment on function search.unknown_terms is
  'Those of the words that may be misspelt and that no text of this tenant has.';

create or replace function search.trigram_bits(terms text[]) returns bit
language plpgsql immutable parallel safe
set search_path to pg_catalog, public, pg_temp
as $$
declare
  v_none constant bit(2048) := repeat('0', 2048)::bit(2048);
begin
  return (
    -- The trigrams of several words are those of the text that they make.
    select coalesce(bit_or(set_bit(v_none, hashtext(g collate "C") & 2047, 1)), v_none)
      from unnest(show_trgm(array_to_string(array(
             select u.term from unnest(trigram_bits.terms) as u (term) where search.can_be_misspelt(u.term)), ' '))) g);
end
$$;
comment on function search.trigram_bits is
  'Which trigrams those of these terms have that can be misspelt: 2,048 bits, of which a trigram sets the one that its hash names.';

create or replace function search.least_shared_trigrams(term text) returns int
language sql immutable parallel safe
set search_path to pg_catalog, public, pg_temp
as $$
  select ceil(0.4 * cardinality(show_trgm(least_shared_trigrams.term)))::int;
$$;
comment on function search.least_shared_trigrams is
  'How many of the term''s trigrams a word has at least that shares 0.4 of both words'' trigrams.';

create or replace function search.similarity_patterns(term text, is_of_letters boolean) returns text[]
language plpgsql immutable parallel safe
set search_path to pg_catalog, public, pg_temp
as $$
declare
  -- A word has at least m of the term's n trigrams, so it has one of any n + 1 - m. Those of the ends are left out first,
  -- because two letters are in many words.
  v_trigrams text[] := array(
    select t
      from (select distinct substr('  ' || similarity_patterns.term || ' ', i, 3) as t from generate_series(1, length(similarity_patterns.term) + 1) i) s
     order by length(btrim(t)) desc, t);
  -- What an end of a word matches: where every character is a letter, only an end.
  v_within constant text := case when similarity_patterns.is_of_letters then '' else '%' end;
begin
  -- Where pg_trgm does not take each character of the term for a letter, its trigrams are others.
  if cardinality(v_trigrams) <> cardinality(show_trgm(similarity_patterns.term)) then
    return '{%}';
  end if;
  return array(
    select case when starts_with(t, ' ') then v_within else '%' end || btrim(t) || case when right(t, 1) = ' ' then v_within else '%' end
      from unnest(v_trigrams[: cardinality(v_trigrams) + 1 - search.least_shared_trigrams(similarity_patterns.term)]) t);
end
$$;
comment on function search.similarity_patterns is
  'Patterns of LIKE: a word that shares at least 0.4 of its trigrams with the term matches one of them. Those with is_of_letters hold for words of which each character is a letter to pg_trgm.';

create or replace function search.similar_terms(term text) returns table (similar_term text, similarity double precision)
language plpgsql stable
set search_path to pg_catalog, public, pg_temp
as $$
#variable_conflict use_column
declare
  v_patterns constant text[] := search.similarity_patterns(similar_terms.term, true);
  v_loose_patterns constant text[] := search.similarity_patterns(similar_terms.term, false);
  v_bits constant bit(2048) := search.trigram_bits(array[similar_terms.term]);
  -- Two of its trigrams may be the same bit.
  v_least_shared constant int := bit_count(v_bits) - (cardinality(show_trgm(similar_terms.term)) - search.least_shared_trigrams(similar_terms.term));
  v_found text[];
begin
  if search.lists_vocabulary() then
    v_found := array(
      select m.term
        from (
          select u.term
            from search.terms t, unnest(search.listed_terms(t.terms)) as u (term)
           where t.tenant_id = core.current_tenant_id()
             and bit_count(t.trigrams & v_bits) >= v_least_shared
             -- What is a letter to pg_trgm beyond ASCII depends on the database's locale.
             and (u.term like any (v_patterns) or octet_length(u.term) > length(u.term) and u.term like any (v_loose_patterns))
          -- "offset 0": what takes longer is asked of the few that match.
          offset 0) m
       where similarity(m.term, similar_terms.term) >= 0.4);
  else
    v_found := array(
      select distinct m.term
        from (
          select p.term from search.postings p
           where p.tenant_id = core.current_tenant_id() and p.term like any (v_loose_patterns)
          union all
          select u.term from search.rare_postings r, unnest(search.listed_terms(r.terms)) as u (term)
           where r.tenant_id = core.current_tenant_id()
             and (u.term like any (v_patterns) or octet_length(u.term) > length(u.term) and u.term like any (v_loose_patterns))
          offset 0) m
       where similarity(m.term, similar_terms.term) >= 0.4);
  end if;
  return query
    select f.term, similarity(f.term, similar_terms.term)::double precision as similarity
      from (
        select u.term from unnest(v_found) as u (term)
        except select unnest(search.gone_terms(v_found))
        union
        select u.term from search.unmerged_terms() as u (term) where similarity(u.term, similar_terms.term) >= 0.4) f
     where search.can_be_misspelt(f.term)
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

create or replace function search.list_new_terms(terms text[]) returns void
language plpgsql volatile
set search_path to pg_catalog, public, pg_temp
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_largest_row constant int := 32;
begin
  insert into search.terms (tenant_id, first_term, terms, term_count, trigrams)
  values (v_tenant_id, '', e'\n', 0, search.trigram_bits('{}')) on conflict do nothing;
  with new as materialized (
    select unnest(list_new_terms.terms) collate "C" as term
    except
    select unnest(search.listed_terms(t.terms)) from search.terms t where t.tenant_id = v_tenant_id
  ), placed as (
    select r.first_term, array_agg(n.term) as terms
      from new n
     cross join lateral (
       select t.first_term from search.terms t
        where t.tenant_id = v_tenant_id and t.first_term <= n.term order by t.first_term desc limit 1) r
     group by r.first_term
  )
  update search.terms t
     set terms = t.terms || array_to_string(p.terms, e'\n') || e'\n', term_count = t.term_count + cardinality(p.terms),
         -- Those of a row that is about to be split are computed then.
         trigrams = case when t.term_count + cardinality(p.terms) > v_largest_row then t.trigrams else t.trigrams | search.trigram_bits(p.terms) end
    from placed p
   where t.tenant_id = v_tenant_id and t.first_term = p.first_term;
  -- Rows that have become too large are split into rows of half that size.
  with split as (
    delete from search.terms t where t.tenant_id = v_tenant_id and t.term_count > v_largest_row returning t.first_term, t.terms
  ), term as (
    select s.first_term, u.term, (row_number() over (partition by s.first_term order by u.term collate "C") - 1) / (v_largest_row / 2) as part
      from split s, unnest(search.listed_terms(s.terms)) as u (term)
  )
  insert into search.terms (tenant_id, first_term, terms, term_count, trigrams)
  select v_tenant_id, case when t.part = 0 then t.first_term else min(t.term collate "C") end, search.list_terms(array_agg(t.term)),
         count(*), search.trigram_bits(array_agg(t.term))
    from term t group by t.first_term, t.part;
end
$$;
comment on function search.list_new_terms is
  'Adds those of these terms to search.terms that it does not have.';

create or replace function search.forget_terms(terms text[]) returns void
language plpgsql volatile
set search_path to pg_catalog, public, pg_temp
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
begin
  if cardinality(forget_terms.terms) = 0 or not search.lists_vocabulary() then
    return;
  end if;
  -- Each row of a forgotten term is written anew, so that neither its key nor its trigrams tell the term.
  with gone as (
    select r.first_term, array_agg(u.term) as terms
      from unnest(search.terms_without_chunks(forget_terms.terms)) as u (term)
     cross join lateral (
       select t.first_term from search.terms t
        where t.tenant_id = v_tenant_id and t.first_term <= u.term collate "C" order by t.first_term desc limit 1) r
     group by r.first_term
  ), old as (
    delete from search.terms t using gone g where t.tenant_id = v_tenant_id and t.first_term = g.first_term
    returning t.first_term, t.terms, g.terms as gone
  ), kept as (
    select o.first_term, array(select unnest(search.listed_terms(o.terms)) except select unnest(o.gone)) as terms from old o
  )
  insert into search.terms (tenant_id, first_term, terms, term_count, trigrams)
  select v_tenant_id, case when k.first_term = '' then '' else (select min(u.term collate "C") from unnest(k.terms) as u (term)) end,
         case when cardinality(k.terms) = 0 then e'\n' else search.list_terms(k.terms) end, cardinality(k.terms), search.trigram_bits(k.terms)
    from kept k
   where cardinality(k.terms) > 0 or k.first_term = '';
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
  perform search.list_new_terms(v_terms);
  perform search.forget_terms(array(select unnest(keep_vocabulary.old_terms) except select unnest(v_terms)));
end
$$;
comment on function search.keep_vocabulary is
  'Lists the terms of a new block in search.terms where this tenant''s vocabulary is listed, and forgets those of the blocks it has replaced that nothing has any more. Begins to list when the blocks have more than search.unlisted_term_limit() terms, and stops when they have half as many.';
