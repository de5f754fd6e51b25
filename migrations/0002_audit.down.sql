drop type app_public.audit_finding cascade;
drop schema audit cascade;
drop domain app_public.audit_kind, app_public.audit_actor cascade;
