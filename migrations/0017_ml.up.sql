-- Machine learning: models, features, training, predictions and drift on the tenant's own data.

create schema ml authorization rowhouse_owner;
comment on schema ml is 'Models on the tenant''s own data.';
grant usage on schema ml to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform;

set role rowhouse_owner;

-- PostgreSQL refuses to compute what is infinite and what is too small for a double. So every number of a feature is neither so large nor so
-- small that coefficients, their products with it or squares of errors could be: then nothing fails, and nothing is NaN.
create function ml.to_number(value jsonb) returns double precision
language sql immutable parallel safe
return case jsonb_typeof(value)
  when 'number' then case
    when abs((value #>> '{}')::numeric) >= 1e40 then null
    when abs((value #>> '{}')::numeric) < 1e-40 then 0
    else (value #>> '{}')::numeric::double precision end
  when 'boolean' then case when value = 'true' then 1 else 0 end
end;
comment on function ml.to_number is
  'A JSON number, or a boolean as 1 or 0; null for everything else, and for a number of 1e40 or more. One below 1e-40 is 0. It is immutable, because generated columns use it.';

-- Registry ------------------------------------------------------------------------------------------------------------------

create domain app_public.ml_model_type as text
  constraint ml_model_type_is_known check (value in ('emissions_prediction', 'anomaly_detection', 'optimization', 'recommendation'));
create domain app_public.ml_model_status as text
  constraint ml_model_status_is_known check (value in ('training', 'validating', 'active', 'deprecated', 'failed'));
create domain app_public.ml_model_alias as text
  constraint ml_model_alias_is_known check (value in ('champion', 'challenger'));
create domain app_public.ml_trainer as text
  constraint ml_trainer_is_known check (value in ('ridge', 'holt_winters', 'seasonal_zscore', 'item_item'));
create domain app_public.ml_promotion_status as text
  constraint ml_promotion_status_is_known check (value in ('pending', 'done', 'refused'));

create table app_public.ml_models (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  model_type app_public.ml_model_type not null,
  model_name text not null,
  version text not null,
  status app_public.ml_model_status not null default 'training',
  alias app_public.ml_model_alias,
  framework text not null default 'tensorflow.js',
  architecture jsonb not null,
  hyperparameters jsonb not null default '{}',
  performance_metrics jsonb,
  training_data_info jsonb,

  -- where it comes from
  training_job_id uuid,
  feature_set text collate "C",
  feature_set_hash bytea,
  data_hash bytea,
  code_version text not null,

  created_by uuid,
  -- when its predictions were last looked at for drift
  measured_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  constraint model_name_is_a_word check (model_name ~ '^[a-z][a-z0-9_.-]{0,62}$'),
  constraint version_is_a_name check (core.is_name(version)),
  constraint alias_is_of_an_active_model check ((alias is not null) = (status = 'active')),
  constraint architecture_is_an_object check (jsonb_typeof(architecture) = 'object'),
  constraint hyperparameters_are_an_object check (jsonb_typeof(hyperparameters) = 'object')
);
call core.limit_length('app_public.ml_models', 63, 'model_name', 'feature_set');
call core.limit_length('app_public.ml_models', 255, 'version', 'framework', 'code_version');
call core.limit_bytes('app_public.ml_models', 20000, 'architecture', 'hyperparameters', 'performance_metrics', 'training_data_info');
call core.limit_bytes('app_public.ml_models', 32, 'feature_set_hash', 'data_hash');
create unique index ml_models_tenant_id_model_name_version_key on app_public.ml_models (tenant_id, model_name, version);
create unique index ml_models_tenant_id_model_name_alias_key on app_public.ml_models (tenant_id, model_name, alias) where alias is not null;
-- a job that is continued after its worker has died finds the model that it made
create unique index ml_models_tenant_id_training_job_id_key on app_public.ml_models (tenant_id, training_job_id);
create index on app_public.ml_models (tenant_id, created_at);

create table ml.model_artefacts (
  tenant_id uuid not null,
  model_id uuid not null,
  content bytea not null,
  checksum bytea not null generated always as (sha256(content)) stored,
  created_at timestamptz not null default now(),
  primary key (tenant_id, model_id),
  foreign key (tenant_id, model_id) references app_public.ml_models (tenant_id, id) on delete cascade
);
call core.limit_bytes('ml.model_artefacts', 10000000, 'content');
call core.limit_bytes('ml.model_artefacts', 32, 'checksum');

create table app_public.ml_promotion_rules (
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  model_name text not null,
  metric_type text,
  min_improvement double precision not null default 0,
  needs_approval boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, model_name),
  constraint model_name_is_a_word check (model_name ~ '^[a-z][a-z0-9_.-]{0,62}$'),
  constraint metric_type_is_a_word check (metric_type ~ '^[a-z][a-z0-9_]{0,62}$'),
  constraint min_improvement_is_a_share check (min_improvement between 0 and 1)
);
call core.limit_length('app_public.ml_promotion_rules', 63, 'model_name', 'metric_type');

create table app_public.ml_promotions (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  ordinal bigint not null,
  model_name text not null,
  alias app_public.ml_model_alias not null,
  -- null when the alias was taken away
  model_id uuid,
  replaced_model_id uuid,
  status app_public.ml_promotion_status not null,
  reason text,
  user_id uuid,
  approval_id uuid,
  created_at timestamptz not null,
  primary key (tenant_id, id),
  foreign key (tenant_id, model_id) references app_public.ml_models (tenant_id, id) on delete cascade
);
call core.limit_length('app_public.ml_promotions', 63, 'model_name');
call core.limit_length('app_public.ml_promotions', 2000, 'reason');
create unique index ml_promotions_tenant_id_model_name_ordinal_key on app_public.ml_promotions (tenant_id, model_name, ordinal);
create unique index ml_promotions_pending_key on app_public.ml_promotions (tenant_id, model_name, alias) where status = 'pending';
create index on app_public.ml_promotions (tenant_id, model_id);

-- Features ------------------------------------------------------------------------------------------------------------------

create domain app_public.ml_feature_type as text
  constraint ml_feature_type_is_known check (value in ('number', 'boolean', 'text'));
create type app_public.ml_feature_definition as (name text, type app_public.ml_feature_type, is_required boolean);
create type app_public.new_ml_features as (
  entity_id text, observed_at timestamptz, features jsonb, validity_period interval, metadata jsonb);

create table app_public.ml_feature_sets (
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  name text collate "C" not null,
  description text,
  definitions app_public.ml_feature_definition[] not null,
  validity_period interval not null default '1 day',
  -- how it is computed by itself, if it is
  statement text,
  every interval,
  next_run_at timestamptz,
  last_computed_at timestamptz,
  last_error text,
  created_by_user_id uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  constraint name_is_a_word check (name ~ '^[a-z][a-z0-9_.-]{0,62}$'),
  constraint definitions_are_given check (cardinality(definitions) > 0),
  constraint validity_period_is_in_range check (validity_period between interval '1 second' and interval '36525 days'),
  constraint every_is_in_range check (every between interval '1 minute' and interval '366 days'),
  constraint every_has_a_statement check (every is null or statement is not null)
);
call core.limit_length('app_public.ml_feature_sets', 63, 'name');
call core.limit_length('app_public.ml_feature_sets', 2000, 'description');
call core.limit_length('app_public.ml_feature_sets', 1000, 'last_error');
call core.limit_bytes('app_public.ml_feature_sets', 20000, 'statement');
call core.limit_entries('app_public.ml_feature_sets', 200, 'definitions');
create unique index ml_feature_sets_tenant_id_name_key on app_public.ml_feature_sets (tenant_id, name);
create index ml_feature_sets_due on app_public.ml_feature_sets (next_run_at) where next_run_at is not null;

create table app_public.ml_features (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  feature_set text collate "C" not null,
  entity_id text collate "C" not null,
  -- what time they are about, and since when they are known
  observed_at timestamptz not null,
  computed_at timestamptz not null,
  features jsonb not null,
  -- the same in the order of the definitions; null for what is missing and for texts
  numbers double precision[] not null,
  is_latest boolean not null,
  is_backfill boolean not null default false,
  validity_period interval not null default '1 day',
  metadata jsonb default '{}',
  created_at timestamptz not null default now(),
  primary key (tenant_id, feature_set, entity_id, observed_at, computed_at),
  foreign key (tenant_id, feature_set) references app_public.ml_feature_sets (tenant_id, name) on delete cascade,
  constraint entity_id_is_not_empty check (entity_id <> ''),
  constraint features_are_an_object check (jsonb_typeof(features) = 'object'),
  constraint metadata_is_an_object check (jsonb_typeof(metadata) = 'object'),
  constraint observed_at_is_finite check (isfinite(observed_at))
);
call core.limit_length('app_public.ml_features', 63, 'feature_set');
call core.limit_length('app_public.ml_features', 255, 'entity_id');
call core.limit_bytes('app_public.ml_features', 16000, 'features');
call core.limit_bytes('app_public.ml_features', 8192, 'metadata');
call core.limit_entries('app_public.ml_features', 200, 'numbers');
create index on app_public.ml_features (tenant_id, created_at);
create index on app_public.ml_features (tenant_id, feature_set, observed_at);

-- Training ------------------------------------------------------------------------------------------------------------------

create domain app_public.ml_job_status as text
  constraint ml_job_status_is_known check (value in ('queued', 'running', 'completed', 'failed', 'cancelled'));

create table app_public.ml_training_jobs (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  model_type app_public.ml_model_type not null,
  model_name text not null,
  trainer app_public.ml_trainer not null,
  feature_set text collate "C" not null,
  status app_public.ml_job_status not null default 'queued',
  config jsonb not null,
  seed int not null,
  progress int not null default 0,
  -- each begin is another attempt; what an older one brings is refused
  attempt int not null default 0,
  metrics jsonb,
  error_message text,
  model_id uuid,
  data_hash bytea,
  created_by_user_id uuid,
  started_at timestamptz,
  completed_at timestamptz,
  created_at timestamptz not null,
  primary key (tenant_id, id),
  foreign key (tenant_id, model_id) references app_public.ml_models (tenant_id, id) on delete cascade,
  constraint model_name_is_a_word check (model_name ~ '^[a-z][a-z0-9_.-]{0,62}$'),
  constraint config_is_an_object check (jsonb_typeof(config) = 'object'),
  constraint progress_is_a_percentage check (progress between 0 and 100),
  constraint completed_at_is_of_an_end check ((status in ('completed', 'failed', 'cancelled')) = (completed_at is not null))
);
call core.limit_length('app_public.ml_training_jobs', 63, 'model_name', 'feature_set');
call core.limit_length('app_public.ml_training_jobs', 1000, 'error_message');
call core.limit_bytes('app_public.ml_training_jobs', 20000, 'config', 'metrics');
call core.limit_bytes('app_public.ml_training_jobs', 32, 'data_hash');
create unique index ml_training_jobs_open_key on app_public.ml_training_jobs (tenant_id, model_name) where status in ('queued', 'running');
create index on app_public.ml_training_jobs (tenant_id, created_at);
create index on app_public.ml_training_jobs (tenant_id, model_id);

-- What a trainer gives: what the model consists of, the settings it chose, and what it read.
create type ml.fit as (artefact jsonb, hyperparameters jsonb, data_info jsonb, data_hash bytea);
-- What an evaluation gives: metrics by their names, on rows with this hash.
create type ml.evaluation as (metrics jsonb, row_count bigint, evaluation_hash bytea);
create type ml.smoothing as (level double precision, trend double precision, season double precision[], squared_error double precision);

-- Predictions ---------------------------------------------------------------------------------------------------------------

create table app_public.ml_predictions (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  model_id uuid not null,
  prediction_type text not null,
  entity_id text collate "C",
  -- the defaults are what an erasure leaves
  input_data jsonb not null default '{}',
  prediction jsonb not null default '{}',
  predicted_number double precision generated always as (ml.to_number(prediction -> 'value')) stored,
  confidence decimal(3, 2),
  actual_value jsonb,
  actual_number double precision generated always as (ml.to_number(actual_value)) stored,
  actual_at timestamptz,
  feedback text,
  user_id uuid,
  agent_id uuid,
  created_at timestamptz not null,
  primary key (tenant_id, id),
  foreign key (tenant_id, model_id) references app_public.ml_models (tenant_id, id) on delete cascade,
  constraint prediction_type_is_a_word check (prediction_type ~ '^[a-z][a-z0-9_]{0,62}$'),
  constraint prediction_is_an_object check (jsonb_typeof(prediction) = 'object'),
  constraint confidence_is_a_share check (confidence between 0 and 1),
  constraint actual_value_has_a_time check ((actual_value is null) = (actual_at is null))
);
call core.limit_length('app_public.ml_predictions', 63, 'prediction_type');
call core.limit_length('app_public.ml_predictions', 255, 'entity_id');
call core.limit_length('app_public.ml_predictions', 2000, 'feedback');
call core.limit_bytes('app_public.ml_predictions', 16000, 'input_data', 'actual_value');
-- a forecast of 400 steps
call core.limit_bytes('app_public.ml_predictions', 100000, 'prediction');
create index on app_public.ml_predictions (tenant_id, model_id, created_at);
create index on app_public.ml_predictions (tenant_id, created_at);

create table app_public.ml_model_performance (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  model_id uuid not null,
  metric_type text not null,
  metric_value decimal,
  evaluation_data jsonb,
  -- of the rows that it was measured on: figures with the same hash can be compared
  evaluation_hash bytea,
  row_count bigint not null,
  evaluated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  foreign key (tenant_id, model_id) references app_public.ml_models (tenant_id, id) on delete cascade,
  constraint metric_type_is_a_word check (metric_type ~ '^[a-z][a-z0-9_]{0,62}$'),
  constraint metric_value_is_finite check (metric_value not in ('NaN', 'Infinity', '-Infinity'))
);
call core.limit_length('app_public.ml_model_performance', 63, 'metric_type');
call core.limit_bytes('app_public.ml_model_performance', 20000, 'evaluation_data');
call core.limit_bytes('app_public.ml_model_performance', 32, 'evaluation_hash');
create index on app_public.ml_model_performance (tenant_id, model_id, metric_type, evaluated_at);
create index on app_public.ml_model_performance (tenant_id, evaluated_at);

create type app_public.new_ml_actual as (prediction_id uuid, actual_value jsonb, feedback text);

create domain app_public.ml_request_status as text
  constraint ml_request_status_is_known check (value in ('pending', 'awaiting_approval', 'completed', 'failed', 'cancelled'));

create table app_public.agent_ml_requests (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  agent_id uuid not null,
  model_id uuid not null,
  request_type text not null,
  -- the default is what an erasure leaves
  input_data jsonb not null default '{}',
  prediction jsonb,
  status app_public.ml_request_status not null default 'pending',
  error_message text,
  prediction_id uuid,
  task_id uuid not null,
  user_id uuid,
  created_at timestamptz not null,
  completed_at timestamptz,
  primary key (tenant_id, id),
  foreign key (tenant_id, model_id) references app_public.ml_models (tenant_id, id) on delete cascade,
  foreign key (tenant_id, task_id) references app_public.tasks (tenant_id, id) on delete cascade,
  constraint request_type_is_a_word check (request_type ~ '^[a-z][a-z0-9_]{0,62}$'),
  constraint completed_at_is_of_an_end check ((status in ('completed', 'failed', 'cancelled')) = (completed_at is not null))
);
call core.limit_length('app_public.agent_ml_requests', 63, 'request_type');
call core.limit_length('app_public.agent_ml_requests', 1000, 'error_message');
call core.limit_bytes('app_public.agent_ml_requests', 16000, 'input_data');
call core.limit_bytes('app_public.agent_ml_requests', 100000, 'prediction');
create unique index agent_ml_requests_tenant_id_task_id_key on app_public.agent_ml_requests (tenant_id, task_id);
create index on app_public.agent_ml_requests (tenant_id, created_at);
create index on app_public.agent_ml_requests (tenant_id, model_id);

reset role;
