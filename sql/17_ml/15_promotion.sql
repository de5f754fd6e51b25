-- Which version of a model answers: promotion, roll back, deprecation, and the rules that a promotion has to pass. Every move is a row of
-- ml_promotions, so the history of a name can be read, and a roll back knows what was there before.

call core.secure_tenant_table('app_public.ml_promotion_rules');
call audit.track('app_public.ml_promotion_rules');
call core.allow('app_public.ml_promotion_rules', read => 'member', write => 'can_manage_settings');
grant select, delete,
  insert (model_name, metric_type, min_improvement, needs_approval),
  update (metric_type, min_improvement, needs_approval)
  on app_public.ml_promotion_rules to rowhouse_user;
comment on table app_public.ml_promotion_rules is
  E'@behavior -query:resource:single\nWhat the champion of a name has to pass, at most 200 rules. A name without a rule has none. Members of the tenant see them; writing needs can_manage_settings.';
comment on column app_public.ml_promotion_rules.tenant_id is 'The tenant.';
comment on column app_public.ml_promotion_rules.model_name is E'@notPersonal\nThe name of the models.';
comment on column app_public.ml_promotion_rules.metric_type is
  'The metric in which a new champion must be better than the one before, on the same evaluation, such as rmse, mae, mase, r2, precision, recall, coverage or hit_rate; null for none.';
comment on column app_public.ml_promotion_rules.min_improvement is 'By which share of the old value it must be better at least, 0 to 1.';
comment on column app_public.ml_promotion_rules.needs_approval is 'Whether people must approve it, as they approve what agents do.';
comment on column app_public.ml_promotion_rules.created_at is 'When it was made.';
comment on column app_public.ml_promotion_rules.updated_at is 'When it last changed.';
comment on constraint model_name_is_a_word on app_public.ml_promotion_rules is 'must be 1 to 63 small letters, digits and _ . - and begin with a letter';
comment on constraint metric_type_is_a_word on app_public.ml_promotion_rules is 'must be 1 to 63 small letters, digits and _ and begin with a letter';
comment on constraint min_improvement_is_a_share on app_public.ml_promotion_rules is 'must be from 0 to 1';

call core.secure_tenant_table('app_public.ml_promotions');
call audit.leave_out('a log that rules write', 'app_public.ml_promotions');
call core.allow('app_public.ml_promotions', read => 'member');
grant select on app_public.ml_promotions to rowhouse_user;
comment on table app_public.ml_promotions is
  E'@behavior -insert -update -delete -query:resource:single -query:resource:connection\nThe history of aliases: who let which model answer, and what answered before. Members of the tenant see it.';
comment on column app_public.ml_promotions.tenant_id is 'The tenant.';
comment on column app_public.ml_promotions.id is 'The id.';
comment on column app_public.ml_promotions.ordinal is 'Its place in the history of the name, from 1.';
comment on column app_public.ml_promotions.model_name is E'@notPersonal\nThe name of the models.';
comment on column app_public.ml_promotions.alias is 'The alias.';
comment on column app_public.ml_promotions.model_id is 'The model that answers by it since; null when none does.';
comment on column app_public.ml_promotions.replaced_model_id is 'The model that answered by it before; null when none did.';
comment on column app_public.ml_promotions.status is 'How it stands.';
comment on column app_public.ml_promotions.reason is E'@personal erase\nWhy.';
comment on column app_public.ml_promotions.user_id is E'@personal pseudonymise\nWho did it or asked for it.';
comment on column app_public.ml_promotions.approval_id is 'The approval that it waits for or got.';
comment on column app_public.ml_promotions.created_at is 'When.';
comment on constraint ml_promotions_tenant_id_model_id_fkey on app_public.ml_promotions is E'@fieldName model\n@foreignFieldName promotions';
comment on domain app_public.ml_promotion_status is 'pending: it waits for an approval. done: the alias was moved. refused: it was not approved, or did not pass its rule any more.';
comment on constraint ml_promotion_status_is_known on domain app_public.ml_promotion_status is 'must be pending, done or refused';

create or replace function ml.is_higher_better(metric_type text) returns boolean
language sql immutable parallel safe
return metric_type in ('r2', 'precision', 'recall', 'coverage', 'hit_rate');
comment on function ml.is_higher_better is 'Whether more of a metric is better; of errors and drift less is.';

create or replace function ml.tg_ml_promotion_rules__limit() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_most constant int := 200;
begin
  perform pg_advisory_xact_lock(hashtext('ml.promotion_rules'), hashtext(new.tenant_id::text));
  if (select count(*) from app_public.ml_promotion_rules r where r.tenant_id = new.tenant_id) >= v_most then
    perform core.raise_error('ML604', format('A tenant can have at most %s rules.', v_most), 'Delete rules that are not needed.');
  end if;
  return new;
end
$$;
comment on function ml.tg_ml_promotion_rules__limit is E'@errors ML604\nKeeps the number of rules below its limit. One transaction at a time adds some.';
create or replace trigger _200_limit before insert on app_public.ml_promotion_rules
  for each row execute function ml.tg_ml_promotion_rules__limit();

-- Two figures are compared only when they are of the same rows.
create or replace function ml.require_better(challenger app_public.ml_models, champion app_public.ml_models, rule app_public.ml_promotion_rules)
returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_new numeric;
  v_old numeric;
  v_is_higher_better constant boolean := ml.is_higher_better((rule).metric_type);
begin
  select n.metric_value, o.metric_value into v_new, v_old
    from app_public.ml_model_performance n
    join app_public.ml_model_performance o
      on o.tenant_id = n.tenant_id and o.model_id = (champion).id and o.metric_type = n.metric_type and o.evaluation_hash = n.evaluation_hash
   where n.tenant_id = (challenger).tenant_id and n.model_id = (challenger).id and n.metric_type = (rule).metric_type
     and n.metric_value is not null and o.metric_value is not null
   order by n.evaluated_at desc, n.id limit 1;
  if not found then
    perform core.raise_error('ML504', format('The model and the champion have no %s of the same evaluation.', (rule).metric_type),
      'Train it anew: its job evaluates the champion on the same rows.');
  elsif v_is_higher_better and (v_new <= v_old or v_new < v_old + abs(v_old) * (rule).min_improvement)
    or not v_is_higher_better and (v_new >= v_old or v_new > v_old - abs(v_old) * (rule).min_improvement) then
    perform core.raise_error('ML505',
      format('Its %s is %s, and that of the champion is %s.', (rule).metric_type, round(v_new, 6), round(v_old, 6)),
      'Train a better model, or change the rule of this name.');
  end if;
end
$$;
comment on function ml.require_better is
  E'@errors ML504 ML505\nRaises an error unless a model is better than the champion by as much as the rule asks, on the same rows.';

create or replace function ml.next_promotion(model_name text) returns bigint
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(max(p.ordinal), 0) + 1 from app_public.ml_promotions p
   where p.tenant_id = core.current_tenant_id() and p.model_name = next_promotion.model_name;
$$;
comment on function ml.next_promotion is 'The place of the next move in the history of a name, which is locked.';

create or replace function ml.move_alias(
  model_name text, alias app_public.ml_model_alias, model_id uuid, retired_as app_public.ml_model_status) returns uuid
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_replaced_id uuid;
begin
  update app_public.ml_models m set alias = null, status = move_alias.retired_as
   where m.tenant_id = core.current_tenant_id() and m.model_name = move_alias.model_name and m.alias = move_alias.alias
     and m.id is distinct from move_alias.model_id
  returning m.id into v_replaced_id;
  update app_public.ml_models m set alias = move_alias.alias, status = 'active'
   where m.tenant_id = core.current_tenant_id() and m.id = move_alias.model_id;
  return v_replaced_id;
end
$$;
comment on function ml.move_alias is
  'Moves an alias to a model of its name, which is locked, or takes it away. Returns the model that had it.';

create or replace function app_public.promote_ml_model(
  model_id uuid, alias app_public.ml_model_alias default 'champion', reason text default null) returns app_public.ml_promotions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_alias constant app_public.ml_model_alias := coalesce(promote_ml_model.alias, 'champion');
  v_model app_public.ml_models;
  v_champion app_public.ml_models;
  v_rule app_public.ml_promotion_rules;
  v_promotion app_public.ml_promotions;
begin
  perform tenancy.require_permission('can_publish_resources');
  v_model := ml.lock_model(promote_ml_model.model_id);
  if v_model.status not in ('validating', 'active', 'deprecated') then
    perform core.raise_error('ML502', format('The model is %s.', v_model.status), 'Promote one that is trained.');
  elsif v_model.alias = v_alias then
    perform core.raise_error('ML502', format('The model is the %s already.', v_alias), 'There is nothing to do.');
  end if;
  if v_alias = 'champion' then
    select * into v_rule from app_public.ml_promotion_rules r where r.tenant_id = v_model.tenant_id and r.model_name = v_model.model_name;
    select * into v_champion from app_public.ml_models m
     where m.tenant_id = v_model.tenant_id and m.model_name = v_model.model_name and m.alias = 'champion';
    if v_rule.metric_type is not null and v_champion.id is not null then
      perform ml.require_better(v_model, v_champion, v_rule);
    end if;
  end if;
  insert into app_public.ml_promotions (tenant_id, ordinal, model_name, alias, model_id, status, reason, user_id, created_at)
  values (v_model.tenant_id, ml.next_promotion(v_model.model_name), v_model.model_name, v_alias, v_model.id, 'pending',
          promote_ml_model.reason, core.current_user_id(), core.clock())
  on conflict (tenant_id, model_name, alias) where status = 'pending' do nothing
  returning * into v_promotion;
  if not found then
    perform core.raise_error('ML506', 'Another promotion of this name waits for its approval.', 'Wait for it, or have it rejected.');
  end if;
  if v_rule.needs_approval then
    update app_public.ml_promotions p
       set approval_id = (runtime.open_approval(
         ('ml_promotion', v_promotion.id, null, core.current_user_id())::runtime.approval_subject,
         left(format('%s version %s becomes the %s', v_model.model_name, v_model.version, v_alias), 255),
         jsonb_build_object('model_id', v_model.id, 'metrics', v_model.performance_metrics), 'policy')).id
     where p.tenant_id = v_promotion.tenant_id and p.id = v_promotion.id
    returning p.* into v_promotion;
    return v_promotion;
  end if;
  return ml.carry_out_promotion(v_promotion.id);
end
$$;
comment on function app_public.promote_ml_model is
  E'@resultFieldName promotion\n@errors ID203 ML301 ML502 ML504 ML505 ML506 RN430 RN431 RN530 TN202\nLets a model answer by an alias of its name, in the place of the one that did. The rule of the name decides whether a champion must be better than the one before on the same evaluation, and whether it waits for an approval. Needs can_publish_resources.';
grant execute on function app_public.promote_ml_model to rowhouse_user;

create or replace function ml.carry_out_promotion(promotion_id uuid) returns app_public.ml_promotions
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_promotion app_public.ml_promotions;
begin
  select * into strict v_promotion from app_public.ml_promotions p
   where p.tenant_id = core.current_tenant_id() and p.id = carry_out_promotion.promotion_id;
  update app_public.ml_promotions p
     set status = 'done',
         replaced_model_id = ml.move_alias(v_promotion.model_name, v_promotion.alias, v_promotion.model_id, 'validating')
   where p.tenant_id = v_promotion.tenant_id and p.id = v_promotion.id and p.status = 'pending'
  returning p.* into v_promotion;
  return v_promotion;
end
$$;
comment on function ml.carry_out_promotion is 'Moves the alias of a promotion that is pending. Its name is locked.';

create or replace function ml.tg_agent_approvals__promote() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_promotion app_public.ml_promotions;
  v_model app_public.ml_models;
begin
  select * into v_promotion from app_public.ml_promotions p where p.tenant_id = new.tenant_id and p.id = new.subject_id;
  if not found then
    return null;
  end if;
  v_model := ml.lock_model(v_promotion.model_id);
  if new.status = 'approved' and v_model.status in ('validating', 'active', 'deprecated') then
    perform ml.carry_out_promotion(v_promotion.id);
  else
    update app_public.ml_promotions p set status = 'refused'
     where p.tenant_id = v_promotion.tenant_id and p.id = v_promotion.id and p.status = 'pending';
  end if;
  return null;
end
$$;
comment on function ml.tg_agent_approvals__promote is E'@errors ML301\nCarries out a promotion that was approved, and refuses one that was not.';
create or replace trigger _700_promote after update of status on app_public.agent_approvals
  for each row when (old.status = 'pending' and new.subject_kind = 'ml_promotion') execute function ml.tg_agent_approvals__promote();

create or replace function app_public.roll_back_ml_model(
  model_name text, alias app_public.ml_model_alias default 'champion', reason text default null) returns app_public.ml_promotions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_alias constant app_public.ml_model_alias := coalesce(roll_back_ml_model.alias, 'champion');
  v_before uuid;
  v_promotion app_public.ml_promotions;
begin
  perform tenancy.require_permission('can_publish_resources');
  perform ml.lock_name(roll_back_ml_model.model_name);
  -- The last model that was replaced by the one that answers now, and that can answer again.
  select p.replaced_model_id into v_before
    from app_public.ml_promotions p
    join app_public.ml_models now on now.tenant_id = p.tenant_id and now.id = p.model_id and now.alias = v_alias
    join app_public.ml_models old on old.tenant_id = p.tenant_id and old.id = p.replaced_model_id and old.status = 'validating'
   where p.tenant_id = v_tenant_id and p.model_name = roll_back_ml_model.model_name and p.alias = v_alias and p.status = 'done'
   order by p.ordinal desc limit 1;
  if v_before is null then
    perform core.raise_error('ML302', 'There is no model that answered before and still could.', 'Promote one with promoteMlModel.');
  end if;
  insert into app_public.ml_promotions (
    tenant_id, ordinal, model_name, alias, model_id, replaced_model_id, status, reason, user_id, created_at)
  values (v_tenant_id, ml.next_promotion(roll_back_ml_model.model_name), roll_back_ml_model.model_name, v_alias, v_before,
          ml.move_alias(roll_back_ml_model.model_name, v_alias, v_before, 'deprecated'), 'done', roll_back_ml_model.reason,
          core.current_user_id(), core.clock())
  returning * into v_promotion;
  return v_promotion;
end
$$;
comment on function app_public.roll_back_ml_model is
  E'@resultFieldName promotion\n@errors ID203 ML302 TN202\nGives an alias back to the model that had it before the one that answers now, which is deprecated. No rule and no approval is asked, because it is for when something is wrong. Needs can_publish_resources.';
grant execute on function app_public.roll_back_ml_model to rowhouse_user;

create or replace function app_public.deprecate_ml_model(model_id uuid, reason text default null) returns app_public.ml_models
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_model app_public.ml_models;
begin
  perform tenancy.require_permission('can_publish_resources');
  v_model := ml.lock_model(deprecate_ml_model.model_id);
  if v_model.status not in ('validating', 'active') then
    perform core.raise_error('ML502', format('The model is %s.', v_model.status), 'There is nothing to do.');
  end if;
  if v_model.alias is not null then
    insert into app_public.ml_promotions (tenant_id, ordinal, model_name, alias, replaced_model_id, status, reason, user_id, created_at)
    values (v_model.tenant_id, ml.next_promotion(v_model.model_name), v_model.model_name, v_model.alias, v_model.id, 'done',
            deprecate_ml_model.reason, core.current_user_id(), core.clock());
  end if;
  update app_public.ml_models m set status = 'deprecated', alias = null
   where m.tenant_id = v_model.tenant_id and m.id = v_model.id
  returning m.* into v_model;
  return v_model;
end
$$;
comment on function app_public.deprecate_ml_model is
  E'@resultFieldName model\n@errors ID203 ML301 ML502 TN202\nTakes a model out of use: it keeps its history and does not answer any more. Needs can_publish_resources.';
grant execute on function app_public.deprecate_ml_model to rowhouse_user;
