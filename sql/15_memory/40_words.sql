-- The words by which a memory is found. A memory's words are a sparse vector over 2^29 places, a term to a place, so that pgvector adds
-- up a question's score in one step. The weight of a term is its impact in BM25 without the idf, which changes with every memory.
--
-- Turns of a dialogue are short, so more than their own words counts: who said it, when (7 May 2023 Sunday), and the words around it. What
-- ends with a question mark asks and tells little, so it counts less.

create or replace function memory.dimension() returns int language sql immutable parallel safe return 536870912;
comment on function memory.dimension is 'How many places the vectors of words have.';

create or replace function memory.term_number(term text) returns int
language sql immutable parallel safe
return ('x' || substr(md5(term), 1, 8))::bit(32)::int & (memory.dimension() - 1);
comment on function memory.term_number is
  'The place of a term, from 0: 29 bits of its MD5. Among 100,000 terms about nine pairs share one.';

create or replace function memory.speaker_number(term text) returns int
language sql immutable parallel safe
return memory.term_number('speaker ' || term);
comment on function memory.speaker_number is 'The place of a term of a speaker''s name, where it says who speaks.';

create or replace function memory.base_form(config regconfig, term text) returns text
language sql immutable parallel safe
return case when config <> 'pg_catalog.english'::regconfig then term else coalesce('{
  "went": "go", "gone": "go", "ran": "run", "saw": "see", "seen": "see", "took": "take", "taken": "take", "gave": "give",
  "given": "give", "came": "come", "made": "make", "bought": "buy", "brought": "bring", "thought": "think", "taught": "teach",
  "caught": "catch", "fought": "fight", "sought": "seek", "told": "tell", "sold": "sell", "said": "say", "paid": "pay", "met": "meet",
  "felt": "feel", "kept": "keep", "slept": "sleep", "left": "leav", "lost": "lose", "won": "win", "sat": "sit", "sent": "send",
  "spent": "spend", "built": "build", "lent": "lend", "held": "hold", "heard": "hear", "found": "find", "got": "get",
  "gotten": "get", "began": "begin", "begun": "begin", "sang": "sing", "sung": "sing", "swam": "swim", "swum": "swim", "drank": "drink",
  "drunk": "drink", "rang": "ring", "ate": "eat", "eaten": "eat", "fell": "fall", "fallen": "fall", "drove": "drive", "driven": "drive",
  "rode": "ride", "ridden": "ride", "wrote": "write", "written": "write", "rose": "rise", "risen": "rise", "broke": "break",
  "broken": "break", "spoke": "speak", "spoken": "speak", "stole": "steal", "stolen": "steal", "chose": "choos", "chosen": "choos",
  "froze": "freez", "frozen": "freez", "woke": "wake", "woken": "wake", "wore": "wear", "worn": "wear", "tore": "tear", "torn": "tear",
  "grew": "grow", "grown": "grow", "knew": "know", "known": "know", "threw": "throw", "thrown": "throw", "flew": "fli", "flown": "fli",
  "drew": "draw", "drawn": "draw", "forgot": "forget", "forgotten": "forget", "became": "becom", "led": "lead", "read": "read",
  "understood": "understand", "stood": "stand", "hid": "hide", "hidden": "hide", "bit": "bite", "bitten": "bite", "shot": "shoot",
  "struck": "strike", "stuck": "stick", "swore": "swear", "sworn": "swear", "dealt": "deal", "meant": "mean", "dreamt": "dream",
  "learnt": "learn", "burnt": "burn", "hung": "hang", "laid": "lay", "children": "child", "men": "man", "women": "woman",
  "peopl": "person", "wive": "wife", "live": "life", "knive": "knife", "feet": "foot", "teeth": "tooth", "mice": "mous"
}'::jsonb ->> term, term) end;
comment on function memory.base_form is
  'The stem of the base form of an irregular English verb or noun, such as go for went: stemming alone knows only the regular ones.';

create or replace function memory.spoken_date(at timestamptz, zone text) returns text
language sql stable parallel safe
return to_char(at at time zone zone, 'FMDD FMMonth YYYY FMDay');
comment on function memory.spoken_date is 'A day as one speaks of it: 7 May 2023 Sunday.';
grant execute on function memory.spoken_date to rowhouse_platform;

create or replace function memory.word_vector(language text, content text, date text, speaker text, context text)
returns public.sparsevec
language plpgsql immutable parallel safe security definer
set search_path to pg_catalog, public, pg_temp
set jit to off
as $$
declare
  -- The index of one memory is bounded by the beginning of its text.
  v_most_content constant int := 6000;
  v_most_context constant int := 1500;
  v_config constant regconfig := knowledge.text_search_config(language);
  v_content constant tsvector := knowledge.term_vector(v_config, left(content, v_most_content));
  -- BM25 with k1 = 1.2 and b = 0.4, and 12 words as the usual length instead of the mean, which would change with every memory.
  v_norm constant double precision := 1.2 * (0.6 + 0.4 * knowledge.token_count(v_content) / 12);
  v_share constant double precision := case when content ~ '[?？]\s*$' then 0.8 else 1 end;
  v_fields tsvector := setweight(v_content, 'A');
  v_speaker tsvector := '';
begin
  if speaker is not null then
    v_speaker := knowledge.term_vector(v_config, speaker);
    v_fields := v_fields || setweight(v_speaker, 'B');
  end if;
  if word_vector.date is not null then
    v_fields := v_fields || setweight(knowledge.term_vector(v_config, word_vector.date), 'C');
  end if;
  if context is not null then
    v_fields := v_fields || knowledge.term_vector(v_config, left(context, v_most_context));
  end if;
  return (
    with frequency as (
      select memory.term_number(memory.base_form(v_config, f.lexeme)) as term, sum(w.weight) as tf
        from unnest(v_fields) f
       cross join lateral (
         select sum(case w when 'A' then 1 when 'B' then 0.9 when 'C' then 0.5 else 0.3 end) as weight from unnest(f.weights) as w) w
       group by 1
    ), impact as (
      -- Fields are added up before the saturation, as in BM25F (Robertson and Zaragoza, 2009).
      select f.term, (v_share * f.tf * 2.2 / (f.tf + v_norm))::real as impact from frequency f
      union
      select memory.speaker_number(memory.base_form(v_config, s.lexeme)), 1 from unnest(v_speaker) s
    )
    select (coalesce('{' || string_agg(i.term + 1 || ':' || i.impact, ',' order by i.term) || '}', '{}') || '/' || memory.dimension())::sparsevec
      from (select distinct on (m.term) m.term, m.impact from impact m order by m.term, m.impact) i);
end
$$;
comment on function memory.word_vector is
  'The words of a memory: for each term its impact in BM25 before the idf, tf × (k1 + 1) / (tf + k1 × (1 − b + b × length / 12)), k1 = 1.2, b = 0.4. An occurrence in the first 6,000 characters of the content counts 1, in the speaker''s name 0.9, in the date 0.5, in the first 1,500 characters of the words around it 0.3. What ends with a question mark has 0.8 of it. The terms of the speaker''s name stand in places of their own (memory.speaker_number) as well, with 1.';
grant execute on function memory.word_vector to rowhouse_platform;

create or replace function memory.term_numbers(words public.sparsevec) returns setof int
language sql immutable parallel safe
set search_path to pg_catalog, public, pg_temp
as $$
  select split_part(w, ':', 1)::int - 1 from string_to_table(btrim(split_part(words::text, '/', 1), '{}'), ',') as w where w <> '';
$$;
comment on function memory.term_numbers is 'The places of the terms of a vector of words.';
grant execute on function memory.term_numbers to rowhouse_platform;
