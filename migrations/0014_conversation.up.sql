-- Conversation: what is said with agents, panels of agents, and what agents believe on which evidence.

create schema conversation authorization rowhouse_owner;
comment on schema conversation is 'Conversations with agents, panels of agents, signals, beliefs and their evidence.';
grant usage on schema conversation to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform;

set role rowhouse_owner;

-- Conversations -------------------------------------------------------------------------------------------------------------


-- Panels --------------------------------------------------------------------------------------------------------------------


-- Signals and beliefs -------------------------------------------------------------------------------------------------------

reset role;
