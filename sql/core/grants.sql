grant usage on schema app_public to rowhouse_user, rowhouse_worker, rowhouse_platform, rowhouse_analyst;
grant usage on schema app_hidden to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform, rowhouse_analyst;
grant usage on schema app_private to rowhouse_authenticator, rowhouse_worker, rowhouse_platform;
