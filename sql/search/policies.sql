call app_private.secure_tenant_table('app_private.search_changes');
call app_private.secure_tenant_table('app_private.search_blocks');
call app_private.secure_tenant_table('app_private.search_block_chunks');
call app_private.secure_tenant_table('app_private.search_postings');
call app_private.secure_tenant_table('app_private.search_rare_postings');
call app_private.secure_tenant_table('app_private.search_removals');
call app_private.secure_tenant_table('app_private.search_terms');
call app_private.secure_tenant_table('app_public.query_logs');
call app_private.secure_tenant_table('app_private.query_log_buffer');

-- what people asked is for those who run the tenant
drop policy if exists select_admin on app_public.query_logs;
create policy select_admin on app_public.query_logs for select to rowhouse_user using ((select app_hidden.has_role('admin')));
drop policy if exists select_analyst on app_public.query_logs;
create policy select_analyst on app_public.query_logs for select to rowhouse_analyst
  using (tenant_id = any ((select app_hidden.analyst_tenant_ids())::uuid[]));
