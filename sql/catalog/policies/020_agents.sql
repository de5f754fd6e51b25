-- Agents, where they belong, and what is attached to them.
call app_private.secure_tenant_table('app_public.departments');
call app_private.secure_tenant_table('app_public.business_functions');
call app_private.secure_tenant_table('app_public.organizational_roles');
call app_private.secure_tenant_table('app_public.personas');
call app_private.secure_shareable_table('app_public.agents', 'agent');
call app_private.secure_tenant_table('app_public.agent_tools');
call app_private.secure_tenant_table('app_public.agent_persona_mapping');
call app_private.secure_tenant_table('app_public.agent_industry_mapping');

drop policy if exists select_member on app_public.agents;
create policy select_member on app_public.agents for select to rowhouse_user
  using (deleted_at is null or (select app_hidden.has_permission('can_delete_agents')));
drop policy if exists insert_permitted on app_public.agents;
create policy insert_permitted on app_public.agents for insert to rowhouse_user
  with check ((select app_hidden.has_permission('can_create_agents')));
drop policy if exists update_permitted on app_public.agents;
create policy update_permitted on app_public.agents for update to rowhouse_user
  using ((select app_hidden.has_permission('can_edit_agents')) and deleted_at is null);

drop policy if exists select_member on app_public.agent_tools;
create policy select_member on app_public.agent_tools for select to rowhouse_user using (true);
drop policy if exists insert_permitted on app_public.agent_tools;
create policy insert_permitted on app_public.agent_tools for insert to rowhouse_user
  with check ((select app_hidden.has_permission('can_edit_agents')));
drop policy if exists update_permitted on app_public.agent_tools;
create policy update_permitted on app_public.agent_tools for update to rowhouse_user
  using ((select app_hidden.has_permission('can_edit_agents')));
drop policy if exists delete_permitted on app_public.agent_tools;
create policy delete_permitted on app_public.agent_tools for delete to rowhouse_user
  using ((select app_hidden.has_permission('can_edit_agents')));

drop policy if exists select_member on app_public.agent_persona_mapping;
create policy select_member on app_public.agent_persona_mapping for select to rowhouse_user using (true);
drop policy if exists insert_permitted on app_public.agent_persona_mapping;
create policy insert_permitted on app_public.agent_persona_mapping for insert to rowhouse_user
  with check ((select app_hidden.has_permission('can_edit_agents')));
drop policy if exists update_permitted on app_public.agent_persona_mapping;
create policy update_permitted on app_public.agent_persona_mapping for update to rowhouse_user
  using ((select app_hidden.has_permission('can_edit_agents')));
drop policy if exists delete_permitted on app_public.agent_persona_mapping;
create policy delete_permitted on app_public.agent_persona_mapping for delete to rowhouse_user
  using ((select app_hidden.has_permission('can_edit_agents')));

drop policy if exists select_member on app_public.agent_industry_mapping;
create policy select_member on app_public.agent_industry_mapping for select to rowhouse_user using (true);
drop policy if exists insert_permitted on app_public.agent_industry_mapping;
create policy insert_permitted on app_public.agent_industry_mapping for insert to rowhouse_user
  with check ((select app_hidden.has_permission('can_edit_agents')));
drop policy if exists update_permitted on app_public.agent_industry_mapping;
create policy update_permitted on app_public.agent_industry_mapping for update to rowhouse_user
  using ((select app_hidden.has_permission('can_edit_agents')));
drop policy if exists delete_permitted on app_public.agent_industry_mapping;
create policy delete_permitted on app_public.agent_industry_mapping for delete to rowhouse_user
  using ((select app_hidden.has_permission('can_edit_agents')));

drop policy if exists select_member on app_public.departments;
create policy select_member on app_public.departments for select to rowhouse_user using (true);
drop policy if exists insert_permitted on app_public.departments;
create policy insert_permitted on app_public.departments for insert to rowhouse_user
  with check ((select app_hidden.has_permission('can_manage_settings')));
drop policy if exists update_permitted on app_public.departments;
create policy update_permitted on app_public.departments for update to rowhouse_user
  using ((select app_hidden.has_permission('can_manage_settings')));
drop policy if exists delete_permitted on app_public.departments;
create policy delete_permitted on app_public.departments for delete to rowhouse_user
  using ((select app_hidden.has_permission('can_manage_settings')));

drop policy if exists select_member on app_public.business_functions;
create policy select_member on app_public.business_functions for select to rowhouse_user using (true);
drop policy if exists insert_permitted on app_public.business_functions;
create policy insert_permitted on app_public.business_functions for insert to rowhouse_user
  with check ((select app_hidden.has_permission('can_manage_settings')));
drop policy if exists update_permitted on app_public.business_functions;
create policy update_permitted on app_public.business_functions for update to rowhouse_user
  using ((select app_hidden.has_permission('can_manage_settings')));
drop policy if exists delete_permitted on app_public.business_functions;
create policy delete_permitted on app_public.business_functions for delete to rowhouse_user
  using ((select app_hidden.has_permission('can_manage_settings')));

drop policy if exists select_member on app_public.organizational_roles;
create policy select_member on app_public.organizational_roles for select to rowhouse_user using (true);
drop policy if exists insert_permitted on app_public.organizational_roles;
create policy insert_permitted on app_public.organizational_roles for insert to rowhouse_user
  with check ((select app_hidden.has_permission('can_manage_settings')));
drop policy if exists update_permitted on app_public.organizational_roles;
create policy update_permitted on app_public.organizational_roles for update to rowhouse_user
  using ((select app_hidden.has_permission('can_manage_settings')));
drop policy if exists delete_permitted on app_public.organizational_roles;
create policy delete_permitted on app_public.organizational_roles for delete to rowhouse_user
  using ((select app_hidden.has_permission('can_manage_settings')));

drop policy if exists select_member on app_public.personas;
create policy select_member on app_public.personas for select to rowhouse_user using (true);
drop policy if exists insert_permitted on app_public.personas;
create policy insert_permitted on app_public.personas for insert to rowhouse_user
  with check ((select app_hidden.has_permission('can_create_resources')));
drop policy if exists update_permitted on app_public.personas;
create policy update_permitted on app_public.personas for update to rowhouse_user
  using ((select app_hidden.has_permission('can_edit_resources')));
drop policy if exists delete_permitted on app_public.personas;
create policy delete_permitted on app_public.personas for delete to rowhouse_user
  using ((select app_hidden.has_permission('can_delete_resources')));
