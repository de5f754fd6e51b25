drop type app_public.new_webhook_secret cascade;
drop table vault.webhook_endpoints cascade;
drop table app_public.webhook_deliveries cascade;
drop table app_public.webhook_endpoints cascade;
drop table app_public.webhook_event_kinds cascade;
drop domain app_public.webhook_delivery_status, app_public.webhook_disabled_reason cascade;
drop schema webhooks cascade;
