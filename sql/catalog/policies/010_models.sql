-- Models and providers are read by everyone and edited by platform staff; a tenant's configurations by its members.
call app_private.secure_global_table('app_public.llm_providers');
call app_private.secure_global_table('app_public.llm_models');
call app_private.secure_tenant_table('app_public.model_configurations');

drop policy if exists select_everyone on app_public.llm_providers;
create policy select_everyone on app_public.llm_providers for select to rowhouse_user using (true);
drop policy if exists all_admin on app_public.llm_providers;
create policy all_admin on app_public.llm_providers to rowhouse_admin using (true) with check (true);

drop policy if exists select_everyone on app_public.llm_models;
create policy select_everyone on app_public.llm_models for select to rowhouse_user using (true);
drop policy if exists all_admin on app_public.llm_models;
create policy all_admin on app_public.llm_models to rowhouse_admin using (true) with check (true);

drop policy if exists select_member on app_public.model_configurations;
create policy select_member on app_public.model_configurations for select to rowhouse_user using (true);
drop policy if exists insert_permitted on app_public.model_configurations;
create policy insert_permitted on app_public.model_configurations for insert to rowhouse_user
  with check ((select app_hidden.has_permission('can_create_resources')));
drop policy if exists update_permitted on app_public.model_configurations;
create policy update_permitted on app_public.model_configurations for update to rowhouse_user
  using ((select app_hidden.has_permission('can_edit_resources')));
drop policy if exists delete_permitted on app_public.model_configurations;
create policy delete_permitted on app_public.model_configurations for delete to rowhouse_user
  using ((select app_hidden.has_permission('can_delete_resources')));
