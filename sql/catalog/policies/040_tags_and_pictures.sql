-- Tags, and libraries of pictures. Who may edit an item may tag it.
call app_private.secure_tenant_table('app_public.tags');
call app_private.secure_tenant_table('app_public.tag_assignments');
call app_private.secure_tenant_table('app_public.avatars');
call app_private.secure_tenant_table('app_public.icons');

drop policy if exists select_member on app_public.tags;
create policy select_member on app_public.tags for select to rowhouse_user using (true);
drop policy if exists insert_permitted on app_public.tags;
create policy insert_permitted on app_public.tags for insert to rowhouse_user
  with check ((select app_hidden.has_permission('can_create_resources')));
drop policy if exists update_permitted on app_public.tags;
create policy update_permitted on app_public.tags for update to rowhouse_user
  using ((select app_hidden.has_permission('can_edit_resources')));
drop policy if exists delete_permitted on app_public.tags;
create policy delete_permitted on app_public.tags for delete to rowhouse_user
  using ((select app_hidden.has_permission('can_delete_resources')));

drop policy if exists select_member on app_public.avatars;
create policy select_member on app_public.avatars for select to rowhouse_user using (true);
drop policy if exists insert_permitted on app_public.avatars;
create policy insert_permitted on app_public.avatars for insert to rowhouse_user
  with check ((select app_hidden.has_permission('can_create_resources')));
drop policy if exists update_permitted on app_public.avatars;
create policy update_permitted on app_public.avatars for update to rowhouse_user
  using ((select app_hidden.has_permission('can_edit_resources')));
drop policy if exists delete_permitted on app_public.avatars;
create policy delete_permitted on app_public.avatars for delete to rowhouse_user
  using ((select app_hidden.has_permission('can_delete_resources')));

drop policy if exists select_member on app_public.icons;
create policy select_member on app_public.icons for select to rowhouse_user using (true);
drop policy if exists insert_permitted on app_public.icons;
create policy insert_permitted on app_public.icons for insert to rowhouse_user
  with check ((select app_hidden.has_permission('can_create_resources')));
drop policy if exists update_permitted on app_public.icons;
create policy update_permitted on app_public.icons for update to rowhouse_user
  using ((select app_hidden.has_permission('can_edit_resources')));
drop policy if exists delete_permitted on app_public.icons;
create policy delete_permitted on app_public.icons for delete to rowhouse_user
  using ((select app_hidden.has_permission('can_delete_resources')));

drop policy if exists select_member on app_public.tag_assignments;
create policy select_member on app_public.tag_assignments for select to rowhouse_user using (true);
drop policy if exists insert_permitted on app_public.tag_assignments;
create policy insert_permitted on app_public.tag_assignments for insert to rowhouse_user
  with check ((select app_hidden.has_permission('can_edit_agents')) and item_type = 'agent'
    or (select app_hidden.has_permission('can_manage_knowledge')) and item_type = 'knowledge_source'
    or (select app_hidden.has_permission('can_edit_resources')) and item_type in ('tool', 'prompt', 'workflow'));
drop policy if exists delete_permitted on app_public.tag_assignments;
create policy delete_permitted on app_public.tag_assignments for delete to rowhouse_user
  using ((select app_hidden.has_permission('can_edit_agents')) and item_type = 'agent'
    or (select app_hidden.has_permission('can_manage_knowledge')) and item_type = 'knowledge_source'
    or (select app_hidden.has_permission('can_edit_resources')) and item_type in ('tool', 'prompt', 'workflow'));
