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
