-- Consolidation: a day after a session memory was learned or confirmed last, it is decided whether it is kept for the long term. It is
-- when it matters (importance of at least 0.7), was said at least twice, or was recalled at least three times; then it is kept for as long
-- as a fact. Otherwise it ends with its session's time. Whatever is confirmed later is looked at again.

create or replace function memory.settling_time() returns interval
language sql immutable parallel safe
return interval '1 day';
comment on function memory.settling_time is 'How long after it was learned a session memory is looked at.';
grant execute on function memory.settling_time to rowhouse_platform;

create or replace function memory.is_worth_keeping(m app_public.user_memory) returns boolean
language sql immutable parallel safe
return (m).importance_score >= 0.7 or (m).confirmation_count >= 2 or (m).access_count >= memory.access_count_that_matters();
comment on function memory.is_worth_keeping is 'Whether a session memory is kept for the long term.';

create or replace function memory.consolidate(tenant_id uuid, most int default 500) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := core.clock();
  v_days int;
  v_count int;
begin
  perform set_config('rowhouse.tenant_id', consolidate.tenant_id::text, true);
  v_days := memory.kept_days('fact');
  -- A row that somebody is at is left to the next run, so that nobody waits in a circle.
  with due as materialized (
    select m.id from app_public.user_memory m
     where m.tenant_id = consolidate.tenant_id and not m.is_long_term and m.settled_at is null
       and m.extracted_at < v_now - memory.settling_time()
     order by m.extracted_at limit consolidate.most for no key update skip locked
  )
  update app_public.user_memory m
     set settled_at = v_now,
         is_long_term = memory.is_worth_keeping(m),
         expires_at = case when memory.is_worth_keeping(m) and m.expires_at > v_now
           then case when v_days is not null then greatest(m.expires_at, v_now + make_interval(days => v_days)) end else m.expires_at end
    from due d
   where m.tenant_id = consolidate.tenant_id and m.id = d.id;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function memory.consolidate is
  'Decides of up to so many session memories of a tenant whether they are kept for the long term, and returns of how many. A run that was stopped goes on where it was, because what was decided is marked.';
grant execute on function memory.consolidate to rowhouse_worker;

set local role rowhouse_platform;  -- outside the wall: the worker looks for tenants with session memories to decide about
create or replace function memory.tenants_to_consolidate() returns setof uuid
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select t.id from app_public.tenants t
   where exists (select from app_public.user_memory m
           where m.tenant_id = t.id and not m.is_long_term and m.settled_at is null
             and m.extracted_at < core.clock() - memory.settling_time())
   order by t.id;
$$;
comment on function memory.tenants_to_consolidate is 'The tenants with session memories that are to be looked at.';
grant execute on function memory.tenants_to_consolidate to rowhouse_worker;
set local role rowhouse_owner;
