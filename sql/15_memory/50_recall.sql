-- The recall that people and agents call. It checks the arguments, asks for the consent in its own statement, ranks (45_ranking.sql),
-- fills the budget of tokens, and notes what was recalled.

comment on type app_public.recalled_memory is 'A memory that was recalled, with the parts of its score.';
comment on column app_public.recalled_memory.rank is E'@notNull\nPlace in the result, from 1.';
comment on column app_public.recalled_memory.score is
  E'@notNull\nThe weighted mean of relevance, recency and importance by the weights in memorySettings, 0 to 1.';
comment on column app_public.recalled_memory.relevance is
  E'@notNull\nHow well it answers, 0 to 1: wordScore plus neighborScore, divided by the highest sum; with vectors the mean of that and of similarity divided by the highest one, weighted by the model. 0 when the question has no words.';
comment on column app_public.recalled_memory.recency is E'@notNull\n0.5 ^ (age / half-life), 0 to 1. The age is counted from occurredAt, else from validFrom, to asOf or now.';
comment on column app_public.recalled_memory.importance is E'@notNull\nHow much it matters, 0 to 1.';
comment on column app_public.recalled_memory.word_score is
  E'@notNull\nIts BM25 score by its own words, its speaker, its date and its context, with the statistics of the person''s memories alone; and 0.3 of the sum of the question''s idf when it is said by one whom the question names.';
comment on column app_public.recalled_memory.neighbor_score is
  E'@notNull\nWhat the turns around it in its session add: 0.4 of the word score of the turn before, 0.15 of the one after, 0.1 and 0.05 of those two away.';
comment on column app_public.recalled_memory.similarity is 'Cosine similarity to the question; null without vectors.';
comment on column app_public.recalled_memory.matched_words is E'@notNull\nThe words of the question that it has, as stems.';
comment on column app_public.recalled_memory.memory_id is E'@notNull\nThe memory.';
comment on column app_public.recalled_memory.memory_type is E'@notNull\nIts kind.';
comment on column app_public.recalled_memory.memory_key is E'@notNull\nWhat it is about.';
comment on column app_public.recalled_memory.content is E'@notNull\nThe memory in words.';
comment on column app_public.recalled_memory.memory_value is 'Its value for programs.';
comment on column app_public.recalled_memory.speaker is 'Who said it.';
comment on column app_public.recalled_memory.occurred_at is 'When it was said or happened.';
comment on column app_public.recalled_memory.session_id is 'The session in which it was said.';
comment on column app_public.recalled_memory.agent_id is 'The agent that learned it.';
comment on column app_public.recalled_memory.valid_from is E'@notNull\nFrom when on it is true.';
comment on column app_public.recalled_memory.valid_to is E'@infiniteIsNull\nUntil when it is true, exclusive; without an end it is infinity in SQL and null in the API.';
comment on column app_public.recalled_memory.confidence is E'@notNull\nHow sure it is at that time, 0 to 1, after its decay.';
comment on column app_public.recalled_memory.tokens is E'@notNull\nAbout how many tokens its content has: a token for four bytes.';

create or replace function memory.check_recall(
  query text, memory_types text[], as_of timestamptz, token_budget int, hit_limit int
) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_problems constant text := concat_ws(' ',
    case when query is null or octet_length(query) > 16000 then 'query must be a text of at most 16 kB.' end,
    case when cardinality(memory_types) not between 1 and 5 or array_position(memory_types, null) is not null
      then 'memory_types must name 1 to 5 kinds.' end,
    case when not isfinite(as_of) or as_of > core.clock() then 'as_of must be a time that is not in the future.' end,
    case when token_budget not between 1 and 1000000 then 'token_budget must be from 1 to 1,000,000.' end,
    case when hit_limit not between 1 and 100 then 'limit must be from 1 to 100.' end);
begin
  if v_problems <> '' then
    perform core.raise_error('MM450', v_problems, 'The comments of the arguments say what they hold.');
  end if;
end
$$;
comment on function memory.check_recall is E'@errors MM450\nRefuses a recall whose arguments are out of their ranges; the error names all of them.';

create or replace function memory.within_budget(memories app_public.recalled_memory[], token_budget int, most int)
returns setof app_public.recalled_memory
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_memory app_public.recalled_memory;
  v_left bigint := coalesce(token_budget, 2147483647);
  v_rank int := 0;
begin
  foreach v_memory in array memories loop
    exit when v_rank = most;
    continue when v_memory.tokens > v_left;
    v_left := v_left - v_memory.tokens;
    v_rank := v_rank + 1;
    v_memory.rank := v_rank;
    return next v_memory;
  end loop;
end
$$;
comment on function memory.within_budget is
  'At most so many memories, best first, whose tokens fit into the budget together: one that does not fit is left out, and the ones after it may still fit.';

create or replace function app_public.recall(
  query text, user_id uuid default null, agent_id uuid default null, memory_types app_public.memory_type[] default null,
  as_of timestamptz default null, token_budget int default null, "limit" int default null,
  mode app_public.search_mode default 'hybrid'
) returns setof app_public.recalled_memory
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
set jit to off
as $$
declare
  v_limit constant int := coalesce(recall."limit", 10);
  v_actor record;
  v_request memory.recall_request;
  v_found app_public.recalled_memory[];
begin
  v_actor := memory.require_actor(recall.user_id, recall.agent_id);
  perform memory.check_recall(recall.query, recall.memory_types::text[], recall.as_of, recall.token_budget, v_limit);
  perform memory.require_consent(v_actor.person_id);
  v_request := memory.recall_request(
    v_actor.person_id, v_actor.acting_agent_id, recall.memory_types::text[], recall.as_of, recall.query,
    coalesce(recall.mode, 'hybrid')::text, memory.question_embedding(recall.query, recall.mode::text),
    case when recall.token_budget is null then v_limit else 100 end);
  v_found := array(select r from memory.ranking(v_request) r order by r.rank);
  v_found := array(select b from memory.within_budget(v_found, recall.token_budget, v_limit) b order by b.rank);
  if current_setting('transaction_read_only') = 'off' then
    perform memory.note_access(array(select f.memory_id from unnest(v_found) f));
  end if;
  return query select f.* from unnest(v_found) f order by f.rank;
end
$$;
comment on function app_public.recall is
  E'@cost 300\n@errors ID202 ID203 ID301 KY204 MM201 MM202 MM203 MM204 MM401 MM450 RN302\nWhat is remembered of you, or with the API key of an agent of the member that user_id names, and answers the query; best first. The person must consent to the purpose memory. Only what holds is recalled: true, believed and kept now, or, with as_of, true at that time by what was known at it. An agent recalls what it learned itself and what is shared. memory_types leaves only these kinds. A query without words, such as an empty one, recalls what is recent and important. limit is from 1 to 100, by default 10; with token_budget the memories have at most so many tokens together: of the best hundred, one that does not fit any more is left out. mode bm25 ranks by words, vector by the vectors of the model in memorySettings, hybrid, the default, by both; without a model all go by words.';
grant execute on function app_public.recall to rowhouse_user;
