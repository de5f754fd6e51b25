-- Nearness: when two texts are one memory in other words. It is computed from words alone, so that it can be explained and is the same
-- everywhere: the words of one text are all in the other one, at least the tenant's threshold of all their words are common (Jaccard's
-- index), and their numbers and their negations are equal. So "likes green tea" and "the user really likes green teas" are one memory,
-- "my brother Tom" and "my brother Tim" are two. Texts that differ by a negation alone contradict each other.

call core.secure_tenant_table('memory.near_terms');
call audit.leave_out('an index of memories', 'memory.near_terms');
grant select, update, delete on memory.near_terms to rowhouse_platform;
comment on table memory.near_terms is 'The words of memories, by which those are found that are near to a text.';
comment on column memory.near_terms.user_id is E'@personal erase\nThe person.';
comment on column memory.near_terms.term is 'The hash of a word.';
comment on column memory.near_terms.memory_id is 'The memory.';

create or replace function memory.word_hash(word text) returns int
language sql immutable parallel safe
return ('x' || substr(md5(word), 1, 8))::bit(32)::int & 1073741823;
comment on function memory.word_hash is 'A word as a number of 30 bits.';

create or replace function memory.negations() returns text[]
language sql immutable parallel safe
return array['not', 'no', 'never', 'without', 'cannot', 'nor', 'neither', 'none', 'nicht', 'kein', 'keine', 'keinen', 'nie', 'ohne', 'pas',
  'jamais', 'sans', 'nunca', 'sin', 'non', '不', '没', '無'];
comment on function memory.negations is 'The words that turn a sentence into its contrary.';

create or replace function memory.fillers() returns text[]
language sql immutable parallel safe
return array['a', 'an', 'the', 'is', 'are', 'am', 'be', 's', 'i', 'user', 'do', 'does', 'very', 'really', 'also', 'just', 'that', 'longer',
  'anymore', 'any'];
comment on function memory.fillers is 'The words that do not count when two memories are compared.';

create or replace function memory.singular(word text) returns text
language sql immutable parallel safe
return case when word ~ '^[a-z]{3,}s$' and word !~ '(ss|us|is)$' then left(word, -1) else word end;
comment on function memory.singular is 'An English word without the s of the plural and of the third person.';

create or replace function memory.terms_of(content text) returns int[]
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
begin atomic
  with word as materialized (
    -- "don't" is a negation like "not".
    select w.term from knowledge.terms('pg_catalog.simple', regexp_replace(lower(terms_of.content), 'n[''’]t\M', ' not', 'g')) as w
  ), meaning as (
    select count(*) filter (where w.term = any (memory.negations())) % 2 as is_negated,
           string_agg(w.term, ' ' order by w.term) filter (where w.term ~ '^[0-9]') as numbers,
           array_agg(distinct memory.word_hash(memory.singular(w.term)))
             filter (where w.term !~ '^[0-9]' and w.term <> all (memory.negations()) and w.term <> all (memory.fillers())) as words
      from word w
  )
  select case when cardinality(m.words) > 30 or m.words is null then '{}'
           else array(select t from unnest(m.words || case when m.is_negated = 1 then -1 end || (-2 - memory.word_hash(m.numbers))) as t
                       where t is not null order by t) end
    from meaning m;
end;
comment on function memory.terms_of is
  'The words of a text as ordered hashes: without articles, auxiliaries and fillers, in the singular; -1 when it is negated, and one number below for all its numbers. A text without words, or of more than 30, has none: it is near to nothing.';

-- Without -1 both are sets of words, in which all numbers together are one word. One set is within the other, so the share of common
-- words is the smaller number by the larger one.
create or replace function memory.likeness(a int[], b int[]) returns numeric
language sql immutable parallel safe
return case
  when (array_remove(a, -1) <@ array_remove(b, -1) or array_remove(b, -1) <@ array_remove(a, -1))
    and coalesce((array_remove(a, -1))[1] < 0, false) = coalesce((array_remove(b, -1))[1] < 0, false)
  then least(cardinality(array_remove(a, -1)), cardinality(array_remove(b, -1)))::numeric
    / greatest(cardinality(array_remove(a, -1)), cardinality(array_remove(b, -1)), 1)
  else 0 end;
comment on function memory.likeness is
  'How alike two texts are by their words, 0 to 1: the share of common words when all words of one are in the other and their numbers are equal, else 0. Negations are left aside.';

create or replace function memory.contradicts(a int[], b int[]) returns boolean
language sql immutable parallel safe
return (-1 = any (a)) <> (-1 = any (b));
comment on function memory.contradicts is 'Whether one of two texts is negated and the other is not.';

-- Of n words, a near text has at least threshold × n. So it has at least one of any n - threshold × n + 1 of them, and the rarest of them
-- are enough to find it.
create or replace function memory.rarest_terms(person_id uuid, terms int[]) returns int[]
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select coalesce((array_agg(t.term order by c.count, t.term))[1 : (count(*) - ceil(memory.near_threshold() * count(*)) + 1)::int], '{}')
    from unnest(rarest_terms.terms) as t (term)
   cross join lateral (
     select count(*) as count
       from (select from memory.near_terms i
              where i.tenant_id = core.current_tenant_id() and i.user_id = rarest_terms.person_id and i.term = t.term limit 200) as found) as c
   where t.term <> -1;
$$;
comment on function memory.rarest_terms is
  'Those words of a text of which any text that is near to it has at least one: the ones that fewest memories of the person have.';

create or replace function memory.nearest(person_id uuid, scope_agent_id uuid, terms int[], without_key boolean) returns uuid
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_now constant timestamptz := core.clock();
  v_threshold constant numeric := memory.near_threshold();
  v_rarest constant int[] := memory.rarest_terms(nearest.person_id, nearest.terms);
  v_candidates uuid[];
begin
  -- The limit bounds what one memory costs, for a person with hundreds of memories that differ in common words alone.
  v_candidates := array(
    select distinct n.memory_id
      from unnest(v_rarest) as t (term)
     cross join lateral (
       select i.memory_id from memory.near_terms i
        where i.tenant_id = v_tenant_id and i.user_id = nearest.person_id and i.term = t.term limit 200) n);
  return (
    select m.id
      from app_public.user_memory m
     where m.tenant_id = v_tenant_id and m.id = any (v_candidates)
       and m.user_id = nearest.person_id and m.scope_agent_id is not distinct from nearest.scope_agent_id
       and m.superseded_by_id is null and m.ended_at > v_now
       and memory.likeness(m.near_terms, nearest.terms) >= v_threshold
       and (not nearest.without_key or m.memory_key like 'text:%')
     order by memory.likeness(m.near_terms, nearest.terms) desc, m.extracted_at, m.id limit 1);
end
$$;
comment on function memory.nearest is
  'The memory of a person within a scope that says the same in other words, or the contrary; null when there is none.';
