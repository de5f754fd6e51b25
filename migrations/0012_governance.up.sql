-- Governance: a tenant's secrets, consent, obligations, and how long data is kept.

create schema governance authorization rowhouse_owner;
comment on schema governance is 'Secrets of tenants, consent, obligations, retention, export and erasure.';
grant usage on schema governance to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform;

set role rowhouse_owner;

-- Provider secrets ----------------------------------------------------------------------------------------------------------

-- Consent and obligations ---------------------------------------------------------------------------------------------------

-- Retention, export and erasure ---------------------------------------------------------------------------------------------

reset role;
