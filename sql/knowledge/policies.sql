call app_private.secure_shareable_table('app_public.rag_knowledge_sources', 'knowledge_source');
call app_private.secure_tenant_table('app_public.documents');
call app_private.secure_tenant_table('app_private.document_files');
call app_private.secure_tenant_table('app_public.document_chunks');
call app_private.secure_tenant_table('app_public.embeddings');
call app_private.secure_tenant_table('app_public.agent_knowledge_sources');
call app_private.secure_tenant_table('app_private.changed_sources');

drop policy if exists select_member on app_public.agent_knowledge_sources;
create policy select_member on app_public.agent_knowledge_sources for select to rowhouse_user using (true);
drop policy if exists insert_permitted on app_public.agent_knowledge_sources;
create policy insert_permitted on app_public.agent_knowledge_sources for insert to rowhouse_user
  with check ((select app_hidden.has_permission('can_edit_agents')));
drop policy if exists delete_permitted on app_public.agent_knowledge_sources;
create policy delete_permitted on app_public.agent_knowledge_sources for delete to rowhouse_user
  using ((select app_hidden.has_permission('can_edit_agents')));

drop policy if exists select_member on app_public.rag_knowledge_sources;
create policy select_member on app_public.rag_knowledge_sources for select to rowhouse_user
  using (deleted_at is null or (select app_hidden.has_permission('can_manage_knowledge')));
drop policy if exists insert_permitted on app_public.rag_knowledge_sources;
create policy insert_permitted on app_public.rag_knowledge_sources for insert to rowhouse_user
  with check ((select app_hidden.has_permission('can_manage_knowledge')));
drop policy if exists update_permitted on app_public.rag_knowledge_sources;
create policy update_permitted on app_public.rag_knowledge_sources for update to rowhouse_user
  using ((select app_hidden.has_permission('can_manage_knowledge')) and deleted_at is null);

drop policy if exists select_member on app_public.documents;
create policy select_member on app_public.documents for select to rowhouse_user using (true);
drop policy if exists select_member on app_public.document_chunks;
create policy select_member on app_public.document_chunks for select to rowhouse_user using (true);
drop policy if exists select_member on app_public.embeddings;
create policy select_member on app_public.embeddings for select to rowhouse_user using (true);

drop policy if exists select_analyst on app_public.rag_knowledge_sources;
create policy select_analyst on app_public.rag_knowledge_sources for select to rowhouse_analyst
  using (tenant_id = any ((select app_hidden.analyst_tenant_ids())::uuid[]));
drop policy if exists select_analyst on app_public.documents;
create policy select_analyst on app_public.documents for select to rowhouse_analyst
  using (tenant_id = any ((select app_hidden.analyst_tenant_ids())::uuid[]));
