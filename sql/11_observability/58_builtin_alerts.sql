-- Built-in rules: what every tenant, and the platform, wants to be told without having made a rule for it. Most tenants never need
-- one, so a tenant's rule comes into being when it first would fire, found over all tenants by one statement a rule. From then on
-- it is a rule like any other, which the tenant can change and switch off.

call core.secure_global_table('observability.builtin_alerts', 'the built-in rules are the same for every tenant');
grant select on observability.builtin_alerts to rowhouse_platform;
call audit.leave_out('the files of rules write it', 'observability.builtin_alerts');
comment on table observability.builtin_alerts is 'The built-in rules.';
comment on column observability.builtin_alerts.name is E'@notPersonal\nThe name of the rule.';
comment on column observability.builtin_alerts.rule is 'Its row, but for the tenant.';
comment on column observability.builtin_alerts.is_platform is 'Whether it is a rule of the platform''s own tenant, or of every tenant.';
comment on column observability.builtin_alerts.candidates is 'SQL that names the tenants in which it may fire now.';

create or replace procedure observability.define_builtin_alert(name text, rule jsonb, candidates text default null)
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into observability.builtin_alerts as b (name, rule, is_platform, candidates)
  values (define_builtin_alert.name, define_builtin_alert.rule, define_builtin_alert.candidates is null, define_builtin_alert.candidates)
  on conflict on constraint builtin_alerts_pkey
    do update set rule = excluded.rule, is_platform = excluded.is_platform, candidates = excluded.candidates;
end
$$;
comment on procedure observability.define_builtin_alert is
  'Registers a built-in rule: of the platform, or, with SQL that names the tenants in which it may fire, of every tenant.';

call observability.define_builtin_alert('quota_nearly_used',
  '{"name": "A quota is nearly used up", "description": "Raise the quota or use less; usage above a hard limit is refused.", "metric": "quota_percent", "aggregation": "greatest", "comparator": "at_least", "threshold": 90}',
  'select distinct t.tenant_id from app_public.quota_tracking t where t.starts_at <= core.clock() and t.ends_at > core.clock()
      and 100 * (t.current_usage + t.reserved) >= 90 * t.quota_limit and t.quota_limit > 0');
call observability.define_builtin_alert('documents_failed',
  '{"name": "Documents could not be processed", "description": "The documents say why; retry them when it is mended.", "metric": "failed_documents", "aggregation": "count", "threshold": 0, "for_minutes": 5}',
  $$select t.id from app_public.tenants t where exists (select from app_public.documents d where d.tenant_id = t.id and d.processing_status = 'failed')$$);
call observability.define_builtin_alert('webhooks_failing',
  '{"name": "A webhook endpoint does not work", "description": "Look at its deliveries. What it missed can be replayed.", "metric": "failing_webhooks", "aggregation": "count", "threshold": 0}',
  $$select distinct e.tenant_id from app_public.webhook_endpoints e where e.disabled_reason in ('gone', 'failing') or e.failure_count >= 10$$);
call observability.define_builtin_alert('unpriced_calls',
  '{"name": "Calls of a model have no price", "description": "Ask the operator of the platform to set one; what was recorded is then rated.", "metric": "unpriced_llm_calls", "aggregation": "count", "window_minutes": 60, "threshold": 0, "severity": "info"}',
  $$select t.id from app_public.tenants t where exists (
      select from metering.llm_calls c where c.tenant_id = t.id and c.occurred_at >= core.clock() - interval '1 hour' and not c.is_priced)$$);

call observability.define_builtin_alert('jobs_failed',
  '{"name": "Jobs failed for good", "description": "npm run jobs -- summary --state failed tells why.", "metric": "failed_jobs", "aggregation": "sum", "threshold": 0}');
call observability.define_builtin_alert('queue_stands_still',
  '{"name": "The queue stands still", "description": "A job that is due waits for more than 15 minutes: is a worker running?", "metric": "oldest_job_seconds", "aggregation": "greatest", "threshold": 900, "severity": "critical"}');
call observability.define_builtin_alert('views_stale',
  '{"name": "A materialized view is too old", "description": "materializedViewStatus names it.", "metric": "stale_views", "aggregation": "count", "threshold": 0}');
call observability.define_builtin_alert('models_unpriced',
  '{"name": "Models without a price are called", "description": "Set their prices; what was recorded is then rated.", "metric": "unpriced_models", "aggregation": "count", "threshold": 0}');
call observability.define_builtin_alert('providers_failing',
  '{"name": "A model provider cannot be used", "description": "systemHealth names it and the class of the error.", "metric": "failing_providers", "aggregation": "count", "threshold": 0, "for_minutes": 2, "severity": "critical"}');
call observability.define_builtin_alert('checks_failing',
  '{"name": "A check of the platform''s health fails", "description": "systemHealth says which.", "metric": "failing_checks", "aggregation": "count", "threshold": 0, "severity": "critical"}');
call observability.define_builtin_alert('audit_unverified',
  '{"name": "The audit of a tenant does not verify", "description": "npm run audit -- verify names the entries.", "metric": "unverified_audits", "aggregation": "count", "threshold": 0, "severity": "critical"}');

set local role rowhouse_platform;  -- outside the wall: a built-in rule may fire in any tenant
create or replace function observability.builtin_candidates(name text) returns setof uuid
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_rule observability.builtin_alerts;
begin
  select b.* into strict v_rule from observability.builtin_alerts b where b.name = builtin_candidates.name;
  return query execute format(
    $q$select t.id from app_public.tenants t
        where t.status in ('trial', 'active') and case when $2 then t.type = 'platform' else t.id in (%s) end
          and not exists (select from app_public.alerts a where a.tenant_id = t.id and a.builtin = $1)
        order by t.id limit 1000$q$, coalesce(v_rule.candidates, 'null'::text))
    using v_rule.name, v_rule.is_platform;
end
$$;
comment on function observability.builtin_candidates is
  'The tenants that need a built-in rule and do not have it yet, at most 1,000.';
grant execute on function observability.builtin_candidates to rowhouse_owner;

create or replace function observability.unpriced_models(at timestamptz) returns setof text
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  -- A tenant that does not use the catalogue's models records them under names of its own, of which nobody can set the price.
  select distinct m.name
    from app_public.llm_models m
   where exists (select from app_public.tenants t
                   join metering.llm_calls c on c.tenant_id = t.id and c.model_id = m.id
                    and c.occurred_at >= unpriced_models.at - interval '1 day' and c.occurred_at < unpriced_models.at and not c.is_priced);
$$;
comment on function observability.unpriced_models is 'The models of the catalogue that were called without a price in the day before.';
grant execute on function observability.unpriced_models to rowhouse_owner;
set local role rowhouse_owner;

create or replace function observability.add_builtin_alerts() returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_rule observability.builtin_alerts;
  v_row app_public.alerts;
  v_tenant_id uuid;
  v_count int := 0;
begin
  for v_rule in select * from observability.builtin_alerts order by name loop
    for v_tenant_id in select c from observability.builtin_candidates(v_rule.name) c loop
      call core.enter_tenant(v_tenant_id);
      v_row := jsonb_populate_record(null::app_public.alerts, v_rule.rule);
      insert into app_public.alerts (
        tenant_id, builtin, name, description, metric, aggregation, comparator, threshold, window_minutes, for_minutes, severity, channels)
      values (v_tenant_id, v_rule.name, v_row.name, v_row.description, v_row.metric, v_row.aggregation, coalesce(v_row.comparator, 'above'),
              v_row.threshold, coalesce(v_row.window_minutes, 5), coalesce(v_row.for_minutes, 0), coalesce(v_row.severity, 'warning'),
              '{email,webhook,slack}')
      on conflict (tenant_id, builtin) where builtin is not null do nothing;
      v_count := v_count + 1;
    end loop;
  end loop;
  return v_count;
end
$$;
comment on function observability.add_builtin_alerts is
  'Gives tenants the built-in rules that may fire in them now, and returns how many. Two workers at once add one rule.';
grant execute on function observability.add_builtin_alerts to rowhouse_worker;
