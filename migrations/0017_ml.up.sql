-- Machine learning: models, features, training, predictions and drift on the tenant's own data.

create schema ml authorization rowhouse_owner;
comment on schema ml is 'Models on the tenant''s own data.';
grant usage on schema ml to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform;

set role rowhouse_owner;

-- Registry ------------------------------------------------------------------------------------------------------------------


-- Features ------------------------------------------------------------------------------------------------------------------


-- Training ------------------------------------------------------------------------------------------------------------------


-- Predictions ---------------------------------------------------------------------------------------------------------------

reset role;
