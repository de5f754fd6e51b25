-- Usage is written by functions only. You read your own; the whole tenant's with can_view_analytics. What was said in a
-- call is read by whoever said it and by those who may audit.

call app_private.secure_global_table('app_public.usage_types');
call app_private.secure_global_table('app_public.llm_model_prices');
call app_private.secure_tenant_table('app_public.llm_model_price_overrides');
call app_private.secure_tenant_table('app_public.usage_events');
call app_private.secure_tenant_table('app_private.usage_events_default');
call app_private.secure_tenant_table('app_private.usage_idempotency_keys');
call app_private.secure_tenant_table('app_private.usage_queue');
call app_private.secure_tenant_table('app_private.finalised_periods');
call app_private.secure_tenant_table('app_private.llm_calls');
call app_private.secure_tenant_table('app_private.llm_calls_default');
call app_private.secure_tenant_table('app_private.llm_texts');
call app_private.secure_tenant_table('app_private.llm_texts_default');
call app_private.secure_tenant_table('app_private.usage_minutes');
call app_private.secure_tenant_table('app_private.usage_minutes_default');
call app_private.secure_tenant_table('app_private.usage_days');
call app_private.secure_tenant_table('app_private.usage_agents');
call app_private.secure_tenant_table('app_private.usage_user_agents');
call app_private.secure_tenant_table('app_private.usage_conversations');
call app_private.secure_tenant_table('app_private.usage_rollup_state');

drop policy if exists select_everyone on app_public.usage_types;
create policy select_everyone on app_public.usage_types for select to rowhouse_user, rowhouse_analyst using (true);

drop policy if exists select_everyone on app_public.llm_model_prices;
create policy select_everyone on app_public.llm_model_prices for select to rowhouse_user, rowhouse_analyst using (true);

drop policy if exists select_member on app_public.llm_model_price_overrides;
create policy select_member on app_public.llm_model_price_overrides for select to rowhouse_user using (true);

do $$
declare
  v_table text;
begin
  foreach v_table in array array[
    'app_public.usage_events', 'app_private.llm_calls', 'app_private.usage_minutes', 'app_private.usage_days'
  ] loop
    execute format('drop policy if exists select_own on %s', v_table);
    execute format(
      'create policy select_own on %s for select to rowhouse_user using (
         user_id = (select app_hidden.current_user_id()) or (select app_hidden.has_permission(''can_view_analytics'')))', v_table);
    execute format('drop policy if exists select_analyst on %s', v_table);
    execute format(
      'create policy select_analyst on %s for select to rowhouse_analyst using (
         tenant_id = any ((select app_hidden.analyst_tenant_ids())::uuid[]))', v_table);
  end loop;
end
$$;

drop policy if exists select_own on app_private.llm_texts;
create policy select_own on app_private.llm_texts for select to rowhouse_user
  using (user_id = (select app_hidden.current_user_id()) or (select app_hidden.has_permission('can_view_audit')));
