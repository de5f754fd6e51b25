-- Tools, prompts and workflows. A deleted one is seen by who may restore it.
call app_private.secure_tenant_table('app_public.tool_categories');
call app_private.secure_shareable_table('app_public.tools', 'tool');
call app_private.secure_shareable_table('app_public.prompts', 'prompt');
call app_private.secure_shareable_table('app_public.workflows', 'workflow');

drop policy if exists select_member on app_public.tools;
create policy select_member on app_public.tools for select to rowhouse_user
  using (deleted_at is null or (select app_hidden.has_permission('can_delete_resources')));
drop policy if exists insert_permitted on app_public.tools;
create policy insert_permitted on app_public.tools for insert to rowhouse_user
  with check ((select app_hidden.has_permission('can_create_resources')));
drop policy if exists update_permitted on app_public.tools;
create policy update_permitted on app_public.tools for update to rowhouse_user
  using ((select app_hidden.has_permission('can_edit_resources')) and deleted_at is null);

drop policy if exists select_member on app_public.prompts;
create policy select_member on app_public.prompts for select to rowhouse_user
  using (deleted_at is null or (select app_hidden.has_permission('can_delete_resources')));
drop policy if exists insert_permitted on app_public.prompts;
create policy insert_permitted on app_public.prompts for insert to rowhouse_user
  with check ((select app_hidden.has_permission('can_create_resources')));
drop policy if exists update_permitted on app_public.prompts;
create policy update_permitted on app_public.prompts for update to rowhouse_user
  using ((select app_hidden.has_permission('can_edit_resources')) and deleted_at is null);

drop policy if exists select_member on app_public.workflows;
create policy select_member on app_public.workflows for select to rowhouse_user
  using (deleted_at is null or (select app_hidden.has_permission('can_delete_resources')));
drop policy if exists insert_permitted on app_public.workflows;
create policy insert_permitted on app_public.workflows for insert to rowhouse_user
  with check ((select app_hidden.has_permission('can_create_resources')));
drop policy if exists update_permitted on app_public.workflows;
create policy update_permitted on app_public.workflows for update to rowhouse_user
  using ((select app_hidden.has_permission('can_edit_resources')) and deleted_at is null);

drop policy if exists select_member on app_public.tool_categories;
create policy select_member on app_public.tool_categories for select to rowhouse_user using (true);
drop policy if exists insert_permitted on app_public.tool_categories;
create policy insert_permitted on app_public.tool_categories for insert to rowhouse_user
  with check ((select app_hidden.has_permission('can_create_resources')));
drop policy if exists update_permitted on app_public.tool_categories;
create policy update_permitted on app_public.tool_categories for update to rowhouse_user
  using ((select app_hidden.has_permission('can_edit_resources')));
drop policy if exists delete_permitted on app_public.tool_categories;
create policy delete_permitted on app_public.tool_categories for delete to rowhouse_user
  using ((select app_hidden.has_permission('can_delete_resources')));
