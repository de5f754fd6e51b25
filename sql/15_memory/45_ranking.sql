-- How recall ranks. A memory's score is the weighted mean of relevance, recency and importance, as in Park et al., Generative Agents
-- (2023), each from 0 to 1:
--   relevance   its score by words, divided by the highest one; with vectors the weighted mean of that and of its similarity divided by the
--               highest one (convex fusion). The score by words is BM25, plus 0.3 of the sum of the question's idf when one whom the
--               question names says it, plus a share of the scores of the turns around it
--   recency     0.5 ^ (age / half-life)
--   importance  as it was remembered
-- Whether a memory holds, its kind and who may use it are conditions of the query that reads its entry.
--
-- Of a person with up to 2,000 entries all are scored. Of one with more, the rarest words choose: their postings are read, rarest word
-- first and latest entries first, until 8,000 are read, and the 500 entries with the highest sum of idf are scored. The
-- best 40 of them and the turns around those are then ranked. More postings are read when fewer entries hold than are wanted. So only where
-- many memories have all the words of a question may one be missed, and then it is an old one.

grant insert (relevance_weight, recency_weight, importance_weight, recency_half_life_days, embedding_model_id),
      update (relevance_weight, recency_weight, importance_weight, recency_half_life_days, embedding_model_id)
  on app_public.memory_settings to rowhouse_user;
comment on column app_public.memory_settings.relevance_weight is 'How much relevance counts in a recall, 0 to 10; by default 1.';
comment on column app_public.memory_settings.recency_weight is 'How much recency counts in a recall, 0 to 10; by default 0.1.';
comment on column app_public.memory_settings.importance_weight is 'How much importance counts in a recall, 0 to 10; by default 0.1.';
comment on column app_public.memory_settings.recency_half_life_days is
  'After how many days recency is half: 1 to 36,500, by default 30.';
comment on column app_public.memory_settings.embedding_model_id is
  E'@errors MM451\nThe built-in embedding model whose vectors recall compares beside words; null, the default, for words alone. Its weight is that of the model in hybrid search. What was remembered before it was set has no vector.';
comment on constraint recency_half_life_days_is_in_range on app_public.memory_settings is 'must be from 1 to 36,500';
comment on constraint something_counts_in_a_recall on app_public.memory_settings is 'must not all be 0';
comment on constraint relevance_weight_is_in_range on app_public.memory_settings is 'must be from 0 to 10';
comment on constraint recency_weight_is_in_range on app_public.memory_settings is 'must be from 0 to 10';
comment on constraint importance_weight_is_in_range on app_public.memory_settings is 'must be from 0 to 10';
comment on constraint memory_settings_embedding_model_id_fkey on app_public.memory_settings is
  E'@fieldName embeddingModel\n@behavior -manyRelation:resource:connection -manyRelation:resource:list';
comment on constraint memory_settings_tenant_id_fkey on app_public.memory_settings is '@behavior -singularRelation:resource:single';

create or replace function memory.recall_settings() returns app_public.memory_settings
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_settings app_public.memory_settings;
begin
  select s.* into v_settings from app_public.memory_settings s where s.tenant_id = core.current_tenant_id();
  if not found then
    v_settings.relevance_weight := 1;
    v_settings.recency_weight := 0.1;
    v_settings.importance_weight := 0.1;
    v_settings.recency_half_life_days := 30;
  end if;
  return v_settings;
end
$$;
comment on function memory.recall_settings is 'How this tenant recalls, with the defaults filled in.';

create or replace function memory.question_words(person_id uuid, query text) returns table (word text, frequency int)
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  -- Of a long text the first words ask.
  v_most_places constant int := 400;
  v_config constant regconfig := knowledge.text_search_config(coalesce(
    (select i.language from memory.indexes i where i.tenant_id = core.current_tenant_id() and i.user_id = question_words.person_id), 'en'));
begin
  return query
    select memory.base_form(v_config, t.term), count(*)::int
      from knowledge.terms(v_config, question_words.query, is_question => true) t
     where t.place <= v_most_places group by 1;
end
$$;
comment on function memory.question_words is 'The terms of a question, and how often it has each.';

create or replace function memory.question_terms(person_id uuid, query text) returns table (term int, word text, idf double precision)
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  -- Of many terms the 32 rarest ask.
  select memory.term_number(q.word), q.word, q.frequency * search.idf(p.count, i.entry_count)
    from memory.indexes i
   cross join lateral memory.question_words(i.user_id, question_terms.query) q
   cross join lateral (
      select coalesce(sum(cardinality(o.numbers)), 0)::int as count
        from memory.postings o
       where o.tenant_id = i.tenant_id and o.user_id = i.user_id and o.term = memory.term_number(q.word)) p
   where i.tenant_id = core.current_tenant_id() and i.user_id = question_terms.person_id and p.count > 0
   order by p.count, 1 limit 32;
$$;
comment on function memory.question_terms is
  'The terms of a question that some memory of the person has, the rarest first, each with its idf among the person''s memories times how often the question has it.';

create or replace function memory.candidates(person_id uuid, terms int[], weights double precision[], most_postings int) returns int[]
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  -- Of each term the latest postings, until there are enough: at least the latest block of the rarest.
  with posted as (
    select t.weight, p.block, p.numbers,
           sum(cardinality(p.numbers)) over (order by t.n, p.block desc rows unbounded preceding) - cardinality(p.numbers) as read_before
      from unnest(terms, weights) with ordinality as t (term, weight, n)
      join memory.postings p
        on p.tenant_id = core.current_tenant_id() and p.user_id = candidates.person_id and p.term = t.term
  )
  select array(
    select (p.block << memory.block_bits()) + n
      from posted p cross join lateral unnest(p.numbers) as n
     where p.read_before < most_postings
     group by 1 order by sum(p.weight) desc, 1 desc limit most_postings / 16);
$$;
comment on function memory.candidates is
  'The numbers of the entries that have most of the terms by weight, a sixteenth of most_postings. Postings are read rarest term first, latest entries first, until there are most_postings.';

create or replace function memory.scored_entries(request memory.recall_request, numbers int[])
returns table (number int, memory_id uuid, words double precision, around double precision, similarity double precision,
               relevance double precision, recency double precision, importance real, score double precision)
language plpgsql stable
set search_path to pg_catalog, public, pg_temp
set plan_cache_mode to force_custom_plan
set jit to off
as $$
declare
  v_now constant timestamptz := core.clock();
  v_at constant timestamptz := coalesce(request.as_of, v_now);
  v_tenant_id constant uuid := core.current_tenant_id();
  v_settings constant app_public.memory_settings := request.settings;
begin
  return query
    with holding as materialized (
      select e.number, e.memory_id, e.session_id, e.happened_at, e.importance,
             case when request.question is null then 0 else -(e.words <#> request.question) end as words,
             case when request.question is null then 0 else -(e.words <#> request.speakers) end as spoken,
             case when request.embedding is not null then (
               select 1 - (m.embedding <=> request.embedding) from app_public.user_memory m
                where m.tenant_id = v_tenant_id and m.id = e.memory_id and m.embedding_model_id = v_settings.embedding_model_id) end as similarity
        from memory.entries e
       where e.tenant_id = v_tenant_id and e.user_id = request.person_id
         and (scored_entries.numbers is null or e.number = any (scored_entries.numbers))
         and (request.memory_types is null or e.memory_type = any (request.memory_types))
         and (request.agent_id is null or e.scope_agent_id is null or e.scope_agent_id = request.agent_id)
         and case when request.as_of is null then e.valid_from <= v_now and e.ended_at > v_now
               else exists (select from app_public.user_memory m
                             where m.tenant_id = v_tenant_id and m.id = e.memory_id
                               and memory.held_at(m, request.as_of, request.as_of, v_now)) end
    ), placed as (
      select h.*,
             case when h.session_id is null then 0 else
               0.4 * coalesce(sum(h.words) over (turn range between 1 preceding and 1 preceding), 0)
               + 0.15 * coalesce(sum(h.words) over (turn range between 1 following and 1 following), 0)
               + 0.1 * coalesce(sum(h.words) over (turn range between 2 preceding and 2 preceding), 0)
               + 0.05 * coalesce(sum(h.words) over (turn range between 2 following and 2 following), 0) end as around
        from holding h
      window turn as (partition by h.session_id collate "C" order by h.number)
    ), part as (
      select p.*,
             coalesce(request.word_weight * (p.words + p.spoken + p.around) / nullif(max(p.words + p.spoken + p.around) over (), 0), 0)
               + coalesce(request.vector_weight * greatest(p.similarity, 0) / nullif(max(p.similarity) over (), 0), 0) as weighted,
             power(0.5::double precision, greatest(0, extract(epoch from v_at - p.happened_at)::double precision)
               / (86400.0 * v_settings.recency_half_life_days)) as recency
        from placed p
       where request.question is null or p.words + p.spoken + p.around > 0 or p.similarity > 0
    )
    select p.number, p.memory_id, p.words + p.spoken, p.around, p.similarity, p.weighted / (request.word_weight + request.vector_weight), p.recency,
           p.importance,
           (v_settings.relevance_weight * p.weighted / (request.word_weight + request.vector_weight)
             + v_settings.recency_weight * p.recency + v_settings.importance_weight * p.importance)
             / (v_settings.relevance_weight + v_settings.recency_weight + v_settings.importance_weight)
      from part p;
end
$$;
comment on function memory.scored_entries is
  'The entries of a person that hold (as of an instant, or now), are of these kinds and may be used by this agent, with their scores: of all entries, or of those with these numbers.';

create or replace function memory.numbers_to_score(request memory.recall_request) returns int[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_scored_at_once constant int := 2000;
  v_seeds constant int := 40;
  v_reach constant int := 4;
  v_most_postings int := 8000;
  v_entry_count constant int := (
    select i.entry_count from memory.indexes i where i.tenant_id = core.current_tenant_id() and i.user_id = request.person_id);
  v_numbers int[];
  v_found int;
begin
  if v_entry_count <= v_scored_at_once then
    return null;
  end if;
  loop
    v_numbers := case when request.question is not null
      then memory.candidates(request.person_id, request.terms, request.term_weights, v_most_postings)
      else memory.latest_entries(request.person_id, v_most_postings / 16) end;
    -- The best of them, and the turns around those, which the scores of both depend on.
    select array_agg(distinct s.number + d), count(distinct s.number) into v_numbers, v_found
      from (
        select e.number from memory.scored_entries((request.person_id, request.agent_id, request.memory_types, request.as_of, request.terms,
            request.words, request.term_weights, request.question, request.speakers, 1, null, 0, request.settings, request.depth)::memory.recall_request, v_numbers) e
         order by e.score desc, e.number desc limit greatest(v_seeds, request.depth)) s,
           generate_series(-v_reach, v_reach) as d;
    exit when v_found >= request.depth or v_most_postings / 16 >= v_entry_count;
    v_most_postings := v_most_postings * 8;
  end loop;
  return coalesce(v_numbers, '{}');
end
$$;
comment on function memory.numbers_to_score is
  'The numbers of the entries among which the answer is chosen; null for all. More postings are read when fewer entries hold than are wanted.';

create or replace function memory.recall_request(
  person_id uuid, agent_id uuid, memory_types text[], as_of timestamptz, query text, mode text, embedding public.vector,
  depth int
) returns memory.recall_request
language plpgsql stable
set search_path to pg_catalog, public, pg_temp
as $$
declare
  v_request memory.recall_request;
begin
  v_request.person_id := recall_request.person_id;
  v_request.agent_id := recall_request.agent_id;
  v_request.memory_types := recall_request.memory_types;
  v_request.as_of := recall_request.as_of;
  v_request.settings := memory.recall_settings();
  v_request.depth := recall_request.depth;
  v_request.embedding := recall_request.embedding;
  v_request.word_weight := case when recall_request.mode = 'vector' and recall_request.embedding is not null then 0 else 1 end;
  v_request.vector_weight := case
    when recall_request.embedding is null then 0
    when recall_request.mode = 'vector' then 1
    else (select m.fusion_weight from app_public.llm_models m where m.id = (v_request.settings).embedding_model_id) end;
  select array_agg(t.term), array_agg(t.word), array_agg(t.idf),
         ('{' || string_agg(t.term + 1 || ':' || t.idf::real, ',' order by t.term) || '}/' || memory.dimension())::sparsevec,
         ('{' || string_agg(t.speaker_term + 1 || ':' || (0.3 * t.sum)::real, ',' order by t.speaker_term) || '}/' || memory.dimension())::sparsevec
    into v_request.terms, v_request.words, v_request.term_weights, v_request.question, v_request.speakers
    from (
      select q.*, memory.speaker_number(q.word) as speaker_term, sum(q.idf) over () as sum
        from memory.question_terms(recall_request.person_id, recall_request.query) q) t;
  -- Words that no memory has find nothing; a question without words is another thing.
  if v_request.question is null and exists (select from memory.question_words(recall_request.person_id, recall_request.query)) then
    v_request.question := '{}/' || memory.dimension();
    v_request.speakers := v_request.question;
  end if;
  return v_request;
end
$$;
comment on function memory.recall_request is 'What a recall asks for: the question as terms and as a vector, with the settings of this tenant.';

create or replace function memory.ranking(request memory.recall_request) returns setof app_public.recalled_memory
language plpgsql stable
set search_path to pg_catalog, pg_temp
set jit to off
as $$
declare
  v_at constant timestamptz := coalesce(request.as_of, core.clock());
  v_tenant_id constant uuid := core.current_tenant_id();
begin
  return query
    with ranked as (
      select s.* from memory.scored_entries(request, memory.numbers_to_score(request)) s
       order by s.score desc, s.number desc limit request.depth
    )
    select (row_number() over (order by r.score desc, r.number desc))::int, r.score, r.relevance, r.recency, r.importance::double precision,
           r.words, r.around, r.similarity,
           array(select t.word from unnest(request.terms, request.words) as t (term, word)
                  where t.term in (select memory.term_numbers(e.words))),
           m.id, m.memory_type, m.memory_key, m.content, m.memory_value, m.speaker, m.occurred_at, m.session_id, m.agent_id, m.valid_from,
           m.valid_to,
           memory.decayed(m.confidence_score, m.last_confirmed_at, memory.half_life_days(m.memory_type), v_at),
           memory.token_estimate(m.content)
      from ranked r
      join memory.entries e on e.tenant_id = v_tenant_id and e.user_id = request.person_id and e.number = r.number
      join app_public.user_memory m on m.tenant_id = v_tenant_id and m.id = r.memory_id
     order by 1;
end
$$;
comment on function memory.ranking is 'The best memories of a person for a question, best first. Whoever calls has seen that the caller may recall them.';

create or replace function memory.latest_entries(person_id uuid, most int) returns int[]
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select array(select e.number from memory.entries e
                where e.tenant_id = core.current_tenant_id() and e.user_id = latest_entries.person_id
                order by e.number desc limit most);
$$;
comment on function memory.latest_entries is 'The numbers of the latest entries, which are the candidates of a question without words.';

create or replace function memory.token_estimate(content text) returns int
language sql immutable parallel safe
return ceil(octet_length(content) / 4.0)::int;
comment on function memory.token_estimate is
  'About how many tokens of a language model a text has: a token for four bytes of UTF-8, which is about right for English and too many for most else.';
