-- Every change of who may use a resource is recorded, whoever makes it: functions, foreign keys, administrators in psql.
do $$
declare
  v_kind app_public.resource_kind;
  v_table regclass;
begin
  foreach v_kind in array enum_range(null::app_public.resource_kind) loop
    v_table := app_private.resource_table(v_kind);
    execute format(
      'create or replace trigger _500_audit_sharing_of_added after insert on %s
         for each row when (new.sharing_mode <> ''private'') execute function app_private.tg__audit_sharing_mode(%L)', v_table, v_kind);
    execute format(
      'create or replace trigger _510_audit_sharing_mode after update of sharing_mode on %s
         for each row when (old.sharing_mode <> new.sharing_mode) execute function app_private.tg__audit_sharing_mode(%L)', v_table, v_kind);
    -- a knowledge source cannot be copied
    if v_kind <> 'knowledge_source' then
      execute format(
        'create or replace trigger _520_audit_copy after insert on %s
           for each row when (new.copied_from_id is not null) execute function app_private.tg__audit_copy(%L)', v_table, v_kind);
    end if;
  end loop;
end
$$;

create or replace trigger _500_audit after insert or update or delete on app_public.resource_shares
  for each row execute function app_private.tg_resource_shares__audit();
create or replace trigger _200_append_only before update or delete on app_public.resource_sharing_audit
  for each row execute function app_private.tg_resource_sharing_audit__append_only();
create or replace trigger _210_append_only before truncate on app_public.resource_sharing_audit
  for each statement execute function app_private.tg_resource_sharing_audit__append_only();

create or replace trigger _300_check_source before insert on app_public.agent_knowledge_sources
  for each row execute function app_private.tg_agent_knowledge_sources__check_source();
