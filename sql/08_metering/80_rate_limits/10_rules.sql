-- rate_limit_config is what people write; rate_limit_rules is what holds, worked out whenever that changes, so that a
-- request reads a few ready rows: precedence, exceptions and the platform's defaults are decided here.

call core.secure_tenant_table('app_public.rate_limit_config');
call core.allow('app_public.rate_limit_config', write => 'staff');
create policy select_member on app_public.rate_limit_config for select to rowhouse_user
  using (limit_scope <> 'user' or scope_id is null or scope_id = (select core.current_user_id())
         or (select tenancy.has_permission('can_view_analytics')));
create policy insert_manager on app_public.rate_limit_config for insert to rowhouse_user
  with check (source = 'own' and not is_default and (select tenancy.has_permission('can_manage_settings')));
create policy update_manager on app_public.rate_limit_config for update to rowhouse_user
  using (source = 'own' and not is_default and (select tenancy.has_permission('can_manage_settings')))
  with check (source = 'own' and not is_default and (select tenancy.has_permission('can_manage_settings')));
create policy delete_manager on app_public.rate_limit_config for delete to rowhouse_user
  using (source = 'own' and not is_default and (select tenancy.has_permission('can_manage_settings')));
grant select, delete on app_public.rate_limit_config to rowhouse_user;
grant insert (limit_scope, scope_id, limit_type, per_minute, per_hour, per_day, per_month, on_limit_action, warning_threshold_percent,
  is_active, is_default, source) on app_public.rate_limit_config to rowhouse_user;
grant update (per_minute, per_hour, per_day, per_month, on_limit_action, warning_threshold_percent, is_active) on app_public.rate_limit_config to rowhouse_user;
grant select, insert, update, delete on app_public.rate_limit_config to rowhouse_platform;
comment on table app_public.rate_limit_config is
  'How fast requests, tokens and cost may come. All that concern a use decide together. Everyone reads them; who may manage settings sets the tenant''s own, which can only limit it further.';
comment on column app_public.rate_limit_config.limit_scope is 'Whose use is limited: tenant, user, agent or api_key.';
comment on column app_public.rate_limit_config.scope_id is 'The user, agent or API key; null for each of them on its own, unless it is named in a row of its own. Always null for the tenant.';
comment on column app_public.rate_limit_config.limit_type is 'requests, tokens or cost (in US cents).';
comment on column app_public.rate_limit_config.per_minute is 'Most in any 60 seconds; null for no such limit.';
comment on column app_public.rate_limit_config.per_hour is 'Most in any hour; null for no such limit.';
comment on column app_public.rate_limit_config.per_day is 'Most in any 24 hours; null for no such limit.';
comment on column app_public.rate_limit_config.per_month is 'Most in any 30 days; null for no such limit. Months of the calendar are quotas.';
comment on column app_public.rate_limit_config.on_limit_action is 'What happens beyond the limit: block (refused), queue (refused, to be tried again by the caller), throttle (allowed, the caller should wait) or warn (allowed).';
comment on column app_public.rate_limit_config.is_hard_limit is 'Whether it refuses: block and queue do.';
comment on column app_public.rate_limit_config.warning_threshold_percent is 'From how many percent of the limit on a decision carries a warning, 0 to 100, by default 80.';
comment on column app_public.rate_limit_config.is_active is 'Whether it holds.';
comment on column app_public.rate_limit_config.is_default is 'Whether it holds for every tenant that has nothing else of that kind from its plan. Of the platform''s tenant only.';
comment on column app_public.rate_limit_config.source is 'Who set it: plan, or override (platform staff), which replaces the plan''s for the same thing; or own, which adds to them.';
comment on column app_public.rate_limit_config.created_at is 'When it was set.';
comment on column app_public.rate_limit_config.updated_at is 'When it last changed.';

call core.secure_tenant_table('metering.rate_limit_rules');
grant select, insert, update, delete on metering.rate_limit_rules to rowhouse_platform;
comment on table metering.rate_limit_rules is 'The rate limits that hold, one row a window, derived from rate_limit_config.';

set local role rowhouse_platform;  -- outside the wall: the platform's default rate limits hold for every tenant
create or replace function metering.rate_limit_rules_wanted(tenant_ids uuid[]) returns setof metering.rate_limit_rules
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    with candidate as (
      select t.id as for_tenant_id, c.*,
             case when c.is_default then 1 when c.source = 'plan' then 2 when c.source = 'override' then 3 end as rank
        from app_public.tenants t
        join app_public.rate_limit_config c on c.is_active and (c.tenant_id = t.id or c.is_default)
       where t.id = any (rate_limit_rules_wanted.tenant_ids)
    ), effective as (
      -- a plan replaces the platform's default, an override both; what a tenant set itself adds and lifts nothing
      select distinct on (for_tenant_id, limit_scope, scope_id, limit_type, is_hard_limit, rank is null, case when rank is null then id end) *
        from candidate
       order by for_tenant_id, limit_scope, scope_id, limit_type, is_hard_limit, rank is null, case when rank is null then id end, rank desc
    )
    select e.for_tenant_id, e.id, w.seconds, e.limit_scope, e.scope_id,
           -- a limit for each steps back for those who have one of their own, of the same making
           case when e.scope_id is null and e.limit_scope <> 'tenant' then array(
             select distinct x.scope_id from effective x
              where x.for_tenant_id = e.for_tenant_id and x.limit_scope = e.limit_scope and x.limit_type = e.limit_type
                and x.is_hard_limit = e.is_hard_limit and (x.rank is null) = (e.rank is null) and x.scope_id is not null)
             else '{}' end,
           e.limit_type, w.allowed::double precision, e.on_limit_action, w.allowed::double precision * e.warning_threshold_percent / 100,
           e.limit_scope = 'tenant' and e.limit_type = 'requests' and count(*) over (partition by e.for_tenant_id) = 1
      from effective e,
           lateral (values (60, e.per_minute), (3600, e.per_hour), (86400, e.per_day), (2592000, e.per_month)) as w (seconds, allowed)
     where w.allowed is not null;
end
$$;
comment on function metering.rate_limit_rules_wanted is
  'The rate limits that hold for these tenants, from what is configured for them and by default.';

create or replace function metering.refresh_rate_limit_rules(tenant_ids uuid[]) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- one at a time: two changes that do not see each other would each leave the other out
  perform pg_advisory_xact_lock(hashtextextended('rate_limit_rules', 9));
  delete from metering.rate_limit_rules r where r.tenant_id = any (refresh_rate_limit_rules.tenant_ids);
  insert into metering.rate_limit_rules select * from metering.rate_limit_rules_wanted(refresh_rate_limit_rules.tenant_ids);
end
$$;
comment on function metering.refresh_rate_limit_rules is
  'Works out anew which rate limits hold for these tenants.';

create or replace function metering.tg_rate_limit_config__refresh_rules() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform metering.refresh_rate_limit_rules(
    case when coalesce(new.is_default, false) or coalesce(old.is_default, false) then array(select t.id from app_public.tenants t)
         else array[coalesce(new.tenant_id, old.tenant_id)] end);
  return null;
end
$$;
comment on function metering.tg_rate_limit_config__refresh_rules is
  'Rate limits hold from the commit that sets them.';
grant execute on function metering.tg_rate_limit_config__refresh_rules to rowhouse_owner;

create or replace function metering.tg_rate_limit_config__check_scope() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if new.limit_scope = 'user' and new.scope_id is not null
      and not exists (select from app_public.user_tenants m where m.tenant_id = new.tenant_id and m.user_id = new.scope_id)
    or new.limit_scope = 'agent' and new.scope_id is not null
      and not exists (select from app_public.agents a where a.tenant_id = new.tenant_id and a.id = new.scope_id) then
    perform core.raise_error('RL301', 'There is no such user or agent in this tenant.', 'Name one of its members or agents, or nobody for each of them.');
  end if;
  if new.is_default and not exists (select from app_public.tenants t where t.id = new.tenant_id and t.type = 'platform') then
    perform core.raise_error('RL401', 'Only the platform''s own tenant can hold defaults.', 'Set is_default in the tenant of type platform.');
  end if;
  return new;
end
$$;
comment on function metering.tg_rate_limit_config__check_scope is
  'RL301: the user or agent a limit names is not of its tenant; RL401: a default outside of the platform''s tenant.';
grant execute on function metering.tg_rate_limit_config__check_scope to rowhouse_owner;

create or replace function metering.tg_tenants__set_rate_limits() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- without defaults there is nothing to work out, and new tenants do not wait for each other
  if exists (select from app_public.rate_limit_config c where c.is_default) then
    perform metering.refresh_rate_limit_rules(array[new.id]);
  end if;
  return null;
end
$$;
comment on function metering.tg_tenants__set_rate_limits is
  'The platform''s default rate limits hold for a new tenant at once.';
grant execute on function metering.tg_tenants__set_rate_limits to rowhouse_owner;

set local role rowhouse_owner;

create or replace trigger _200_check_scope before insert or update on app_public.rate_limit_config
  for each row execute function metering.tg_rate_limit_config__check_scope();
create or replace trigger _600_refresh_rules after insert or update or delete on app_public.rate_limit_config
  for each row execute function metering.tg_rate_limit_config__refresh_rules();
create or replace trigger _620_set_rate_limits after insert on app_public.tenants
  for each row execute function metering.tg_tenants__set_rate_limits();
