-- The registry of models: versions of names, each with its artefact and where it comes from. The idea: a name is what callers ask for, and
-- an alias says which version answers. A unique index keeps one model for each name and alias, and the lock of the name makes moving it
-- one step, so nobody ever sees two champions or none in between.

call core.secure_tenant_table('app_public.ml_models');
call audit.track('app_public.ml_models');
call core.allow('app_public.ml_models', read => 'member');
grant select on app_public.ml_models to rowhouse_user;
grant select on app_public.ml_models to rowhouse_platform;
comment on table app_public.ml_models is
  E'@behavior -insert -update -delete\nModels that were trained on this tenant''s data, at most 1,000: each row is one version of a name. Members of the tenant see them; a training job makes them, promoteMlModel lets one answer.';
comment on column app_public.ml_models.tenant_id is 'The tenant.';
comment on column app_public.ml_models.id is 'The id.';
comment on column app_public.ml_models.model_type is 'What it is for.';
comment on column app_public.ml_models.model_name is E'@notPersonal\nThe name that its versions share.';
comment on column app_public.ml_models.version is 'The version: the number of the model among those of its name, from 1.';
comment on column app_public.ml_models.status is 'Where it is in its life.';
comment on column app_public.ml_models.alias is 'The alias by which it answers; null while it does not.';
comment on column app_public.ml_models.framework is 'How it is served: sql is answered by the database itself.';
comment on column app_public.ml_models.architecture is E'@behavior -filterBy -orderBy\nThe trainer, and what it reads.';
comment on column app_public.ml_models.hyperparameters is E'@behavior -filterBy -orderBy\nThe settings that it was trained with, those that the trainer chose among them.';
comment on column app_public.ml_models.performance_metrics is E'@behavior -filterBy -orderBy\nWhat it reached on the rows that were held out.';
comment on column app_public.ml_models.training_data_info is E'@behavior -filterBy -orderBy\nHow many rows it was trained on, and which were left out.';
comment on column app_public.ml_models.training_job_id is 'The job that trained it.';
comment on column app_public.ml_models.feature_set is 'The feature set that it was trained on.';
comment on column app_public.ml_models.feature_set_hash is 'The SHA-256 of the definitions of the feature set.';
comment on column app_public.ml_models.data_hash is 'A hash of the rows that it was trained on. The same hash, configuration and seed give the same model.';
comment on column app_public.ml_models.code_version is 'The version of the trainer.';
comment on column app_public.ml_models.created_by is E'@personal pseudonymise\nThe person who asked for its training.';
comment on column app_public.ml_models.measured_at is E'@kept\nWhen its predictions were last looked at for drift.';
comment on column app_public.ml_models.created_at is 'When it was made.';
comment on column app_public.ml_models.updated_at is 'When it last changed.';
comment on constraint model_name_is_a_word on app_public.ml_models is 'must be 1 to 63 small letters, digits and _ . - and begin with a letter';
comment on constraint version_is_a_name on app_public.ml_models is 'must have 1 to 255 characters and no control characters';
comment on constraint alias_is_of_an_active_model on app_public.ml_models is 'must be given when the model is active, and only then';
comment on constraint architecture_is_an_object on app_public.ml_models is 'must be a JSON object';
comment on constraint hyperparameters_are_an_object on app_public.ml_models is 'must be a JSON object';
comment on domain app_public.ml_model_type is
  'What a model is for. emissions_prediction: a number, from features or as the next values of a series. anomaly_detection: whether a value is unusual. optimization: the best plan. recommendation: what goes with what was chosen.';
comment on constraint ml_model_type_is_known on domain app_public.ml_model_type is
  'must be emissions_prediction, anomaly_detection, optimization or recommendation';
comment on domain app_public.ml_model_status is
  'The life of a model. training: its job is at it. validating: it is trained and has no alias. active: it answers by an alias. deprecated: it is kept and does not answer. failed: it could not be made.';
comment on constraint ml_model_status_is_known on domain app_public.ml_model_status is
  'must be training, validating, active, deprecated or failed';
comment on domain app_public.ml_model_alias is 'By which name a version answers. champion: the one that callers get. challenger: one that is tried beside it.';
comment on constraint ml_model_alias_is_known on domain app_public.ml_model_alias is 'must be champion or challenger';
comment on domain app_public.ml_trainer is
  'How a model is trained. ridge: a linear law, with a penalty on its coefficients. holt_winters: a series by its level, trend and season. seasonal_zscore: the distance from the median of the season. item_item: items that the same entities choose.';
comment on constraint ml_trainer_is_known on domain app_public.ml_trainer is 'must be ridge, holt_winters, seasonal_zscore or item_item';
grant execute on function ml.to_number to rowhouse_user, rowhouse_platform, rowhouse_worker;

call core.secure_tenant_table('ml.model_artefacts');
call audit.leave_out('derived from other tables by rules', 'ml.model_artefacts');
comment on table ml.model_artefacts is 'What a model consists of: for one that is served by SQL a JSON object. The checksum is computed by the table.';

create or replace function ml.most_models() returns int
language sql immutable parallel safe
return 1000;
comment on function ml.most_models is 'How many models a tenant has at most.';

create or replace function ml.raise_no_such_model(field text default 'model_id') returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  perform core.raise_error('ML301', raise_no_such_model.field || ': There is no such model in this tenant.', 'List the models with mlModels.');
end
$$;
comment on function ml.raise_no_such_model is E'@errors ML301\nRaises the one error for a model that does not exist or belongs to another tenant.';

-- Whoever moves an alias, or numbers a version, holds this lock until the end of the transaction. What it reads after it sees what the
-- one before has committed.
create or replace function ml.lock_name(model_name text) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  select pg_advisory_xact_lock(hashtext('ml.model_name'), hashtext(core.current_tenant_id()::text || ' ' || lock_name.model_name));
$$;
comment on function ml.lock_name is 'Lets one transaction at a time change which models of a name answer.';

create or replace function ml.lock_model(model_id uuid) returns app_public.ml_models
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_model app_public.ml_models;
begin
  select * into v_model from app_public.ml_models m where m.tenant_id = core.current_tenant_id() and m.id = lock_model.model_id;
  if not found then
    perform ml.raise_no_such_model();
  end if;
  perform ml.lock_name(v_model.model_name);
  select * into v_model from app_public.ml_models m
   where m.tenant_id = core.current_tenant_id() and m.id = lock_model.model_id for no key update;
  if not found then
    perform ml.raise_no_such_model();
  end if;
  return v_model;
end
$$;
comment on function ml.lock_model is E'@errors ML301\nLocks a model and its name.';

create or replace function ml.artefact_of(model_id uuid) returns jsonb
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select convert_from(a.content, 'UTF8')::jsonb from ml.model_artefacts a
   where a.tenant_id = core.current_tenant_id() and a.model_id = artefact_of.model_id;
$$;
comment on function ml.artefact_of is 'What a model that is served by SQL consists of.';

create or replace function app_public.ml_models_artefact_checksum(model app_public.ml_models) returns text
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select encode(a.checksum, 'hex') from ml.model_artefacts a
   where a.tenant_id = core.current_tenant_id() and a.model_id = (model).id;
$$;
comment on function app_public.ml_models_artefact_checksum is
  'The SHA-256 of what the model consists of, in hexadecimal digits. Two models with the same one answer the same.';
grant execute on function app_public.ml_models_artefact_checksum to rowhouse_user;

create or replace function ml.add_model(model app_public.ml_models, artefact jsonb) returns app_public.ml_models
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_content constant bytea := convert_to(add_model.artefact::text, 'UTF8');
  v_most_bytes constant int := 10000000;
begin
  perform ml.lock_name((model).model_name);
  if (select count(*) from app_public.ml_models m where m.tenant_id = core.current_tenant_id()) >= ml.most_models() then
    perform core.raise_error('ML602', format('A tenant can have at most %s models.', ml.most_models()), 'Delete models that are not needed with deleteMlModel.');
  elsif octet_length(v_content) > v_most_bytes then
    perform core.raise_error('ML603', 'The model would have more than 10 MB.', 'Train it on fewer features or items.');
  end if;
  insert into app_public.ml_models as m (
    tenant_id, model_type, model_name, version, status, framework, architecture, hyperparameters, training_data_info, training_job_id,
    feature_set, feature_set_hash, data_hash, code_version, created_by, created_at)
  select core.current_tenant_id(), (model).model_type, (model).model_name,
         (select coalesce(max(n.version::int), 0) + 1 from app_public.ml_models n
           where n.tenant_id = core.current_tenant_id() and n.model_name = (model).model_name and n.version ~ '^[0-9]{1,9}$')::text,
         'training', 'sql', (model).architecture, coalesce((model).hyperparameters, '{}'), (model).training_data_info,
         (model).training_job_id, (model).feature_set, (model).feature_set_hash, (model).data_hash, (model).code_version,
         (model).created_by, core.clock()
  returning m.* into model;
  insert into ml.model_artefacts (tenant_id, model_id, content) values ((model).tenant_id, (model).id, v_content);
  return model;
end
$$;
comment on function ml.add_model is
  E'@errors ML602 ML603\nRegisters a model that was just fitted, as the next version of its name, with what it consists of.';

create or replace function app_public.delete_ml_model(model_id uuid) returns app_public.ml_models
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_model app_public.ml_models;
begin
  perform tenancy.require_permission('can_publish_resources');
  v_model := ml.lock_model(delete_ml_model.model_id);
  if v_model.status in ('active', 'training') then
    perform core.raise_error('ML503', format('The model is %s.', v_model.status), 'Deprecate it first, or cancel its job.');
  end if;
  delete from app_public.ml_models m where m.tenant_id = v_model.tenant_id and m.id = v_model.id;
  return v_model;
end
$$;
comment on function app_public.delete_ml_model is
  E'@resultFieldName model\n@errors ID203 ML301 ML503 TN202\nDeletes a model that does not answer, with its predictions and figures. Needs can_publish_resources.';
grant execute on function app_public.delete_ml_model to rowhouse_user;
