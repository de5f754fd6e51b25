-- How long it is kept what is remembered no more. governance's retention deletes it, in batches, tenant by tenant, and keeps what a legal
-- hold covers. From the moment at which a memory expires no door shows it, so these days are for the disk alone.

call governance.define_data_kind('expired_memories', 'Memories that have expired, which nobody reads any more.', 7, 0);
call governance.add_table_to_kind('expired_memories', 'app_public.user_memory', 'expires_at');
call governance.define_data_kind('memory_versions', 'Versions of memories that were superseded, corrected or have ended.', 1096, 0);
call governance.add_table_to_kind('memory_versions', 'app_public.user_memory', 'ended_at', 't.expires_at is null or t.expires_at > core.clock()');
call governance.define_data_kind('memory_requests', 'Idempotency keys of what was remembered.', 35, 35,
  'A request that comes late must not bring back what was forgotten.');
call governance.add_table_to_kind('memory_requests', 'memory.requests', 'created_at');
