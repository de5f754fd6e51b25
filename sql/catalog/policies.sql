call app_private.secure_global_table('app_public.llm_providers');
call app_private.secure_global_table('app_public.llm_models');
call app_private.secure_tenant_table('app_public.agents');

drop policy if exists select_everyone on app_public.llm_providers;
create policy select_everyone on app_public.llm_providers for select to rowhouse_user using (true);
drop policy if exists all_admin on app_public.llm_providers;
create policy all_admin on app_public.llm_providers to rowhouse_admin using (true) with check (true);

drop policy if exists select_everyone on app_public.llm_models;
create policy select_everyone on app_public.llm_models for select to rowhouse_user using (true);
drop policy if exists all_admin on app_public.llm_models;
create policy all_admin on app_public.llm_models to rowhouse_admin using (true) with check (true);

drop policy if exists select_member on app_public.agents;
create policy select_member on app_public.agents for select to rowhouse_user
  using (deleted_at is null or (select app_hidden.has_role('admin')));
drop policy if exists insert_member on app_public.agents;
create policy insert_member on app_public.agents for insert to rowhouse_user
  with check ((select app_hidden.has_role('member')));
drop policy if exists update_member on app_public.agents;
create policy update_member on app_public.agents for update to rowhouse_user
  using ((select app_hidden.has_role('member')) and deleted_at is null);
