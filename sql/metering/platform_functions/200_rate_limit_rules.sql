-- rate_limit_config is what people write; rate_limit_rules is what holds, worked out whenever that changes, so that a
-- request reads a few ready rows: precedence, exceptions and the platform's defaults are decided here.

create or replace function app_private.rate_limit_rules_wanted(tenant_ids uuid[]) returns setof app_private.rate_limit_rules
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
comment on function app_private.rate_limit_rules_wanted(uuid[]) is 'The rate limits that hold for these tenants, from what is configured for them and by default.';

create or replace function app_private.refresh_rate_limit_rules(tenant_ids uuid[]) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- one at a time: two changes that do not see each other would each leave the other out
  perform pg_advisory_xact_lock(hashtextextended('rate_limit_rules', 9));
  delete from app_private.rate_limit_rules r where r.tenant_id = any (refresh_rate_limit_rules.tenant_ids);
  insert into app_private.rate_limit_rules select * from app_private.rate_limit_rules_wanted(refresh_rate_limit_rules.tenant_ids);
end
$$;
comment on function app_private.refresh_rate_limit_rules(uuid[]) is 'Works out anew which rate limits hold for these tenants.';

create or replace function app_private.tg_rate_limit_config__refresh_rules() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform app_private.refresh_rate_limit_rules(
    case when coalesce(new.is_default, false) or coalesce(old.is_default, false) then array(select t.id from app_public.tenants t)
         else array[coalesce(new.tenant_id, old.tenant_id)] end);
  return null;
end
$$;
comment on function app_private.tg_rate_limit_config__refresh_rules() is 'Rate limits hold from the commit that sets them.';

create or replace function app_private.tg_rate_limit_config__check_scope() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if new.limit_scope = 'user' and new.scope_id is not null
      and not exists (select from app_public.user_tenants m where m.tenant_id = new.tenant_id and m.user_id = new.scope_id)
    or new.limit_scope = 'agent' and new.scope_id is not null
      and not exists (select from app_public.agents a where a.tenant_id = new.tenant_id and a.id = new.scope_id) then
    perform app_private.raise_error('RL301', 'There is no such user or agent in this tenant.', 'Name one of its members or agents, or nobody for each of them.');
  end if;
  if new.is_default and not exists (select from app_public.tenants t where t.id = new.tenant_id and t.type = 'platform') then
    perform app_private.raise_error('RL401', 'Only the platform''s own tenant can hold defaults.', 'Set is_default in the tenant of type platform.');
  end if;
  return new;
end
$$;
comment on function app_private.tg_rate_limit_config__check_scope() is
  'RL301: the user or agent a limit names is not of its tenant; RL401: a default outside of the platform''s tenant.';

create or replace function app_private.tg_tenants__set_rate_limits() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- without defaults there is nothing to work out, and new tenants do not wait for each other
  if exists (select from app_public.rate_limit_config c where c.is_default) then
    perform app_private.refresh_rate_limit_rules(array[new.id]);
  end if;
  return null;
end
$$;
comment on function app_private.tg_tenants__set_rate_limits() is 'The platform''s default rate limits hold for a new tenant at once.';

grant execute on function app_private.tg_rate_limit_config__refresh_rules(), app_private.tg_rate_limit_config__check_scope(),
  app_private.tg_tenants__set_rate_limits() to rowhouse_owner;
