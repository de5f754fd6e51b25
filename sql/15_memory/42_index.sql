-- The index of recall: of each person their own, so that nobody else's memories change a score. It is kept in the transaction of what
-- it indexes: what is remembered is found by the next statement, and what is forgotten leaves nothing. A term's postings are rows of up to
-- 1,024 numbers, to which a new memory adds one; recall counts them, chooses its candidates from them, and scores those from their entries.

call core.secure_tenant_table('memory.indexes');
call audit.leave_out('an index that rules keep', 'memory.indexes');
grant select, insert, update, delete on memory.indexes to rowhouse_platform;
comment on table memory.indexes is 'Of each person of whom something is remembered, the statistics of the index.';
comment on column memory.indexes.user_id is E'@personal erase\nThe person.';
comment on column memory.indexes.language is E'@notPersonal\nThe language in which words are read, as a BCP 47 tag: the tenant''s when the index began.';
comment on column memory.indexes.last_number is 'The highest number of an entry so far.';
comment on column memory.indexes.entry_count is 'How many entries there are: the N of BM25.';

call core.secure_tenant_table('memory.entries');
call audit.leave_out('an index that rules keep', 'memory.entries');
grant select, insert, update, delete on memory.entries to rowhouse_platform;
comment on table memory.entries is 'What recall reads of each version of a memory: its words, and whether it holds.';
comment on column memory.entries.user_id is E'@personal erase\nThe person.';
comment on column memory.entries.number is 'The number of the entry, in the order in which they came.';
comment on column memory.entries.session_id is E'@personal erase\nThe session in which it was said.';
comment on column memory.entries.words is E'@personal erase\nIts terms, by their hashes, and the impact of each.';
comment on column memory.entries.happened_at is 'When it was said or happened, else from when on it is true.';
comment on column memory.entries.importance is 'How much it matters, 0 to 1.';

call core.secure_tenant_table('memory.postings');
call audit.leave_out('an index that rules keep', 'memory.postings');
grant select, insert, update, delete on memory.postings to rowhouse_platform;
comment on table memory.postings is 'Which entries of a person have a term.';
comment on column memory.postings.user_id is E'@personal erase\nThe person.';
comment on column memory.postings.term is E'@personal erase\nThe hash of the term (memory.term_number).';
comment on column memory.postings.block is 'The numbers of the entries without their last ten bits.';
comment on column memory.postings.numbers is 'The last ten bits of the numbers.';

create or replace function memory.block_bits() returns int language sql immutable parallel safe return 10;
comment on function memory.block_bits is 'How many bits of an entry''s number are its place in a block.';
grant execute on function memory.block_bits to rowhouse_platform;

set local role rowhouse_platform;  -- outside the wall: memories are deleted with their person, for several tenants in one statement
create or replace function memory.tg_user_memory__index() returns trigger
language plpgsql security definer
set search_path to pg_catalog, public, pg_temp
set jit to off
as $$
begin
  -- The rows of the persons are locked in one order, and the locks are held to the end of the transaction.
  with grown as (
    insert into memory.indexes as i (tenant_id, user_id, language, last_number, entry_count)
    select a.tenant_id, a.user_id, coalesce((select t.language_code from app_public.tenants t where t.id = a.tenant_id), 'en'), count(*), count(*)
      from added a group by 1, 2 order by 1, 2
    on conflict on constraint indexes_pkey do update
      set last_number = i.last_number + excluded.last_number, entry_count = i.entry_count + excluded.entry_count
    returning i.tenant_id, i.user_id, i.language, i.last_number
  )
  insert into memory.entries (
    tenant_id, user_id, number, memory_id, session_id, words, memory_type, scope_agent_id, happened_at, importance, valid_from, ended_at)
  select a.tenant_id, a.user_id,
         g.last_number + 1 - row_number() over (partition by a.tenant_id, a.user_id order by coalesce(a.occurred_at, a.valid_from) desc),
         a.id, a.session_id,
         memory.word_vector(g.language, a.content,
           memory.spoken_date(a.occurred_at, (select t.timezone from app_public.tenants t where t.id = a.tenant_id)), a.speaker, a.context),
         a.memory_type, a.scope_agent_id, coalesce(a.occurred_at, a.valid_from), a.importance_score, a.valid_from, a.ended_at
    from added a join grown g on g.tenant_id = a.tenant_id and g.user_id = a.user_id;
  return null;
end
$$;
comment on function memory.tg_user_memory__index is 'Gives each new version its entry.';
grant execute on function memory.tg_user_memory__index to rowhouse_owner;

create or replace function memory.tg_user_memory__follow() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  update memory.entries e
     set valid_from = m.valid_from, ended_at = m.ended_at, importance = m.importance_score, scope_agent_id = m.scope_agent_id,
         memory_type = m.memory_type
    from changed m
   where e.tenant_id = m.tenant_id and e.memory_id = m.id
     and (e.valid_from, e.ended_at, e.importance, e.memory_type) is distinct from (m.valid_from, m.ended_at, m.importance_score::real, m.memory_type)
      or e.tenant_id = m.tenant_id and e.memory_id = m.id and e.scope_agent_id is distinct from m.scope_agent_id;
  return null;
end
$$;
comment on function memory.tg_user_memory__follow is 'Keeps in the entry of a version whether it holds and how much it matters.';
grant execute on function memory.tg_user_memory__follow to rowhouse_owner;

create or replace function memory.tg_entries__post() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into memory.postings as p (tenant_id, user_id, term, block, numbers)
  select a.tenant_id, a.user_id, t.term, a.number >> memory.block_bits(),
         array_agg((a.number & ((1 << memory.block_bits()) - 1))::smallint order by a.number)
    from added a cross join lateral memory.term_numbers(a.words) as t (term)
   group by 1, 2, 3, 4 order by 1, 2, 3, 4
  on conflict on constraint postings_pkey do update set numbers = p.numbers || excluded.numbers;
  return null;
end
$$;
comment on function memory.tg_entries__post is 'Adds new entries to the postings of their terms.';
grant execute on function memory.tg_entries__post to rowhouse_owner;

create or replace function memory.tg_entries__unpost() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  update memory.indexes i set entry_count = greatest(0, i.entry_count - c.count)
    from (select r.tenant_id, r.user_id, count(*)::int as count from removed r group by 1, 2 order by 1, 2) c
   where i.tenant_id = c.tenant_id and i.user_id = c.user_id;
  with gone as materialized (
    select r.tenant_id, r.user_id, t.term, r.number >> memory.block_bits() as block,
           array_agg((r.number & ((1 << memory.block_bits()) - 1))::smallint) as numbers
      from removed r cross join lateral memory.term_numbers(r.words) as t (term)
     group by 1, 2, 3, 4
  ), left_over as (
    select p.tenant_id, p.user_id, p.term, p.block, array(select n from unnest(p.numbers) as n where n <> all (g.numbers)) as numbers
      from gone g join memory.postings p using (tenant_id, user_id, term, block)
  ), emptied as (
    delete from memory.postings p using left_over l
     where (p.tenant_id, p.user_id, p.term, p.block) = (l.tenant_id, l.user_id, l.term, l.block) and l.numbers = '{}'
  )
  update memory.postings p set numbers = l.numbers
    from left_over l
   where (p.tenant_id, p.user_id, p.term, p.block) = (l.tenant_id, l.user_id, l.term, l.block) and l.numbers <> '{}';
  return null;
end
$$;
comment on function memory.tg_entries__unpost is 'Takes entries that are gone out of the postings of their terms.';
grant execute on function memory.tg_entries__unpost to rowhouse_owner;
set local role rowhouse_owner;

create or replace trigger _600_index after insert on app_public.user_memory
  referencing new table as added for each statement execute function memory.tg_user_memory__index();
create or replace trigger _600_follow after update on app_public.user_memory
  referencing new table as changed for each statement execute function memory.tg_user_memory__follow();
create or replace trigger _500_post after insert on memory.entries
  referencing new table as added for each statement execute function memory.tg_entries__post();
create or replace trigger _500_unpost after delete on memory.entries
  referencing old table as removed for each statement execute function memory.tg_entries__unpost();
