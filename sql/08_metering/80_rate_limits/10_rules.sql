-- Rate limits: people write rate_limit_config, and rate_limit_rules has the limits that apply. The rules are computed whenever a
-- limit changes, with precedence, exceptions and the defaults of the platform, so that a request only reads a few ready rows.

call core.secure_tenant_table('app_public.rate_limit_config');
call audit.track('app_public.rate_limit_config');
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
grant
  insert (
    limit_scope, scope_id, limit_type, per_minute, per_hour, per_day, per_month, on_limit_action,
    warning_threshold_percent, is_active, is_default, source),
  update (per_minute, per_hour, per_day, per_month, on_limit_action, warning_threshold_percent, is_active)
  on app_public.rate_limit_config to rowhouse_user;
grant select, insert, update, delete on app_public.rate_limit_config to rowhouse_platform;
comment on table app_public.rate_limit_config is
  'Limits of how fast requests, tokens and cost may come. All limits that concern a use decide together. Every member reads them. Those with can_manage_settings set the tenant''s own limits, which can only limit it further.';
comment on column app_public.rate_limit_config.limit_scope is 'Whose usage is limited.';
comment on column app_public.rate_limit_config.scope_id is
  'The user, agent or API key. null limits each of them separately, except those that have a limit of their own. It is always null when the scope is the tenant.';
comment on column app_public.rate_limit_config.limit_type is 'What is limited: requests, tokens, or cost in US cents.';
comment on column app_public.rate_limit_config.per_minute is 'The most in any 60 seconds; null for no such limit.';
comment on column app_public.rate_limit_config.per_hour is 'The most in any hour; null for no such limit.';
comment on column app_public.rate_limit_config.per_day is 'The most in any 24 hours; null for no such limit.';
comment on column app_public.rate_limit_config.per_month is
  'The most in any 30 days; null for no such limit. Quotas limit months of the calendar.';
comment on column app_public.rate_limit_config.on_limit_action is
  'What happens beyond the limit: block refuses; queue refuses and asks the caller to try again; throttle allows and asks the caller to wait; warn allows.';
comment on column app_public.rate_limit_config.is_hard_limit is 'Whether the limit refuses, as block and queue do.';
comment on column app_public.rate_limit_config.warning_threshold_percent is
  'The percentage of the limit from which on a decision carries a warning, 0 to 100, by default 80.';
comment on column app_public.rate_limit_config.is_active is 'Whether the limit applies.';
comment on column app_public.rate_limit_config.is_default is
  'Whether the limit applies to every tenant whose plan has no limit of this kind. Only the tenant of the platform has defaults.';
comment on column app_public.rate_limit_config.source is
  'Who set it. override (platform staff) replaces plan for the same thing; own is set by the tenant itself and adds to them.';
comment on column app_public.rate_limit_config.created_at is 'When the limit was set.';
comment on column app_public.rate_limit_config.updated_at is 'When the limit last changed.';
comment on constraint scope_of_the_tenant_has_no_id on app_public.rate_limit_config is 'must be empty when the scope is the tenant';
comment on constraint per_minute_is_positive on app_public.rate_limit_config is 'must be at least 1';
comment on constraint per_hour_is_positive on app_public.rate_limit_config is 'must be at least 1';
comment on constraint per_day_is_positive on app_public.rate_limit_config is 'must be at least 1';
comment on constraint per_month_is_positive on app_public.rate_limit_config is 'must be at least 1';
comment on constraint there_is_a_limit on app_public.rate_limit_config is
  'must be given, unless there is a limit for another length of time';
comment on constraint warning_threshold_is_a_percentage on app_public.rate_limit_config is 'must be from 0 to 100';
comment on constraint default_names_nobody on app_public.rate_limit_config is 'must be off when the limit names a user, an agent or an API key';
comment on index app_public.rate_limit_config_tenant_id_limit_scope_scope_id_limit_type_idx is
  'must be different from the rate limits that exist: there is one of this source for the same thing already';

call core.secure_tenant_table('metering.rate_limit_rules');
call audit.leave_out('derived from other tables by rules', 'metering.rate_limit_rules');
grant select, insert, update, delete on metering.rate_limit_rules to rowhouse_platform;
comment on table metering.rate_limit_rules is 'The rate limits that apply, one row for each window, computed from rate_limit_config.';

set local role rowhouse_platform;  -- outside the wall: the default rate limits of the platform apply to every tenant
create or replace function metering.rate_limit_rules_wanted(tenant_ids uuid[]) returns setof metering.rate_limit_rules
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_minute constant int := 60;
  v_day constant int := 24 * 60 * 60;
begin
  return query
    with candidate as (
      select t.id as for_tenant_id, c.*,
             case when c.is_default then 1 when c.source = 'plan' then 2 when c.source = 'override' then 3 end as rank
        from app_public.tenants t
        join app_public.rate_limit_config c on c.is_active and (c.tenant_id = t.id or c.is_default)
       where t.id = any (rate_limit_rules_wanted.tenant_ids)
    ), effective as (
      -- A plan replaces the default of the platform, and an override replaces both. A tenant's own limits add to them and cannot
      -- lift them.
      select distinct on (for_tenant_id, limit_scope, scope_id, limit_type, is_hard_limit, rank is null, case when rank is null then id end) *
        from candidate
       order by for_tenant_id, limit_scope, scope_id, limit_type, is_hard_limit, rank is null, case when rank is null then id end, rank desc
    )
    select e.for_tenant_id, e.id, w.seconds, e.limit_scope, e.scope_id,
           -- A limit for each does not apply to those that have a limit of their own of the same kind.
           case when e.scope_id is null and e.limit_scope <> 'tenant' then array(
             select distinct x.scope_id from effective x
              where x.for_tenant_id = e.for_tenant_id and x.limit_scope = e.limit_scope and x.limit_type = e.limit_type
                and x.is_hard_limit = e.is_hard_limit and (x.rank is null) = (e.rank is null) and x.scope_id is not null)
             else '{}' end,
           e.limit_type, w.allowed::double precision, e.on_limit_action, w.allowed::double precision * e.warning_threshold_percent / 100,
           e.limit_scope = 'tenant' and e.limit_type = 'requests' and count(*) over (partition by e.for_tenant_id) = 1
      from effective e,
           lateral (values (v_minute, e.per_minute), (60 * v_minute, e.per_hour), (v_day, e.per_day), (30 * v_day, e.per_month))
             as w (seconds, allowed)
     where w.allowed is not null;
end
$$;
comment on function metering.rate_limit_rules_wanted is
  'The rate limits that apply to these tenants, computed from their configuration and from the defaults.';

create or replace function metering.refresh_rate_limit_rules(tenant_ids uuid[]) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  -- The seed keeps this key apart from other advisory locks of ours.
  v_seed constant bigint := 9;
begin
  -- Only one session at a time computes rules. Two sessions that do not see each other's change would each leave it out.
  perform pg_advisory_xact_lock(hashtextextended('rate_limit_rules', v_seed));
  delete from metering.rate_limit_rules r where r.tenant_id = any (refresh_rate_limit_rules.tenant_ids);
  insert into metering.rate_limit_rules select * from metering.rate_limit_rules_wanted(refresh_rate_limit_rules.tenant_ids);
end
$$;
comment on function metering.refresh_rate_limit_rules is
  'Computes the rate limits that apply to these tenants again.';

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
  'Computes the rules again when a rate limit changes, so that it applies from the commit on.';
grant execute on function metering.tg_rate_limit_config__refresh_rules to rowhouse_owner;

create or replace function metering.tg_rate_limit_config__check_scope() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if new.scope_id is not null then
    perform metering.require_subject(new.tenant_id, new.limit_scope, new.scope_id);
  end if;
  if new.is_default and not exists (select from app_public.tenants t where t.id = new.tenant_id and t.type = 'platform') then
    perform core.raise_error('RL401', 'Only the tenant of the platform has default rate limits.', 'Set is_default in the tenant of type platform.');
  end if;
  return new;
end
$$;
comment on function metering.tg_rate_limit_config__check_scope is
  E'@errors MT301 RL401\nRefuses a limit of a user, an agent or an API key that does not belong to its tenant, and a default outside the tenant of the platform.';
grant execute on function metering.tg_rate_limit_config__check_scope to rowhouse_owner;

create or replace function metering.tg_rate_limit_config__keep_windows() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_id uuid := metering.derived_id(row(new.tenant_id, new.limit_scope, new.scope_id, new.limit_type, new.source, new.is_default)::text);
begin
  -- The action is no part of it, because it can be changed. So of two limits that differ only in being hard, the second one
  -- keeps a random id.
  if not exists (select from app_public.rate_limit_config c where c.id = v_id) then
    new.id := v_id;
  end if;
  return new;
end
$$;
comment on function metering.tg_rate_limit_config__keep_windows is
  'Gives a limit the id that the same limit had before it was deleted, so that its windows go on and deleting it does not empty them.';
grant execute on function metering.tg_rate_limit_config__keep_windows to rowhouse_owner;

create or replace function metering.tg_tenants__set_rate_limits() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- Without defaults there is nothing to compute, and new tenants do not wait for each other.
  if exists (select from app_public.rate_limit_config c where c.is_default) then
    perform metering.refresh_rate_limit_rules(array[new.id]);
  end if;
  return null;
end
$$;
comment on function metering.tg_tenants__set_rate_limits is
  'Applies the default rate limits of the platform to a new tenant.';
grant execute on function metering.tg_tenants__set_rate_limits to rowhouse_owner;

set local role rowhouse_owner;

create or replace trigger _200_check_scope before insert or update on app_public.rate_limit_config
  for each row execute function metering.tg_rate_limit_config__check_scope();
create or replace trigger _300_keep_windows before insert on app_public.rate_limit_config
  for each row execute function metering.tg_rate_limit_config__keep_windows();
create or replace trigger _600_refresh_rules after insert or update or delete on app_public.rate_limit_config
  for each row execute function metering.tg_rate_limit_config__refresh_rules();
create or replace trigger _620_set_rate_limits after insert on app_public.tenants
  for each row execute function metering.tg_tenants__set_rate_limits();
