-- How often memories are recalled. Recalling only notes it: a row that nobody waits for. A task adds the notes up, so that recalling the
-- same memory many times at once locks nothing.

call core.secure_tenant_table('memory.accesses');
call audit.leave_out('a queue of tasks', 'memory.accesses');
grant select, delete on memory.accesses to rowhouse_platform;
comment on table memory.accesses is 'Memories that were recalled and are not counted yet.';

create or replace function memory.note_access(ids uuid[]) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  insert into memory.accesses (tenant_id, memory_ids, accessed_at)
  select core.current_tenant_id(), note_access.ids[1:1000], core.clock() where cardinality(note_access.ids) > 0;
$$;
comment on function memory.note_access is 'Notes that up to 1,000 memories of this tenant were recalled now. Whoever calls has seen that the caller may read them.';

create or replace function memory.access_count_that_matters() returns int
language sql immutable parallel safe
return 3;
comment on function memory.access_count_that_matters is 'After how many recalls a memory is kept beyond its session.';

create or replace function memory.count_accesses(tenant_id uuid, most int default 100) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_ids uuid[];
  v_times timestamptz[];
begin
  perform set_config('rowhouse.tenant_id', count_accesses.tenant_id::text, true);
  with noted as (
    delete from memory.accesses a
     using (select q.id from memory.accesses q where q.tenant_id = count_accesses.tenant_id
             order by q.id limit count_accesses.most for update skip locked) q
     where a.tenant_id = count_accesses.tenant_id and a.id = q.id
    returning a.memory_ids, a.accessed_at
  )
  select array_agg(i.id), array_agg(n.accessed_at) into v_ids, v_times from noted n cross join lateral unnest(n.memory_ids) as i (id);
  -- The locks in one order, and before those of the rows, as everybody takes them.
  perform memory.lock_person(count_accesses.tenant_id, p.user_id)
     from (select distinct m.user_id from app_public.user_memory m
            where m.tenant_id = count_accesses.tenant_id and m.id = any (v_ids) order by m.user_id) p;
  update app_public.user_memory m
     set access_count = m.access_count + s.count, last_accessed_at = greatest(m.last_accessed_at, s.last_at)
    from (select n.id, count(*)::int as count, max(n.at) as last_at from unnest(v_ids, v_times) as n (id, at) group by 1) s
   where m.tenant_id = count_accesses.tenant_id and m.id = s.id;
  return coalesce(cardinality(v_ids), 0);
end
$$;
comment on function memory.count_accesses is
  'Adds up to so many notes of a tenant to the counts of its memories, and returns how many recalls they had. Two workers take different notes.';
grant execute on function memory.count_accesses to rowhouse_worker;

set local role rowhouse_platform;  -- outside the wall: the worker looks for tenants whose memories were recalled
create or replace function memory.tenants_with_accesses() returns setof uuid
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  -- Steps from tenant to tenant, so that what one of them has waiting costs the others nothing.
  with recursive step as (
    (select a.tenant_id from memory.accesses a order by a.tenant_id limit 1)
    union all
    select (select a.tenant_id from memory.accesses a where a.tenant_id > s.tenant_id order by a.tenant_id limit 1)
      from step s where s.tenant_id is not null
  )
  select s.tenant_id from step s where s.tenant_id is not null;
$$;
comment on function memory.tenants_with_accesses is 'The tenants with memories that were recalled and are not counted yet.';
grant execute on function memory.tenants_with_accesses to rowhouse_worker;
set local role rowhouse_owner;
