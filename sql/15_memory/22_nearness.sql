-- Nearness: when two texts are one memory in other words. It is computed from words alone, so that it can be explained and is the same
-- everywhere: the words of one text are all in the other one, at least the tenant's threshold of all their words are common (Jaccard's
-- index), and their numbers and their negations are equal. So "likes green tea" and "the user really likes green teas" are one memory,
-- "my brother Tom" and "my brother Tim" are two. Texts that differ by a negation alone contradict each other.

call core.secure_tenant_table('memory.near_terms');
call audit.leave_out('an index of memories', 'memory.near_terms');
grant select, update, delete on memory.near_terms to rowhouse_platform;
comment on table memory.near_terms is 'By which words the memories of a person are compared: the first ones of each, longest first.';
comment on column memory.near_terms.user_id is E'@personal erase\nThe person.';
comment on column memory.near_terms.term is 'The hash of a word.';
comment on column memory.near_terms.memory_id is 'The memory.';

create or replace function memory.word_hash(word text) returns int
language sql immutable parallel safe
-- Longer words first, because they are rarer; 25 bits of the hash; numbers are negative.
return case when word ~ '^[0-9]'
  then -2 - (('x' || substr(md5(word), 1, 8))::bit(32)::int & 1073741823)
  else ((63 - least(length(word), 63)) << 25) + (('x' || substr(md5(word), 1, 8))::bit(32)::int & 33554431) end;
comment on function memory.word_hash is 'A word as a number: ordered by length, longest first, and negative for what begins with a digit.';

create or replace function memory.terms_of(content text) returns int[]
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
begin atomic
  with word as materialized (
    -- "don't" is a negation like "not"; apostrophes separate words.
    select w.term from knowledge.terms('pg_catalog.simple', regexp_replace(lower(terms_of.content), 'n[''’]t\M', ' not', 'g')) as w
  ), meaning as (
    select count(*) filter (where w.term in ('not', 'no', 'never', 'without', 'cannot', 'nor', 'neither', 'none', 'nicht', 'kein', 'keine',
             'keinen', 'nie', 'ohne', 'pas', 'jamais', 'sans', 'nunca', 'sin', 'non', '不', '没', '無')) % 2 as is_negated,
           array_agg(distinct memory.word_hash(
             -- the plural and the third person
             case when w.term ~ '^[a-z]{3,}s$' and w.term !~ '(ss|us|is)$' then left(w.term, -1) else w.term end))
             filter (where w.term not in ('a', 'an', 'the', 'is', 'are', 'am', 'be', 's', 'i', 'user', 'do', 'does', 'very', 'really', 'also', 'just',
               'that', 'longer', 'anymore', 'any', 'not', 'no', 'never', 'without', 'cannot', 'nor', 'neither', 'none', 'nicht', 'kein', 'keine',
               'keinen', 'nie', 'ohne', 'pas', 'jamais', 'sans', 'nunca', 'sin', 'non', '不', '没', '無')) as hashes
      from word w
  )
  select case when cardinality(m.hashes) > 31 then '{}'
           else coalesce((select array_agg(h order by h) from unnest(m.hashes || case when m.is_negated = 1 then -1 end) as h where h is not null), '{}') end
    from meaning m;
end;
comment on function memory.terms_of is
  'The words of a text as ordered hashes: without articles, auxiliaries and fillers, in the singular, the numbers negative, and -1 when it is negated. A text of more than 31 words has none: it is near to nothing.';

create or replace function memory.first_terms(terms int[]) returns int[]
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
begin atomic
  -- Of two near texts with n words and at least 0.6 n words, the shorter one's first word is among the first 0.4 n + 1 of the longer one.
  select coalesce((array_agg(t order by t))[1 : (floor(0.4 * count(*)) + 1)::int], '{}') from unnest(first_terms.terms) as t where t >= 0;
end;
comment on function memory.first_terms is
  'The words by which a text is found: any text that is near to it has the first word of the shorter one of both among these words of the longer one.';

create or replace function memory.likeness(a int[], b int[]) returns numeric
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
begin atomic
  with counts as (
    select (select count(*) from unnest(likeness.a) as t where t >= 0) as of_a,
           (select count(*) from unnest(likeness.b) as t where t >= 0) as of_b,
           (select count(*) from unnest(likeness.a) as t where t >= 0 and t = any (likeness.b)) as common
  )
  select case when c.common = least(c.of_a, c.of_b) and c.common > 0
              and array(select t from unnest(likeness.a) as t where t < -1) = array(select t from unnest(likeness.b) as t where t < -1)
           then c.common::numeric / greatest(c.of_a, c.of_b) else 0 end
    from counts c;
end;
comment on function memory.likeness is
  'How alike two texts are by their words, 0 to 1: the share of common words when all words of one are in the other and their numbers are equal, else 0. Negations are left aside.';

create or replace function memory.contradicts(a int[], b int[]) returns boolean
language sql immutable parallel safe
return (-1 = any (a)) <> (-1 = any (b));
comment on function memory.contradicts is 'Whether one of two texts is negated and the other is not.';

create or replace function memory.nearest(person_id uuid, scope_agent_id uuid, terms int[], without_key boolean) returns uuid
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  -- The limits bound what one memory costs: 200 places of each word, and 32 words.
  with candidate as (
    select distinct n.memory_id
      from unnest(nearest.terms) as t (term)
     cross join lateral (
       select i.memory_id from memory.near_terms i
        where i.tenant_id = core.current_tenant_id() and i.user_id = nearest.person_id and i.term = t.term limit 200) n
     where t.term >= 0
  )
  select m.id
    from candidate c
    join app_public.user_memory m on m.tenant_id = core.current_tenant_id() and m.id = c.memory_id
   cross join lateral memory.likeness(m.near_terms, nearest.terms) as l (likeness)
   where m.user_id = nearest.person_id and m.scope_agent_id is not distinct from nearest.scope_agent_id
     and m.superseded_by_id is null and m.ended_at > core.clock()
     and l.likeness >= memory.near_threshold()
     and (not nearest.without_key or m.memory_key like 'text:%')
   order by l.likeness desc, m.extracted_at, m.id limit 1;
$$;
comment on function memory.nearest is
  'The memory of a person within a scope that says the same in other words, or the contrary; null when there is none.';
